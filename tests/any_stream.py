"""Streams of every kind in pieces of every kind, and what the HTML standard says that is in them."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as some

from bench.serving import Stream
from chat import sse

READER = Path(__file__).parent / "js" / "read_streams.mjs"
_FIELDS = [
    b"data",
    b"data:",
    b"data: ",
    b"data:  x",
    b"event: ",
    b"event:token",
    b"id: 7",
    b"id: a\0b",
    b": ping",
    b"retry: 5",
]
_ENDS = [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"]
_TEXT = some.text(max_size=12).map(lambda text: text.encode(errors="replace"))
_GIANT = some.sampled_from([b"x" * 70_000, "語".encode() * 30_000])
_PIECES = some.one_of(
    some.sampled_from(_FIELDS), some.sampled_from(_ENDS), some.sampled_from(_ENDS), _TEXT, some.binary(max_size=4),
    some.just(b"\xef\xbb\xbf"), some.just("\u2028😀π".encode()), _GIANT,
)  # fmt: skip
STREAMS = some.lists(_PIECES, max_size=30).map(b"".join)
CUTS = some.lists(some.floats(0, 1), max_size=12)
_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=6,
)
OWN_EVENTS = some.lists(
    some.tuples(
        some.sampled_from(["start", "token", "block", "done"]), some.dictionaries(some.text(), _JSON, max_size=4)
    ),
    max_size=8,
)
Heard = list[list[str]]


def pieces(stream: bytes, cuts: Sequence[float]) -> list[bytes]:
    """The stream cut at these parts of its length."""
    places = [0, *sorted(int(cut * len(stream)) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


def as_the_standard_says(stream: bytes) -> Heard:
    """The events of a whole stream as [type, data, last id]; a block that the end cuts off is none."""
    text = stream.decode(errors="replace").removeprefix("\ufeff")
    heard, kind, data, last = [], "", [], ""
    *lines, _ = re.split("\r\n|\n|\r", text)
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                heard.append([kind or "message", "\n".join(data), last])
            kind, data = "", []
        elif name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            last = value
    return heard


@dataclass(frozen=True)
class PageReader:
    """The reader of the page, at work in node."""

    process: subprocess.Popen[str]

    def read(self, chunks: Sequence[bytes]) -> Heard:
        """The events of a stream that comes in these pieces."""
        sent = json.dumps([base64.b64encode(chunk).decode() for chunk in chunks])
        self.process.stdin.write(sent + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the reader broke at {chunks!r}"
        return json.loads(answer)


@contextmanager
def page_reader(node: str) -> Iterator[PageReader]:
    """A process that reads one stream after the other."""
    with subprocess.Popen([node, str(READER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield PageReader(process)
        finally:
            process.stdin.close()


def read_anything(reader: PageReader, examples: int, number: int = 0) -> None:
    """Let the page read so many streams; raises AssertionError where it reads another thing than the standard says."""

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(STREAMS, CUTS)
    def read(stream: bytes, cuts: Sequence[float]) -> None:
        assert reader.read(pieces(stream, cuts)) == as_the_standard_says(stream)

    read()


def read_our_own(reader: PageReader, examples: int, number: int = 0) -> None:
    """Let the page, and what measures the server, read what the server writes.

    Raises AssertionError where anything is lost.
    """

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(OWN_EVENTS, CUTS)
    def read(events: Sequence[tuple[str, dict]], cuts: Sequence[float]) -> None:
        frames = [sse.frame(at, name, data) for at, (name, data) in enumerate(events)]
        chunks = pieces(sse.RETRY + sse.PING.join(frames), cuts)
        told = [
            [name, json.loads(frame.split(b"data: ", 1)[1])] for (name, _), frame in zip(events, frames, strict=True)
        ]
        heard = reader.read(chunks)
        assert [[name, json.loads(data)] for name, data, _ in heard] == told
        assert [int(last) for _, _, last in heard] == list(range(len(events)))
        stream = Stream(None, 0.0)
        for chunk in chunks:
            stream.hear(chunk, 0.0)
        assert [[name, data] for _, name, data in stream.events] == told

    read()
