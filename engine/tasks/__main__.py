"""`python -m engine.tasks check ID` and `… export ID OUT`: long work on one checkpoint, in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from engine.catalog.info import CheckpointInfo
from engine.catalog.opening import opened
from engine.catalog.scan import Scanner
from engine.errors import CheckpointNotFound, CheckpointProblem, EngineError, InvalidRequest, WorkerFailed
from engine.tasks.reporting import Lines, Report, Words

CANCELLED = 130
ROOM = "Make room on the disk, or name a folder where you may write."


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the task; the exit code is 0 when it went well, 1 when not and 130 when it was called off."""
    asked = _parser().parse_args(arguments)
    teller = Words(sys.stderr) if asked.progress_fd is None else Lines(os.fdopen(asked.progress_fd, "w"))
    signal.signal(signal.SIGTERM, _call_off)
    try:
        result = _do(asked, teller.progress)
    except EngineError as error:
        teller.error(error)
        return 1
    except OSError as error:
        place = f" at {error.filename}" if error.filename else ""
        teller.error(WorkerFailed(f"the disk refused{place}: {error.strerror}", code="disk_error", hint=ROOM))
        return 1
    except KeyboardInterrupt:
        return CANCELLED
    if isinstance(teller, Lines):
        teller.result(result)
    else:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.tasks", description=__doc__)
    parser.add_argument("--progress-fd", type=int, help="write lines of JSON to this descriptor")
    tasks = parser.add_subparsers(dest="task", required=True)
    check = tasks.add_parser("check", help="look the weights through")
    export = tasks.add_parser("export", help="write a Hugging Face folder")
    for each in (check, export):
        each.add_argument(
            "--checkpoints", type=Path, default=Path("checkpoints"), help="the folder with the checkpoints"
        )
        each.add_argument("id", help="the checkpoint's id in the list")
    export.add_argument("out", type=Path, help="the folder to write, which must not be there yet")
    export.add_argument("--dtype", choices=("auto", "float32", "float16", "bfloat16"), default="auto")
    return parser


def _do(asked: argparse.Namespace, report: Report) -> Any:
    info = _find(asked.checkpoints, asked.id)
    if asked.task == "check":
        from engine.tasks import health

        return health.as_json(health.check(info, opened(info), report))
    from engine.tasks import export

    return export.as_json(export.export(info, opened(info), asked.out, asked.dtype, report))


def _find(folder: Path, checkpoint_id: str) -> CheckpointInfo:
    if not folder.is_dir():
        raise InvalidRequest(f"{folder} is no folder", hint="Name the folder that holds the checkpoints.")
    scanner = Scanner(folder)
    scanner.scan()
    for info in scanner.listing.checkpoints:
        if info.id == checkpoint_id:
            if info.problem is not None:
                problem = info.problem
                raise CheckpointProblem(f"{info.id}: {problem.message}", code=problem.code, hint=problem.hint)
            return info
    raise CheckpointNotFound(
        f"there is no checkpoint {checkpoint_id!r} in {folder}",
        hint=f"`python -m engine.catalog {folder}` lists the ids.",
    )


def _call_off(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
