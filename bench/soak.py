"""`./scripts/run.sh bench soak --minutes 15`: people come and go for a while, and nothing is left of them at the end.

Visitors ask with random lengths, cancel, hang up at every stage, talk in conversations. One model stays loaded, others
are loaded and unloaded meanwhile. What counts at the end: only intended errors, no request without an end, no growth of
memory, threads or open files.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError

import psutil

from bench.children import end_in_order
from bench.report import Table, save, say
from bench.rows.memory import MIB, tree_bytes
from bench.serving import Server, listen, serving
from bench.visitors import STUCK_SECONDS, Counts, Visitor

VISITORS = 16
# Pools of threads and of database connections fill up as chance has it, and what an allocator keeps of a freed slot's
# keys and values (23 MiB of the starter model's) too.
MOST_GROWTH = {"memory, MiB": 24.0, "memory of the web process, MiB": 16.0, "threads": 4.0, "open files": 16.0}
CACHE = "keys and values among it, MiB"
# More than any visitor's prompt and answer together.
FILLING_WORDS = 320


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and with what: a model that stays loaded, others that come and go every `pause_seconds`.

    The time is cut into equal bouts with a look after each; the first bout is to warm up. Between what they do,
    visitors rest for `rest_seconds` on average.
    """

    lasting: str
    passing: Sequence[str]
    seconds: float
    bouts: int = 3
    pause_seconds: float = 5.0
    rest_seconds: float = 0.0

    @property
    def models(self) -> tuple[str, ...]:
        """All of them."""
        return (self.lasting, *self.passing)


def soak(server: Server, plan: Plan) -> tuple[Table, list[str]]:
    """One bout after another, with a look at what the server holds after each. The table, and what was wrong."""
    counts, looks = Counts(), []
    for model in plan.models:
        server.load(model)
    for number in range(plan.bouts):
        say(f"soak: bout {number + 1} of {plan.bouts}, {plan.seconds / plan.bouts:.0f} s")
        bout(server, plan, counts, VISITORS * number)
        say("soak: waits for the last answers, then brings all to the same state for a look")
        quiet(server, plan)
        fill(server, plan.lasting)
        looks.append(held(server, plan))
        say(f"soak: {sum(counts.happened.values())} things happened, {len(counts.wrong)} wrong; holds {looks[-1]}")
    for name, most in MOST_GROWTH.items():
        if (growth := _growth(looks, name)) > most:
            counts.complain(f"{name} grew by {growth:.1f}, which is more than {most:.0f}")
    return _table(plan, counts, looks), counts.wrong


def bout(server: Server, plan: Plan, counts: Counts, first: int) -> None:
    """Let everybody come and go for a part of the time, and wait until the last has gone."""
    over = Event()
    visitors = [Visitor(server, plan.models, first + number, counts, plan.rest_seconds) for number in range(VISITORS)]
    threads = [Thread(target=visitor.live, args=(over,), daemon=True) for visitor in visitors]
    threads.append(Thread(target=come_and_go, args=(server, plan, over, counts), daemon=True))
    for thread in threads:
        thread.start()
    over.wait(plan.seconds / plan.bouts)
    over.set()
    deadline = time.monotonic() + 2 * STUCK_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            counts.complain("a visitor is stuck")


def come_and_go(server: Server, plan: Plan, over: Event, counts: Counts) -> None:
    """Load and unload the passing models in turn, every third time by force."""
    number = 0
    while not over.wait(plan.pause_seconds):
        model, number = plan.passing[number % len(plan.passing)], number + 1
        try:
            server.ask(f"/api/models/{model}/unload", {"force": number % 3 == 0})
            counts.note("unloaded")
            server.ask(f"/api/models/{model}/load", {})
        except HTTPError as refusal:
            counts.refused(refusal, f"loading or unloading {model}")


def quiet(server: Server, plan: Plan) -> None:
    """Wait until nobody is answered, then have the passing models freshly loaded, so that looks can be compared."""
    deadline = time.monotonic() + STUCK_SECONDS
    while (queue := server.ask("/api/system")["queue"])["running"] + queue["waiting"] + queue["streams"]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"requests are stuck: {queue}")
        time.sleep(0.1)
    for model in plan.passing:
        server.ask(f"/api/models/{model}/unload", {"force": True})
    for model in plan.models:
        server.load(model)
        server.ask("/api/generate", {"model": model, "prompt": "One", "max_new_tokens": 2, "stream": False})


def fill(server: Server, model: str) -> None:
    """Have every place for keys and values the same size and written to: else looks differ by what was asked last."""
    prompts = [f"{each} {'word ' * FILLING_WORDS}" for each in range(VISITORS)]
    long = [{"model": model, "prompt": prompt, "max_new_tokens": 2} for prompt in prompts]
    ends = [stream.last for stream in listen(server, long)]
    if set(ends) != {"done"}:
        raise SystemExit(f"the model could not be filled: {ends}")


def held(server: Server, plan: Plan) -> dict[str, float]:
    """What the server's tree of processes holds."""
    root = psutil.Process(server.process.pid)
    everybody = [root, *root.children(recursive=True)]
    caches = sum(server.ask(f"/api/models/{model}/status")["cache"]["bytes"] for model in plan.models)
    return {
        "memory, MiB": tree_bytes(root) / MIB,
        CACHE: caches / MIB,
        "memory of the web process, MiB": (root.memory_info().rss - getattr(root.memory_info(), "shared", 0)) / MIB,
        "threads": float(sum(each.num_threads() for each in everybody)),
        "open files": float(sum(each.num_fds() for each in everybody)),
    }


def _growth(looks: Sequence[dict[str, float]], name: str) -> float:
    return looks[-1][name] - looks[0][name]


def _table(plan: Plan, counts: Counts, looks: Sequence[dict[str, float]]) -> Table:
    empty = ("",) * (len(looks) + 1)
    rows = [
        (name, *(f"{look[name]:,.1f}" for look in looks), f"{_growth(looks, name):+.1f}", allowed)
        for name, allowed in {
            CACHE: "as slots need",
            **{each: f"{most:+.0f}" for each, most in MOST_GROWTH.items()},
        }.items()
    ]
    rows += [(name, *empty, f"{count:,}") for name, count in sorted(counts.happened.items())]
    rows.append(("what should not have happened", *empty, f"{len(counts.wrong):,}"))
    head = ("", *(f"after {plan.seconds / plan.bouts * (number + 1):,.0f} s" for number in range(plan.bouts)))
    measured = {"looks": looks, "happened": counts.happened, "wrong": counts.wrong, "seconds": plan.seconds}
    return Table((*head, "growth", "allowed, or how often"), tuple(rows), measured)


def main() -> int:
    """Run against a server over the starter model, a copy of it and a tiny one; 1 where something was wrong."""
    from bench.engines import LASTING, folder_of
    from bench.menu import MODEL
    from tests.tiny import write_checkpoint

    parser = argparse.ArgumentParser(prog="run.sh bench soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument(
        "--model", type=Path, default=MODEL, help="a GGUF file; the others are made from it and beside it"
    )
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(prefix="parley-soak-") as name:
        twin = Path(name) / "twin" / options.model.name
        twin.parent.mkdir()
        twin.symlink_to(options.model.resolve())
        tiny = write_checkpoint(Path(name) / "tiny", max_position_embeddings=4096)
        say("soak: starts the server and loads the models")
        with (
            folder_of(options.model, twin, tiny) as (folder, (lasting, *passing)),
            serving("chat", "--checkpoints", str(folder), "--cache-directory", str(LASTING)) as server,
        ):
            table, wrong = soak(server, Plan(lasting, passing, 60 * options.minutes))
    saved = save("soak", table, f"{options.minutes:g} minutes, {VISITORS} visitors, {options.model.name}")
    print(f"\n### soak, {options.minutes:g} minutes, {VISITORS} visitors\n\n{table.markdown()}\n")
    for complaint in wrong[:20]:
        print(f"- {complaint}")
    say(f"soak: saved as {saved}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
