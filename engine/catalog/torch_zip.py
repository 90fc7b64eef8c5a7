"""The zip container that torch.save writes since torch 1.6: which members there are and where their bytes lie.

Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (zip, with its 64-bit fields); torch stores every
member uncompressed as <stem>/data.pkl, <stem>/data/<key>, <stem>/version and so on. Whatever else is refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.errors import CheckpointProblem

LOCAL, CENTRAL, END, END64, LOCATOR64 = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7"
LOCAL_FORM, CENTRAL_FORM, END_FORM = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
END64_FORM, LOCATOR64_FORM = struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
LONGEST_COMMENT = 0xFFFF
MOST_MEMBERS = 200_000
LONGEST_DIRECTORY = 64 * 1024 * 1024
FULL_32 = 0xFFFFFFFF
PICKLE = "data.pkl"
# TorchScript programs begin with their numbers.
FIRST_MEMBERS = re.compile(rb"/(data\.pkl|constants\.pkl|version|\.format_version|data/\d+)\Z")
LEGACY_PICKLE = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
TAR_NAMES = (b"sys_info", b"pickle", b"storages", b"tensors")


@dataclass(frozen=True, slots=True)
class Member:
    """One member: where its local header begins, how many bytes it has there, and whether they are it as it is."""

    name: str
    header_offset: int
    nbytes: int
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """A checked archive, which begins at byte `start` of the file; `members` are named without the stem."""

    path: Path
    stem: str
    members: Mapping[str, Member]
    start: int = 0

    def place(self, name: str) -> tuple[int, int]:
        """Where in the file a member's bytes begin, and how many. Raises CheckpointProblem if its header lies."""
        return self.places([name])[name]

    def places(self, names: Iterable[str]) -> dict[str, tuple[int, int]]:
        """The same for several members, whose headers are read in one go."""
        with self.path.open("rb") as stream:
            return {name: self._place(stream, name) for name in names}

    def _place(self, stream: BinaryIO, name: str) -> tuple[int, int]:
        member = self.members.get(name)
        if member is None:
            raise _unsafe(self.path, f"it has no member {name[:80]!r}")
        stream.seek(self.start + member.header_offset)
        header = stream.read(LOCAL_FORM.size)
        if len(header) < LOCAL_FORM.size or header[:4] != LOCAL:
            raise _unsafe(self.path, f"the member {name[:80]!r} does not begin where the directory says")
        *_, name_length, extra_length = LOCAL_FORM.unpack(header)
        own_name = stream.read(name_length)
        if own_name != member.name.encode() or struct.unpack_from("<H", header, 8)[0] != 0:
            raise _unsafe(self.path, f"the member {name[:80]!r} is another one in its own header")
        return self.start + member.header_offset + LOCAL_FORM.size + name_length + extra_length, member.nbytes

    def read(self, name: str, longest: int) -> bytes:
        """A small member's bytes. Raises CheckpointProblem when they are more than `longest`."""
        offset, nbytes = self.place(name)
        if nbytes > longest:
            raise _unsafe(self.path, f"its member {name} has {nbytes} bytes, more than the {longest} that are read")
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(nbytes)


def begins_as_torch(path: Path) -> bool:
    """Whether the first bytes are those of a file that torch.save wrote, of the present kind or an older one."""
    with path.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(LOCAL) and len(start) >= LOCAL_FORM.size:
        name = start[LOCAL_FORM.size :][: struct.unpack_from("<H", start, 26)[0]]
        return FIRST_MEMBERS.search(name) is not None
    return _is_legacy(start)


def open_archive(path: Path, begin: int = 0, nbytes: int | None = None) -> Archive:
    """The archive that is the file, or `nbytes` of it from byte `begin` on; its directory is checked.

    Raises CheckpointProblem: `file_truncated`, `format_not_supported` for what torch wrote before 1.6 and for
    TorchScript programs, `unsafe_file` for what torch never writes.
    """
    size = path.stat().st_size - begin if nbytes is None else nbytes
    with path.open("rb") as stream:
        stream.seek(begin)
        start = stream.read(512)
    if not start.startswith(LOCAL):
        raise _legacy(path) if _is_legacy(start) else _unsafe(path, "it begins as no file that torch.save wrote")
    count, start, length = _directory(path, begin, size)
    if count > MOST_MEMBERS or length > LONGEST_DIRECTORY:
        raise _unsafe(path, f"it claims {count} members")
    with path.open("rb") as stream:
        stream.seek(begin + start)
        directory = stream.read(length)
    try:
        found = sorted(_members(path, directory, count), key=lambda member: member.header_offset)
    except (struct.error, UnicodeDecodeError) as error:
        raise _unsafe(path, f"its directory cannot be read ({error})") from error
    _check_places(path, found, start)
    return _archive(path, found, begin)


def _directory(path: Path, begin: int, size: int) -> tuple[int, int, int]:
    """Number of members, start and length of the central directory, counted from the archive's beginning."""
    tail_start = max(0, size - END_FORM.size - LONGEST_COMMENT - LOCATOR64_FORM.size)
    with path.open("rb") as stream:
        stream.seek(begin + tail_start)
        tail = stream.read(size - tail_start)
        place = tail.rfind(END)
        if place < 0 or place + END_FORM.size > len(tail):
            raise _truncated(path)
        *_, count, length, start, _ = END_FORM.unpack_from(tail, place)
        end = tail_start + place
        if place >= LOCATOR64_FORM.size and tail[place - LOCATOR64_FORM.size :].startswith(LOCATOR64):
            _, _, end, _ = LOCATOR64_FORM.unpack_from(tail, place - LOCATOR64_FORM.size)
            stream.seek(begin + min(end, size))
            record = stream.read(END64_FORM.size)
            if len(record) < END64_FORM.size or not record.startswith(END64):
                raise _unsafe(path, "its end record is not where it should be")
            *_, count, length, start = END64_FORM.unpack(record)
    if start + length > end:
        raise _truncated(path) if start + length > size else _unsafe(path, "its directory lies behind its end")
    return count, start, length


def _members(path: Path, directory: bytes, count: int) -> Iterator[Member]:
    place = 0
    for _ in range(count):
        fields = CENTRAL_FORM.unpack_from(directory, place)
        _, _, _, flags, method, *_, stored, nbytes, name_length, extra_length, comment_length = fields[:13]
        offset = fields[-1]
        place += CENTRAL_FORM.size
        name = directory[place : place + name_length]
        extra = directory[place + name_length : place + name_length + extra_length]
        place += name_length + extra_length + comment_length
        if fields[0] != CENTRAL or place > len(directory):
            raise _unsafe(path, "its directory breaks off")
        nbytes, stored, offset = _wide(extra, nbytes, stored, offset)
        yield Member(name.decode(), offset, stored, is_plain=method == 0 and stored == nbytes and not flags & 1)


def _wide(extra: bytes, *numbers: int) -> list[int]:
    """The numbers, with those that do not fit 32 bits taken from the extra field."""
    wide, place = b"", 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            wide = extra[place + 4 : place + 4 + length]
        place += 4 + length
    result, place = [], 0
    for number in numbers:
        if number == FULL_32:
            (number,) = struct.unpack_from("<Q", wide, place)
            place += 8
        result.append(number)
    return result


def _check_places(path: Path, members: list[Member], directory_start: int) -> None:
    end = 0
    for member in members:
        if member.header_offset < end:
            raise _unsafe(path, f"the member {member.name[:80]!r} overlaps the one before it")
        end = member.header_offset + LOCAL_FORM.size + len(member.name.encode()) + member.nbytes
    if end > directory_start:
        raise _unsafe(path, "its members reach into its directory")
    if len({member.name for member in members}) < len(members):
        raise _unsafe(path, "two of its members have the same name")


def _archive(path: Path, members: list[Member], begin: int) -> Archive:
    stems = [member.name.removesuffix(f"/{PICKLE}") for member in members if member.name.endswith(f"/{PICKLE}")]
    if len(stems) != 1:
        raise _unsafe(path, f"it has {len(stems)} members called {PICKLE}")
    prefix = f"{stems[0]}/"
    named = {member.name.removeprefix(prefix): member for member in members}
    if "constants.pkl" in named or any(name.startswith("code/") for name in named):
        raise CheckpointProblem(
            f"{path.name} is a TorchScript program, and programs are not run here",
            code="format_not_supported",
            hint="Save the model's state_dict() with torch.save, or as safetensors.",
        )
    packed = next((member.name for member in members if not member.is_plain), None)
    if packed is not None:
        raise _unsafe(path, f"the member {packed[:80]!r} is compressed or encrypted, which torch.save never does")
    archive = Archive(path, stems[0], named, begin)
    if "byteorder" in named and archive.read("byteorder", 16).strip() != b"little":
        raise CheckpointProblem(
            f"{path.name} was written by a big-endian machine", code="format_not_supported", hint="Save it again."
        )
    return archive


def _is_legacy(start: bytes) -> bool:
    is_tar = start[257:262] == b"ustar" and start.split(b"\0", 1)[0] in TAR_NAMES
    return start.startswith(LEGACY_PICKLE) or is_tar


def _legacy(path: Path) -> CheckpointProblem:
    return CheckpointProblem(
        f"{path.name} is in the format that torch wrote before 1.6, which cannot be read without running it",
        code="format_not_supported",
        hint="Re-save it with a torch >= 1.6: torch.save(torch.load(path, weights_only=True), path).",
    )


def _truncated(path: Path) -> CheckpointProblem:
    return CheckpointProblem(
        f"{path.name} is cut short: the directory that torch writes last is not there",
        code="file_truncated",
        hint="It may still be being written; otherwise copy or save it again.",
    )


def _unsafe(path: Path, why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"{path.name} is not a sound torch file: {why}",
        code="unsafe_file",
        hint="Do not load files like this from people you do not trust; save the checkpoint again.",
    )
