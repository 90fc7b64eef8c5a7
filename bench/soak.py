"""`./scripts/run.sh bench soak --minutes 15`: people come and go for a while, and nothing is left of them at the end.

Clients ask with random lengths, cancel, hang up at every stage, talk in conversations; two models are loaded and
unloaded meanwhile. What counts at the end: only intended errors, no request without an end, no growth of memory,
threads or open files.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from typing import Any
from urllib.error import HTTPError

import psutil

from bench.report import Table, save
from bench.rows.memory import MIB, tree_bytes
from bench.serving import Server, open_stream, serving

CLIENTS = 16
# What a client may be told because of what others do: a model unloaded under it, or too many at once.
INTENDED = {"model_unloaded", "queue_full", "too_many_streams", "model_busy", "model_loading", "cancelled"}
STUCK_SECONDS = 120.0
# Pools of threads and of database connections fill up as chance has it.
MOST_GROWTH = {"memory, MiB": 16.0, "threads": 4.0, "open files": 16.0}
WORDS = ("sun", "rain", "wind", "snow", "leaf", "stone")
STAGES = ("sent", "start", "token", "tokens")


@dataclass
class Counts:
    """What happened, by name; `wrong` has what should not have."""

    happened: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def note(self, name: str) -> None:
        """Count one more."""
        with self.lock:
            self.happened[name] += 1

    def complain(self, what: str) -> None:
        """Keep what should not have happened."""
        with self.lock:
            self.wrong.append(what)


class Client:
    """Somebody who asks, and does not always stay for the answer."""

    def __init__(self, server: Server, models: Sequence[str], number: int, counts: Counts) -> None:
        self._server, self._models, self._counts = server, models, counts
        self._random = Random(number)

    def live(self, over: Event) -> None:
        """Do one thing after another until it is over."""
        acts = [self._answer] * 4 + [self._cancel] * 2 + [self._hang_up] * 2 + [self._converse] * 2
        while not over.is_set():
            act = self._random.choice(acts)
            try:
                act()
                self._counts.note(act.__name__.strip("_"))
            except HTTPError as refusal:
                self._refused(refusal)
            except Exception as error:  # Whatever it is, it is a find, and the others go on.
                self._counts.complain(f"{act.__name__}: {error!r}")

    def _body(self) -> dict[str, Any]:
        words = " ".join(self._random.choice(WORDS) for _ in range(self._length()))
        return {
            "model": self._random.choice(self._models),
            "prompt": words,
            "max_new_tokens": self._random.choice((1, 8, 32, 100)),
            "temperature": self._random.choice((0, 1.0)),
        }

    def _length(self) -> int:
        return self._random.choice((1, 5, 20, 60))

    def _answer(self) -> None:
        self._follow(self._body(), None, lambda run_id: None)

    def _cancel(self) -> None:
        self._follow(self._body(), self._random.choice(STAGES[1:]), self._call_off)

    def _hang_up(self) -> None:
        self._follow(self._body(), self._random.choice(STAGES), None)

    def _call_off(self, run_id: str) -> None:
        try:
            self._server.ask(f"/api/runs/{run_id}/cancel", {})
        except HTTPError as error:
            if error.code != 404:  # It may have ended meanwhile.
                raise

    def _follow(self, body: dict[str, Any], stage: str | None, act: Any) -> None:
        """Read an answer; at a stage do something about it, or hang up where `act` is None."""
        stream, run_id, deadline = open_stream(self._server, body), "", time.monotonic() + STUCK_SECONDS
        stream.connection.settimeout(STUCK_SECONDS)
        with stream.connection:
            while stage != "sent" or act is not None:
                part = stream.connection.recv(65536)
                stream.hear(part, time.perf_counter())
                run_id = next((data["run_id"] for _, data in stream.of("start")), run_id)
                if stage is not None and run_id and _is_at(stage, len(stream.of("token"))):
                    if act is None:
                        return
                    act(run_id)
                    stage = None
                if not part:
                    break
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no end of {run_id} after {STUCK_SECONDS:.0f} s")
        if stage != "sent":
            self._ended(stream.last, stream.events[-1][2] if stream.events else {}, stream.rest)

    def _ended(self, last: str, data: dict[str, Any], rest: bytes) -> None:
        if last == "done":
            return
        error = data.get("error") or _refusal(rest)
        if error.get("code") not in INTENDED:
            self._counts.complain(f"an answer ended in {last}: {error or rest[:300]!r}")
        self._counts.note(f"told {error.get('code')}")

    def _converse(self) -> None:
        model = self._random.choice(self._models)
        mine = self._server.ask("/api/conversations", {"model": model})["id"]
        asked = {"content": f"Tell me of {self._length()} things.", "model": model, "max_new_tokens": 16}
        begun = self._server.ask(f"/api/conversations/{mine}/messages", asked)
        message, deadline = begun["assistant_message"], time.monotonic() + STUCK_SECONDS
        while message["status"] == "streaming":
            if time.monotonic() > deadline:
                raise TimeoutError(f"no end of the message {message['id']} after {STUCK_SECONDS:.0f} s")
            time.sleep(0.05)
            message = self._server.ask(f"/api/conversations/{mine}?view=path")["messages"][-1]
        if message["status"] == "failed" and (message["error"] or {}).get("code") not in INTENDED:
            self._counts.complain(f"a message failed: {message['error']}")

    def _refused(self, refusal: HTTPError) -> None:
        error = json.loads(refusal.read()).get("error", {})
        if error.get("code") not in INTENDED:
            self._counts.complain(f"refused with {refusal.code}: {error}")
        self._counts.note(f"told {error.get('code')}")


def come_and_go(server: Server, models: Sequence[str], over: Event, counts: Counts, pause: float) -> None:
    """Load and unload the models in turn, one by force and one politely."""
    number = 0
    while not over.wait(pause):
        model, number = models[number % len(models)], number + 1
        try:
            server.ask(f"/api/models/{model}/unload", {"force": number % 3 == 0})
            counts.note("unloaded")
            server.ask(f"/api/models/{model}/load", {})
        except HTTPError as refusal:
            code = json.loads(refusal.read())["error"]["code"]
            counts.note(f"told {code}")
            if code not in INTENDED:
                counts.complain(f"loading or unloading {model}: {code}")


def held(server: Server) -> dict[str, float]:
    """What the server's tree of processes holds."""
    root = psutil.Process(server.process.pid)
    everybody = [root, *root.children(recursive=True)]
    return {
        "memory, MiB": tree_bytes(root) / MIB,
        "threads": float(sum(each.num_threads() for each in everybody)),
        "open files": float(sum(each.num_fds() for each in everybody)),
    }


def quiet(server: Server, models: Sequence[str]) -> None:
    """Wait until nobody is answered, then have both models freshly loaded, so that two looks can be compared."""
    deadline = time.monotonic() + STUCK_SECONDS
    while (queue := server.ask("/api/system")["queue"])["running"] + queue["waiting"] + queue["streams"]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"requests are stuck: {queue}")
        time.sleep(0.1)
    for model in models:
        server.ask(f"/api/models/{model}/unload", {"force": True})
    for model in models:
        server.load(model)
        server.ask("/api/generate", {"model": model, "prompt": "One", "max_new_tokens": 2, "stream": False})


def bout(server: Server, models: Sequence[str], seconds: float, pause: float, counts: Counts, first: int) -> None:
    """Let everybody come and go for so long, and wait until the last has gone."""
    over = Event()
    clients = [Client(server, models, first + number, counts) for number in range(CLIENTS)]
    threads = [Thread(target=client.live, args=(over,), daemon=True) for client in clients]
    threads.append(Thread(target=come_and_go, args=(server, models, over, counts, pause), daemon=True))
    for thread in threads:
        thread.start()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join(2 * STUCK_SECONDS)
        if thread.is_alive():
            counts.complain("a client is stuck")


def soak(server: Server, models: Sequence[str], seconds: float, pause: float) -> tuple[Table, list[str]]:
    """Warm up for a quarter of the time, look, go on, look again. The table, and what should not have happened."""
    counts, looks = Counts(), []
    for first, part in ((0, seconds / 4), (CLIENTS, seconds * 3 / 4)):
        bout(server, models, part, pause, counts, first)
        quiet(server, models)
        looks.append(held(server))
    for name, most in MOST_GROWTH.items():
        if (growth := looks[1][name] - looks[0][name]) > most:
            counts.complain(f"{name} grew by {growth:.1f}, which is more than {most:.0f}")
    rows = [(name, f"{looks[0][name]:,.1f}", f"{looks[1][name]:,.1f}") for name in MOST_GROWTH]
    rows += [(name, "", f"{count:,}") for name, count in sorted(counts.happened.items())]
    rows.append(("what should not have happened", "", f"{len(counts.wrong):,}"))
    measured = {"after_warm_up": looks[0], "at_the_end": looks[1], "happened": counts.happened, "wrong": counts.wrong}
    return Table(("", "after warm-up", "at the end"), tuple(rows), measured | {"seconds": seconds}), counts.wrong


def _is_at(stage: str, tokens: int) -> bool:
    return stage == "start" or (stage == "token" and tokens > 0) or (stage == "tokens" and tokens > 3)


def _refusal(rest: bytes) -> dict[str, Any]:
    """The error in the body of an answer that was no stream."""
    body = rest.partition(b"{")
    try:
        return json.loads(body[1] + body[2])["error"]
    except (ValueError, KeyError):
        return {}


def main() -> int:
    """Run against a server of its own over the starter model and a tiny one; 1 where something was wrong."""
    from bench.__main__ import MODEL
    from bench.engines import LASTING, folder_of
    from tests.tiny import write_checkpoint

    parser = argparse.ArgumentParser(prog="run.sh bench soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--model", type=Path, default=MODEL, help="a GGUF file, beside which a tiny model is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parley-soak-") as name:
        tiny = write_checkpoint(Path(name) / "tiny", max_position_embeddings=4096)
        with (
            folder_of(options.model, tiny) as (folder, models),
            serving("chat", "--checkpoints", str(folder), "--cache-directory", str(LASTING)) as server,
        ):
            table, wrong = soak(server, models, 60 * options.minutes, pause=5.0)
    print(f"\n### soak, {options.minutes:g} minutes, {CLIENTS} clients\n\n{table.markdown()}\n")
    for complaint in wrong[:20]:
        print(f"- {complaint}")
    print(f"saved as {save('soak', table)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
