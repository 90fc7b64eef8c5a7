"""Small JSON files beside a checkpoint, read within limits."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from engine.errors import CheckpointProblem

LONGEST_DOCUMENT = 64 * 1024 * 1024


def read_object(file: Path, longest: int = LONGEST_DOCUMENT) -> dict[str, Any]:
    """The JSON object in a file. Raises CheckpointProblem when it is too long, not JSON or not an object."""
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > longest:
            raise _unreadable(file, f"it has {size} bytes, more than the {longest} that are read")
        text = stream.read(size)
    try:
        value = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, str(error)) from error
    if not isinstance(value, dict):
        raise _unreadable(file, "it holds no JSON object")
    return value


def read_object_if_there(file: Path, longest: int = LONGEST_DOCUMENT) -> dict[str, Any]:
    """The same, but an absent file is an empty object."""
    return read_object(file, longest) if file.is_file() else {}


def _unreadable(file: Path, why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"{file.name} cannot be read: {why}",
        code="config_invalid",
        hint="Mend the file or copy it from the original again.",
    )
