"""The numbers of this server as Prometheus reads them. The library for it is imported at the first question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chat.parts import Parts

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


def exposition(house: Parts) -> tuple[bytes, str]:
    """The text and its media type."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(house))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Collector:
    """What the library asks for everything that there is."""

    def __init__(self, house: Parts) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        """Every metric with its values as they are now."""
        yield from _counters(self._house)
        yield _first_token(self._house)
        yield from _gauges(self._house)


def _counters(house: Parts) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    metrics = house.metrics
    requests = CounterMetricFamily("parley_requests", "Requests answered.", labels=("method", "route", "status"))
    for (method, route, status), count in sorted(metrics.requests.copy().items()):
        requests.add_metric((method, route, str(status)), count)
    yield requests
    for name, help_text, label, counts in (
        ("parley_runs", "Answers that are over, by how they ended.", "end", metrics.runs),
        ("parley_tokens", "Tokens of prompts, those of them taken from the cache, and generated ones.", "kind",
         metrics.tokens),
        ("parley_models", "Models loaded, unloaded on demand, evicted for others, and lost with their worker.", "event",
         metrics.models),
    ):  # fmt: skip
        family = CounterMetricFamily(name, help_text, labels=(label,))
        for value, count in sorted(counts.copy().items()):
            family.add_metric((value,), count)
        yield family


def _first_token(house: Parts) -> Metric:
    from prometheus_client.core import HistogramMetricFamily
    from prometheus_client.utils import floatToGoString

    family = HistogramMetricFamily("parley_first_token_seconds", "From the request to the first token of its answer.")
    buckets = [(floatToGoString(seconds), count) for seconds, count in house.metrics.first_tokens()]
    family.add_metric((), buckets, sum_value=house.metrics.first_token_seconds)
    return family


def _gauges(house: Parts) -> Iterator[Metric]:
    import psutil
    from prometheus_client.core import GaugeMetricFamily

    statuses, memory = house.engine.statuses().values(), house.engine.memory()
    for name, help_text, value in (
        ("parley_answers_running", "Answers being computed.", sum(now.running for now in statuses)),
        ("parley_answers_waiting", "Answers that wait for their turn.", sum(now.waiting for now in statuses)),
        ("parley_streams", "Streams and answers that hold a place.", house.streams.taken),
        ("parley_streams_limit", "Places for them.", house.streams.places),
        ("parley_models_ready", "Models in memory.", sum(now.state == "ready" for now in statuses)),
        ("parley_model_memory_bytes", "What models use or have reserved.", memory.used_bytes),
        ("parley_model_memory_limit_bytes", "What they may use.", memory.budget_bytes),
        ("parley_server_memory_bytes", "What the web process uses.", psutil.Process().memory_info().rss),
    ):
        yield GaugeMetricFamily(name, help_text, value=value)
