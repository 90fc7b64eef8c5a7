"""Torch files for tests: sound ones by torch itself, hostile ones put together opcode by opcode."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

NOTHING = b"\x80\x02}."


class Calling:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self._call  # type: ignore[return-value]


def write_archive(
    path: Path,
    data: bytes = NOTHING,
    storages: Mapping[str, bytes] | None = None,
    *,
    stem: str = "archive",
    compression: int = zipfile.ZIP_STORED,
    others: Mapping[str, bytes] | None = None,
) -> Path:
    """A zip of torch's layout around any pickle."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{stem}/data.pkl", data)
        for name, content in (others or {}).items():
            archive.writestr(f"{stem}/{name}", content)
        for key, content in (storages or {}).items():
            archive.writestr(f"{stem}/data/{key}", content)
        archive.writestr(f"{stem}/version", "3\n")
    return path


def text(value: str) -> bytes:
    """The opcode that pushes a text."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def whole(value: int) -> bytes:
    """The opcode that pushes a whole number."""
    data = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def named(module: str, name: str) -> bytes:
    """The opcode that imports."""
    return f"c{module}\n{name}\n".encode()


def storage(key: str = "0", count: int = 4, kind: str = "FloatStorage") -> bytes:
    """The opcodes that point to a storage."""
    return b"(" + text("storage") + named("torch", kind) + text(key) + text("cpu") + whole(count) + b"tQ"


def tensor(
    shape: tuple[int, ...] = (4,), strides: tuple[int, ...] = (1,), offset: int = 0, source: bytes | None = None
) -> bytes:
    """The opcodes that rebuild a tensor; every number may lie."""
    sizes, steps = (b"(" + b"".join(map(whole, numbers)) + b"t" for numbers in (shape, strides))
    arguments = b"(" + (source or storage()) + whole(offset) + sizes + steps + b"\x89}t"
    return named("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def pickled(*opcodes: bytes) -> bytes:
    """A whole pickle of protocol 2."""
    return b"\x80\x02" + b"".join(opcodes) + b"."


def dictionary(**entries: bytes) -> bytes:
    """The opcodes of a dictionary of such values."""
    return b"}(" + b"".join(text(key) + value for key, value in entries.items()) + b"u"


def dumped(value: object, protocol: int = 2) -> bytes:
    """What Python's own pickle makes of a value."""
    return pickle.dumps(value, protocol)
