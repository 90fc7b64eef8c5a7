from __future__ import annotations

import random
import struct

import pytest

from training.foreign.tensorboard import LARGEST_SCALAR, TensorBoardReader, masked_crc


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def part(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def event(step: int, *values: bytes) -> bytes:
    summary = b"".join(part(1, value) for value in values)
    return record(struct.pack("<Bd", 0x09, 1.7e9 + step) + b"\x10" + varint(step) + part(5, summary))


def scalar(tag: str, value: float) -> bytes:
    return part(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


START = record(struct.pack("<Bd", 0x09, 1.7e9) + part(3, b"brain.Event:2"))
HISTOGRAM = part(1, b"weights") + part(5, bytes(200_000))


def test_the_checksum_is_castagnoli_masked() -> None:
    crc = 0xE3069283  # of "123456789", as RFC 3720 and everybody after it has it
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_scalars_are_read_by_their_tags() -> None:
    reader = TensorBoardReader("val/")
    (row,) = reader.feed(START + event(300, scalar("loss/train", 2.5), scalar("lr", 0.5)))
    assert row == ({"val/loss/train": 2.5, "val/lr": 0.5}, 300, 1.7e9 + 300, None)
    assert reader.facts.started_at == 1.7e9


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        (b"\x08\x01" + part(4, struct.pack("<f", 1.5)), 1.5),
        (b"\x08\x02" + part(4, struct.pack("<d", 1.25)), 1.25),
        (b"\x08\x01" + part(5, struct.pack("<f", 0.5)), 0.5),
    ],
)
def test_scalars_that_are_tensors_are_read_as_well(tensor: bytes, value: float) -> None:
    (row,) = TensorBoardReader().feed(event(1, part(1, b"loss") + part(8, tensor)))
    assert row.values == {"loss": value}


def test_a_file_cut_anywhere_gives_the_same_rows() -> None:
    data = START + b"".join(event(step, scalar("loss", step)) for step in range(20))
    for cut in range(0, len(data), 7):
        reader = TensorBoardReader()
        rows = [*reader.feed(data[:cut]), *reader.feed(data[cut:])]
        assert [row.step for row in rows] == list(range(20))


def test_pictures_and_histograms_are_passed_over_without_being_kept() -> None:
    reader = TensorBoardReader()
    data = event(1, HISTOGRAM) + event(2, scalar("loss", 1.0))
    assert len(HISTOGRAM) > LARGEST_SCALAR
    rows = [row for at in range(0, len(data), 1000) for row in reader.feed(data[at : at + 1000])]
    assert [row.step for row in rows] == [2]


def test_damage_is_passed_over_up_to_the_next_record() -> None:
    data = bytearray(b"".join(event(step, scalar("loss", step)) for step in range(10)))
    length = len(data) // 10
    data[3 * length : 3 * length + 12] = b"\xff" * 12
    reader = TensorBoardReader()
    assert [row.step for row in reader.feed(bytes(data))] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert reader.facts.skipped == 1


def test_reading_may_begin_in_the_middle() -> None:
    data = b"".join(event(step, scalar("loss", step)) for step in range(200))
    for start in range(0, len(data) // 2, 101):
        reader = TensorBoardReader()
        reader.jump()
        steps = [row.step for row in reader.feed(data[start:])]
        assert steps == list(range(steps[0], 200))
        assert steps[0] <= start // (len(data) // 200) + 2


def test_noise_gives_no_rows_and_no_error() -> None:
    for seed in range(20):
        chance = random.Random(seed)
        assert list(TensorBoardReader().feed(chance.randbytes(3000))) == []
        assert list(TensorBoardReader().feed(record(chance.randbytes(60)))) == []
