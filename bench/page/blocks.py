"""What it costs the server to follow a growing answer, against rendering all of it anew at each piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from bench.menu import Options
from bench.page import texts
from bench.report import Table, say
from chat.markdown import BlockStream, render

PIECE = 4
TOKENS_PER_SECOND = 50.0
SAMPLES = 40
LENGTHS = (20_000, 100_000)
MAKERS: tuple[Callable[[int], str], ...] = (texts.answer, texts.code, texts.line)


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds for each piece of one text."""

    text: str
    characters: int
    mean: float
    mean_of_last_tenth: float
    worst: float
    bytes_sent: int
    anew: float

    def row(self) -> tuple[str, ...]:
        """The row of the table."""
        return (
            f"{self.text}, {self.characters:,}",
            f"{self.mean:.3f}",
            f"{self.mean_of_last_tenth:.3f}",
            f"{self.worst:.1f}",
            f"{self.bytes_sent / self.characters:.1f}",
            f"{self.anew:.1f}",
            f"{self.anew / self.mean:.0f}x",
        )


HEAD = (
    "text, characters", "ms a piece", "in the last tenth", "the worst", "bytes sent a character", "all anew", "ratio",
)  # fmt: skip


def measure(options: Options) -> Iterator[Table]:
    """Texts of three kinds in two lengths. Each is some thousand pieces, so nothing is repeated."""
    costs: list[Cost] = []
    for maker in MAKERS:
        for characters in LENGTHS[:1] if options.short else LENGTHS:
            say(f"blocks: {maker.__name__}, {characters:,} characters")
            costs.append(cost(maker, characters))
            yield Table(HEAD, tuple(each.row() for each in costs), {"costs": [asdict(each) for each in costs]})


def cost(maker: Callable[[int], str], characters: int) -> Cost:
    """Feed the text in pieces of four characters, fifty of them a second; render samples of it anew."""
    text = maker(characters)
    render(text[:2000])
    clock = [0.0]
    stream = BlockStream(clock=lambda: clock[0] + time.perf_counter())
    spent, sent = [], 0
    for start in range(0, len(text), PIECE):
        clock[0] += 1 / TOKENS_PER_SECOND
        began = time.perf_counter()
        blocks = stream.feed(text[start : start + PIECE])
        spent.append(1000 * (time.perf_counter() - began))
        sent += sum(len(block.html) for block in blocks)
    tenth = spent[-len(spent) // 10 :]
    return Cost(
        maker.__name__, characters, sum(spent) / len(spent), sum(tenth) / len(tenth), max(spent), sent, _anew(text)
    )


def _anew(text: str) -> float:
    """The mean milliseconds of rendering all that there is, over points spread evenly."""
    points = [len(text) * (number + 1) // SAMPLES for number in range(SAMPLES)]
    began = time.perf_counter()
    for point in points:
        render(text[:point])
    return 1000 * (time.perf_counter() - began) / SAMPLES
