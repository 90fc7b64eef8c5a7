"""The wire form of events, silence, failure, shutdown and the gate."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask

from chat import sse
from chat.errors import TooManyRequests
from engine import Overloaded, WorkerFailed
from tests.chat.wire import events


def here(stopping: threading.Event | None = None) -> sse.Caller:
    return sse.Caller(lambda: False, stopping or threading.Event())


def test_a_frame_is_an_id_a_name_and_one_line_of_json():
    assert sse.frame(3, "token", {"text": "a\nж"}) == (
        'id: 3\nevent: token\ndata: {"type":"token","text":"a\\nж"}\n\n'.encode()
    )


def test_a_lone_surrogate_does_not_break_the_stream():
    assert b'"text":"?"' in sse.frame(0, "token", {"text": "\ud800"})


def test_a_stream_begins_with_the_time_to_wait_before_a_retry():
    assert next(sse.frames(iter([]), here())) == b"retry: 2000\n\n"


def test_silence_is_filled_with_comments():
    clock = itertools.count(0.0, 4.0)
    source = iter([None] * 6 + [("done", {})])
    frames = list(sse.frames(source, here(), clock=lambda: next(clock)))
    assert frames[1:-1].count(b": ping\n\n") == len(frames) - 2 > 0
    assert events(b"".join(frames))[-1].name == "done"


def test_events_keep_the_comments_away():
    source = iter([("token", {}), None, ("token", {}), None])
    assert b": ping" not in b"".join(sse.frames(source, here()))


def test_a_source_that_fails_for_a_known_reason_ends_in_that_error():
    def source() -> Iterator[tuple[str, dict]]:
        yield "token", {"text": "a"}
        raise WorkerFailed("the worker ended")

    heard = events(b"".join(sse.frames(source(), here())))
    assert [event.name for event in heard] == ["token", "error"]
    assert heard[-1].data["error"]["code"] == "worker_failed"


def test_a_source_that_breaks_ends_in_an_error_without_details(caplog: pytest.LogCaptureFixture):
    def source() -> Iterator[tuple[str, dict]]:
        yield "token", {"text": "a"}
        raise KeyError("secret")

    raw = b"".join(sse.frames(source(), here()))
    assert events(raw)[-1].data["error"]["code"] == "internal_error"
    assert b"secret" not in raw
    assert "secret" in caplog.text


def test_a_shutdown_ends_every_stream_with_one_error():
    stopping = threading.Event()
    frames = sse.frames(iter([("token", {}), None, ("token", {}), ("done", {})]), here(stopping))
    heard = [next(frames), next(frames)]
    stopping.set()
    names = [event.name for event in events(b"".join([*heard, *frames]))]
    assert names == ["token", "error"]


def test_an_answer_that_is_complete_is_not_spoilt_by_a_shutdown():
    stopping = threading.Event()
    stopping.set()
    assert [event.name for event in events(b"".join(sse.frames(iter([("done", {})]), here(stopping))))] == ["done"]


def test_nothing_is_written_for_a_client_that_is_gone():
    gone = sse.Caller(lambda: True, threading.Event())
    assert list(sse.frames(iter([("token", {}), ("done", {})]), gone)) == [sse.RETRY]


def test_a_stream_that_never_began_lets_go_of_what_it_held(app: Flask):
    with app.test_request_context("/"), ExitStack() as outer:
        held = ExitStack()
        gate = sse.Gate(1)
        held.enter_context(gate.place("me"))
        response = outer.enter_context(sse.respond(iter([("token", {})]), here(), held))
        assert gate.taken == 1
    assert response.status_code == 200
    assert gate.taken == 0


def test_the_gate_lets_only_its_number_in():
    gate = sse.Gate(2)
    with gate.place("me"):
        with gate.place("you"), pytest.raises(Overloaded) as refusal, gate.place("they"):
            pass
        assert refusal.value.code == "too_many_streams"
        assert gate.taken == 1
        with gate.place("me"):
            assert gate.taken == 2
    assert gate.taken == 0


def test_the_gate_keeps_places_for_others():
    gate = sse.Gate(3, per_caller=1)
    with gate.place("me"), gate.place("you"):
        with pytest.raises(TooManyRequests) as refusal, gate.place("me"):
            pass
        assert refusal.value.code == "too_many_streams"
        assert gate.taken == 2
    with gate.place("me"):
        assert gate.taken == 1


def test_a_server_that_cannot_see_its_client_believes_it_is_there():
    sse.Caller(None, threading.Event()).check()


def test_events_that_can_be_asked_for_again_keep_their_numbers():
    source = iter([("token", {}, 7), None, ("block", {}, 9), ("done", {}, 12)])
    assert [event.id for event in events(b"".join(sse.frames(source, here())))] == [7, 9, 12]
