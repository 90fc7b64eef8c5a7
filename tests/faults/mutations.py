"""A sound file damaged in one way or several: bits, numbers, cuts and splices. The same number, the same damage."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

HEADER_BYTES = 4096
# What breaks arithmetic: signs, the ends of 32 and 64 bits, and sizes that no memory holds.
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
WORDS = (b"null", b"-1", b"1e999", b"NaN", b"[]", b"{}", b'""', b"true", b"99999999999999999999", b"\0", b"\xff\xfe")


def mutated(data: bytes, number: int) -> bytes:
    """The damage with that number; now and then it leaves the file as it was."""
    random = Random(number)
    damaged = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        random.choice(KINDS)(damaged, random)
    return bytes(damaged)


def _place(data: bytearray, random: Random) -> int:
    """Somewhere, mostly where headers are: the beginning and the end."""
    size = len(data)
    begin, end = random.choice(((0, 256), (0, HEADER_BYTES), (size - 512, size), (0, size)))
    return random.randrange(max(0, begin), max(1, min(size, end)))


def _flip(data: bytearray, random: Random) -> None:
    if data:
        data[_place(data, random)] ^= 1 << random.randrange(8)


def _byte(data: bytearray, random: Random) -> None:
    if data:
        data[_place(data, random)] = random.randrange(256)


def _edge(data: bytearray, random: Random) -> None:
    form = random.choice("BHIQ")
    value = random.choice(EDGES) & (256 ** struct.calcsize(form) - 1)
    place = _place(data, random) if data else 0
    packed = struct.pack("<" + form, value)
    data[place : place + len(packed)] = packed


def _digits(data: bytearray, random: Random) -> None:
    """A number in a text becomes another one."""
    places = [place for place in range(min(len(data), HEADER_BYTES)) if chr(data[place]).isdigit()]
    if places:
        place = random.choice(places)
        data[place : place + 1] = str(random.choice(EDGES)).encode()


def _cut(data: bytearray, random: Random) -> None:
    if data:
        del data[_place(data, random) :]


def _remove(data: bytearray, random: Random) -> None:
    if data:
        place = _place(data, random)
        del data[place : place + random.randrange(1, 64)]


def _repeat(data: bytearray, random: Random) -> None:
    if data:
        place, other = _place(data, random), _place(data, random)
        data[other:other] = data[place : place + random.randrange(1, 64)]


def _word(data: bytearray, random: Random) -> None:
    place, word = _place(data, random) if data else 0, random.choice(WORDS)
    end = place + len(word) * random.randrange(2)
    data[place:end] = word


def _copy_over(data: bytearray, random: Random) -> None:
    if data:
        place, other, length = _place(data, random), _place(data, random), random.randrange(1, 32)
        data[other : other + length] = data[place : place + length]


KINDS: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip, _flip, _byte, _edge, _edge, _digits, _digits, _cut, _remove, _repeat, _word, _copy_over,
)  # fmt: skip
