"""Reads TensorBoard's event files: the scalars in them, by hand.

A record is a length (u64), its masked CRC32C, the data, and the data's masked CRC32C; the data is an `Event` of
tensorflow/core/util/event.proto in protobuf's wire form. Histograms, pictures and texts are passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from training.foreign.row import LONGEST_NAME, Facts, Row

# A scalar's record has some dozens of bytes; what is larger is something else.
LARGEST_SCALAR = 64 * 1024
LARGEST_RECORD = 2**31
HEADER, FOOTER = 12, 4
_MASK = 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    """CRC-32C (Castagnoli), reflected."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """The checksum as the records hold it."""
    crc = _MASK
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= _MASK
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _MASK


class TensorBoardReader:
    """Scalars by their tags. Damage in the middle is passed over up to the next record that is whole."""

    def __init__(self, prefix: str = "") -> None:
        self.facts = Facts()
        self._prefix = prefix
        self._rest = b""
        self._to_skip = 0
        self._is_lost = False

    def feed(self, data: bytes) -> Iterator[Row]:
        """The rows of the records that are whole by now."""
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        buffer, at = self._rest + data, 0
        while True:
            if self._is_lost:
                at = self._found(buffer, at)
            if self._is_lost or len(buffer) - at < HEADER:
                break
            length = self._length(buffer, at)
            if length is None:
                self.facts.skipped += 1
                self._is_lost, at = True, at + 1
                continue
            end = at + HEADER + length + FOOTER
            if length > LARGEST_SCALAR:
                self._to_skip, at = max(0, end - len(buffer)), min(end, len(buffer))
                continue
            if end > len(buffer):
                break
            yield from self._rows(buffer[at + HEADER : end - FOOTER])
            at = end
        self._rest = buffer[at:]

    def jump(self) -> None:
        """Look for the next record by the checksum of its length."""
        self._rest, self._to_skip, self._is_lost = b"", 0, True

    def _found(self, buffer: bytes, at: int) -> int:
        # Lengths have small numbers: six zero bytes at their end tell where it is worth to compute a checksum.
        while (zeros := buffer.find(bytes(5), at + 3)) >= 0 and zeros + HEADER <= len(buffer):
            for start in range(max(at, zeros - 3), zeros + 1):
                if len(buffer) - start >= HEADER and self._length(buffer, start) is not None:
                    self._is_lost = False
                    return start
            at = zeros - 2
        return max(at, len(buffer) - 2 * HEADER)

    @staticmethod
    def _length(buffer: bytes, at: int) -> int | None:
        length, checksum = struct.unpack_from("<QI", buffer, at)
        is_sound = 0 < length <= LARGEST_RECORD and masked_crc(buffer[at : at + 8]) == checksum
        return length if is_sound else None

    def _rows(self, event: bytes) -> Iterator[Row]:
        at: float | None = None
        step, summary = 0, None
        try:
            for field, value in fields(event):
                if field == 1 and isinstance(value, bytes):
                    at = struct.unpack("<d", value)[0]
                elif field == 2 and isinstance(value, int):
                    step = value
                elif field == 5 and isinstance(value, bytes):
                    summary = value
            values = dict(_scalars(summary)) if summary is not None else {}
        except (ValueError, IndexError, struct.error):
            self.facts.skipped += 1
            return
        if self.facts.started_at is None and at is not None:
            self.facts.started_at = at
        if values and 0 <= step < 2**62:
            self.facts.step = step
            yield Row({(self._prefix + tag)[:LONGEST_NAME]: value for tag, value in values.items()}, step, at)


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field of a protobuf message: a varint as a number, others as bytes. Raises ValueError, IndexError."""
    at, size = 0, len(message)
    while at < size:
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"there is no wire type {kind}")
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length, at = _varint(message, at)
        if at + length > size:
            raise ValueError("a field is longer than its message")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than ten bytes")


def _scalars(summary: bytes) -> Iterator[tuple[str, float]]:
    """Tag and value: `simple_value`, or a `TensorProto` of one number."""
    for field, entry in fields(summary):
        if field != 1 or not isinstance(entry, bytes):
            continue
        tag, value = "", None
        for inner, content in fields(entry):
            if not isinstance(content, bytes):
                continue
            if inner == 1:
                tag = content.decode("utf-8", errors="replace")
            elif inner == 2:
                value = struct.unpack("<f", content)[0]
            elif inner == 8:
                value = _single(content)
        if tag and value is not None:
            yield tag, value


def _single(tensor: bytes) -> float | None:
    """The only number of a TensorProto: 1 its type (1 float, 2 double), 4 raw bytes, 5 floats, 6 doubles."""
    form, found = "f", b""
    for field, content in fields(tensor):
        if field == 1:
            form = {1: "f", 2: "d"}.get(content if isinstance(content, int) else 0, "")
        elif field in (4, 5, 6) and isinstance(content, bytes):
            found = content
    return struct.unpack(f"<{form}", found)[0] if form and len(found) == struct.calcsize(form) else None
