"""A text log in pieces, as a page reads it: from a byte on, or its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOG_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogPiece:
    """A piece of a log file. `next_offset` counts bytes; at the `end` nothing follows for now."""

    text: str
    next_offset: int
    end: bool
    size: int
    name: str | None


def read_piece(path: Path, offset: int, limit: int = LOG_BYTES) -> LogPiece:
    """Up to `limit` bytes of a text, cut behind a line where there is one; a negative offset counts from the end."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size + offset) if offset < 0 else min(offset, size)
            file.seek(start)
            data = file.read(limit)
    except OSError:
        return LogPiece("", 0, True, 0, path.name)
    if start + len(data) < size:
        data = data[: data.rfind(b"\n") + 1] or data
    return LogPiece(
        data.decode("utf-8", errors="replace"), start + len(data), start + len(data) >= size, size, path.name
    )
