"""The page reads every stream as the standard says, in whatever pieces it comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.any_stream import PageReader, page_reader, read_anything, read_our_own
from tests.js.test_modules import node

__all__ = ["node"]
MEGABYTES = 2


@pytest.fixture(scope="module")
def reader(node: str) -> Iterator[PageReader]:
    """The page's reader."""
    with page_reader(node) as started:
        yield started


def test_the_page_reads_what_the_standard_says(reader: PageReader) -> None:
    read_anything(reader, examples=100)


def test_what_the_server_writes_is_read_whole(reader: PageReader) -> None:
    read_our_own(reader, examples=40)


def test_a_line_of_megabytes_in_thousands_of_pieces_is_one_event(reader: PageReader) -> None:
    line = b"x" * (MEGABYTES * 2**20)
    chunks = [b"data: ", *(line[at : at + 1024] for at in range(0, len(line), 1024)), b"\n\n"]
    assert reader.read(chunks) == [["message", line.decode(), ""]]
