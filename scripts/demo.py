"""One answer in the terminal: list the checkpoints, load one, stream what it says, print how that went. No server."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from engine import (
    CheckpointInfo,
    Done,
    Engine,
    EngineError,
    Failed,
    GenerationRequest,
    Listing,
    Message,
    Status,
    Token,
)

PROMPT = "Explain in two sentences what a checkpoint of a language model is."
COLUMNS = ("id", "group", "family", "parameters", "size", "problem")
SETTINGS = ("checkpoints", "cache_directory", "device", "precision", "threads")
BAR_WIDTH = 30
LOOK_EVERY_SECONDS = 0.05
INTERRUPTED = 128 + signal.SIGINT


def main(arguments: Sequence[str]) -> int:
    """Run the demo. 0: it answered, 1: it could not, 2: it was misused, 130: interrupted."""
    asked = flags().parse_args(arguments)
    engine = None
    try:
        engine = start_engine(asked)
        return demonstrate(engine, asked, sys.stdout)
    except EngineError as error:
        print(f"\n{error.message}" + (f"\n{error.hint}" if error.hint else ""), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    finally:
        if engine:
            engine.close()


def flags() -> argparse.ArgumentParser:
    """What may be asked for. What is not given is None, and then the settings or the checkpoint decide."""
    parser = argparse.ArgumentParser(prog="run.sh demo", description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", metavar="ID", help="the checkpoint to load, by its id in the list")
    parser.add_argument("--prompt", metavar="TEXT", default=PROMPT, help="what to say to it (default: %(default)s)")
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help="the longest answer")
    parser.add_argument("--temperature", type=float, metavar="T", help="0 takes the most probable token each time")
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same answer again")
    for name in SETTINGS:
        parser.add_argument("--" + name.replace("_", "-"), metavar="VALUE", help="as for web-chat")
    return parser


def start_engine(asked: argparse.Namespace) -> Engine:
    """The engine as the server would set it up from the same flags, environment and parley.toml."""
    from chat.settings import SettingsError, read_settings
    from chat.wiring import engine_options

    given = [(name, getattr(asked, name)) for name in SETTINGS if getattr(asked, name) is not None]
    passed_on = [word for name, value in given for word in ("--" + name.replace("_", "-"), value)]
    try:
        options = engine_options(read_settings(passed_on, os.environ, Path("parley.toml")))
    except SettingsError as error:
        flags().error(str(error))
    engine = Engine(options)
    engine.warm_up()
    return engine


def demonstrate(engine: Engine, asked: argparse.Namespace, out: TextIO) -> int:
    """List, load, answer. Returns the exit code; raises EngineError for what the engine refuses."""
    listing = engine.checkpoints()
    print("\n".join(table(listing)), file=out)
    chosen = asked.model or engine.default_id()
    if chosen is None:
        print("\nThere is no checkpoint that can be loaded; docs/checkpoints.md tells how to add one.", file=out)
        return 1
    began = time.monotonic()
    load(engine, chosen, out)
    load_seconds = time.monotonic() - began
    done = answer(engine, request(engine.checkpoint(chosen), asked), out)
    print(f"\n{statistics(done, load_seconds)}", file=out)
    return INTERRUPTED if done.finish_reason == "cancelled" else 0


def table(listing: Listing) -> list[str]:
    """The checkpoints as lines of aligned columns, if there are any, under a line that says how many."""
    rows = [COLUMNS, *(row(info) for info in listing.checkpoints)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows]
    skipped = [f"{skipped.path} was skipped: {skipped.reason}" for skipped in listing.skipped]
    title = f"{len(listing.checkpoints)} checkpoint(s), found in {listing.seconds:.2f} s"
    return [title, *skipped, "", *(line.rstrip() for line in lines)] if listing.checkpoints else [title, *skipped]


def row(info: CheckpointInfo) -> tuple[str, ...]:
    """One checkpoint's cells, as COLUMNS names them."""
    parameters = "?" if info.parameters is None else f"{info.parameters / 1e6:,.1f} M"
    problem = info.problem.message if info.problem else ""
    return (info.id, info.group, info.family or "?", parameters, f"{info.size_bytes / 1e6:,.0f} MB", problem)


def load(engine: Engine, checkpoint_id: str, out: TextIO) -> None:
    """Load and show how far it has come: on one line that is drawn anew, or a line a stage where `out` is a file."""
    print(f"\nLoading {checkpoint_id}", file=out)
    status, shown = engine.load(checkpoint_id), ""
    while status.state in ("queued", "loading"):
        shown = show_progress(status, shown, out)
        time.sleep(LOOK_EVERY_SECONDS)
        status = engine.status(checkpoint_id)
    status = engine.wait_until_loaded(checkpoint_id)
    end = "\r\x1b[K" if out.isatty() else ""
    memory = f"{status.memory_bytes / 1e6:,.0f} MB"
    print(f"{end}Ready: {status.precision} on {status.device}, {memory}, process {status.pid}\n", file=out, flush=True)


def show_progress(status: Status, shown: str, out: TextIO) -> str:
    """Draw the bar, or name a stage that was not shown yet. Returns the stage that is shown now."""
    stage = status.progress.stage if status.progress else status.state
    if out.isatty():
        fraction = status.progress.fraction if status.progress else 0.0
        filled = "#" * round(BAR_WIDTH * fraction)
        print(f"\r\x1b[K[{filled:<{BAR_WIDTH}}] {fraction:4.0%} {stage}", end="", file=out, flush=True)
    elif stage != shown:
        print(f"  {stage}", file=out, flush=True)
    return stage


def request(info: CheckpointInfo, asked: argparse.Namespace) -> GenerationRequest:
    """A conversation's first turn where the checkpoint has a chat template, else a text to go on with."""
    names = ("max_new_tokens", "temperature", "seed")
    sampling: Mapping[str, object] = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    if info.chat_template is None:
        return GenerationRequest(model=info.id, prompt=asked.prompt, sampling=sampling)
    return GenerationRequest(model=info.id, messages=(Message("user", asked.prompt),), sampling=sampling)


def answer(engine: Engine, asked: GenerationRequest, out: TextIO) -> Done:
    """Print the answer as it comes. Ctrl-C ends it in order, a second one at once. Raises the run's own error."""
    if asked.messages is None:
        print(asked.prompt, end="", file=out, flush=True)
    else:
        print(f"> {asked.messages[-1].content}\n", file=out, flush=True)
    completion, is_called_off = engine.submit(asked), False
    while True:
        try:
            event = completion.next()
        except KeyboardInterrupt:
            if is_called_off:
                raise
            completion.cancel()
            is_called_off = True
            continue
        if isinstance(event, Token):
            print(event.text, end="", file=out, flush=True)
        elif isinstance(event, Failed):
            raise event.error
        elif isinstance(event, Done):
            return event


def statistics(done: Done, load_seconds: float) -> str:
    """The run's numbers in two lines."""
    usage, timings = done.usage, done.timings
    first = timings.time_to_first_token_ms / 1000
    return (
        f"\nprompt {usage.prompt_tokens} tokens, {usage.cached_tokens} of them cached; "
        f"answer {usage.completion_tokens} tokens, finished: {done.finish_reason}\n"
        f"loaded in {load_seconds:.2f} s, first token after {first:.2f} s, {timings.tokens_per_second:.1f} tokens/s"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
