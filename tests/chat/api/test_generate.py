"""POST /api/generate: the stream, the whole answer, every refusal, and clients that leave."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from engine import CheckpointProblem, InvalidRequest, Overloaded, WorkerFailed
from tests.chat.wire import LiveServer, events, generate, post_request, read_to_end, read_until, refused, wait_until
from tests.doubles import ANSWER, Script, ScriptedEngine


def test_an_answer_comes_as_start_tokens_and_done(client: FlaskClient):
    heard = events(generate(client, model="sft/checkpoint-500", seed=7).data)
    names = [event.name for event in heard if event.name != "progress"]
    assert names == ["start", *["token"] * 22, "done"]
    assert [event.id for event in heard] == list(range(len(heard)))
    assert "".join(event.data["text"] for event in heard if event.name == "token") == ANSWER


def test_start_and_done_carry_every_promised_field(client: FlaskClient):
    heard = events(generate(client, seed=7).data)
    start = next(event.data for event in heard if event.name == "start")
    assert set(start) == {
        "run_id", "model", "seed", "prompt_tokens", "cached_tokens", "precision", "max_new_tokens", "truncated",
        "queue_position", "template",
    }  # fmt: skip
    assert start["seed"] == 7
    done = heard[-1].data
    assert set(done) == {"finish_reason", "text", "usage", "timings", "receipt"}
    assert done["text"] == ANSWER
    assert done["usage"] == {"prompt_tokens": 12, "completion_tokens": 22, "total_tokens": 34, "cached_tokens": 4}
    assert set(done["timings"]) == {
        "queue_ms", "load_ms", "prefill_ms", "time_to_first_token_ms", "decode_ms", "tokens_per_second",
        "prefill_tokens_per_second", "guessed_tokens", "accepted_tokens",
    }  # fmt: skip
    assert set(done["receipt"]) == {
        "model", "fingerprint", "template_hash", "precision", "device", "seed", "engine_version"
    }  # fmt: skip


def test_a_stream_has_the_headers_that_keep_it_flowing(client: FlaskClient):
    response = generate(client)
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["X-Run-Id"] == next(e.data["run_id"] for e in events(response.data) if e.name == "start")


def test_the_progress_of_a_first_load_is_told(client_of: Callable[[ScriptedEngine], FlaskClient]):
    heard = events(generate(client_of(ScriptedEngine(load_seconds=0.2))).data)
    first = heard[0]
    assert (first.name, first.data["stage"]) == ("progress", "loading")
    assert set(first.data) == {"run_id", "stage", "fraction", "queue_position"}


def test_log_probabilities_come_with_the_tokens_that_asked_for_them(client: FlaskClient):
    token = next(event.data for event in events(generate(client, logprobs=2).data) if event.name == "token")
    assert set(token["tokens"][0]) == {"id", "text", "logprob", "top"}
    assert [set(candidate) for candidate in token["tokens"][0]["top"]] == [{"id", "text", "logprob"}] * 2


def test_the_whole_answer_is_one_object_with_what_start_and_done_hold(client: FlaskClient):
    response = generate(client, stream=False, max_new_tokens=3, logprobs=1)
    answer = response.json
    assert answer["text"] == "A checkpoint is"
    assert answer["finish_reason"] == "length"
    assert answer["model"] == "pretrain/final.pt"
    assert len(answer["tokens"]) == 3
    assert {"run_id", "seed", "prompt_tokens", "precision", "usage", "timings", "receipt"} <= set(answer)
    assert response.headers["X-Run-Id"] == answer["run_id"]


def test_only_what_the_caller_names_reaches_the_engine(client: FlaskClient, engine: ScriptedEngine):
    generate(client, messages=[{"role": "user", "content": "Hi"}], temperature=0, stop="\n", seed=None)
    asked = engine.submitted[0]
    assert dict(asked.sampling) == {"temperature": 0, "stop": ("\n",)}
    assert (asked.messages[0].role, asked.messages[0].content) == ("user", "Hi")
    assert asked.model is None


def test_a_long_prompt_passes(client: FlaskClient, engine: ScriptedEngine):
    assert generate(client, prompt="ж" * 200_000).status_code == 200
    assert len(engine.submitted[0].prompt) == 200_000


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"temperature": -1}, "out_of_range", "temperature"),
        ({"top_p": 2}, "out_of_range", "top_p"),
        ({"top_p": 0}, "out_of_range", "top_p"),
        ({"max_new_tokens": 0}, "out_of_range", "max_new_tokens"),
        ({"seed": -1}, "out_of_range", "seed"),
        ({"seed": 2**64}, "out_of_range", "seed"),
        ({"logprobs": 21}, "out_of_range", "logprobs"),
        ({"stop": [""]}, "out_of_range", "stop.0"),
        ({"stop": ["x"] * 17}, "out_of_range", "stop"),
        ({"prompt": ""}, "out_of_range", "prompt"),
        ({"prompt": None}, "missing_field", "prompt"),
        ({"prompt": "x", "messages": [{"role": "user", "content": "y"}]}, "out_of_range", "prompt"),
        ({"messages": []}, "out_of_range", "messages"),
        ({"messages": [{"role": "user", "content": "y"}] * 1001}, "out_of_range", "messages"),
        ({"messages": [{"role": "wizard", "content": "y"}]}, "out_of_range", "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "missing_field", "messages.0.content"),
        ({"temperature": "1"}, "wrong_type", "temperature"),
        ({"temperature": True}, "wrong_type", "temperature"),
        ({"max_new_tokens": "10"}, "wrong_type", "max_new_tokens"),
        ({"max_new_tokens": 1.5}, "wrong_type", "max_new_tokens"),
        ({"stream": "yes"}, "wrong_type", "stream"),
        ({"prompt": 5}, "wrong_type", "prompt"),
        ({"max_tokens": 5}, "unknown_field", "max_tokens"),
    ],
)
def test_a_request_that_cannot_be_is_refused_by_name(client: FlaskClient, fields: dict, code: str, param: str):
    error = refused(generate(client, **fields), 400)
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"prompt": "x",}',
        b"[" * 100_000,
        b'{"prompt": ' + b"[" * 100_000,
        b'{"prompt": "x", "temperature": NaN}',
        b'{"prompt": "x", "seed": Infinity}',
        b'{"prompt": "\\ud800"}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_not_json_is_refused(client: FlaskClient, raw: bytes):
    error = refused(client.post("/api/generate", data=raw, content_type="application/json"), 400)
    assert error["code"] == "invalid_json"


def test_json_that_is_no_object_is_refused(client: FlaskClient):
    assert refused(client.post("/api/generate", json=[1]), 400)["code"] == "wrong_type"


def test_a_body_must_say_that_it_is_json(client: FlaskClient):
    error = refused(client.post("/api/generate", data=b'{"prompt": "x"}'), 415)
    assert error["code"] == "unsupported_media_type"


def test_a_body_beyond_the_limit_is_refused(client: FlaskClient):
    assert refused(generate(client, prompt="x" * (5 * 2**20)), 413)["code"] == "body_too_large"


@pytest.mark.parametrize("model", ["no/such", "../secret", "/etc/passwd", "pretrain/../pretrain/final.pt"])
def test_a_model_that_was_not_discovered_is_not_found(client: FlaskClient, model: str):
    assert refused(generate(client, model=model), 404)["code"] == "model_not_found"


def test_a_checkpoint_with_a_problem_says_which(client: FlaskClient):
    error = refused(generate(client, model="broken/half.safetensors"), 422)
    assert (error["type"], error["code"]) == ("checkpoint_error", "file_truncated")
    assert error["hint"] == "Copy the file again."


def test_a_failure_before_the_stream_has_its_own_status(client_of: Callable[[ScriptedEngine], FlaskClient]):
    too_long = InvalidRequest("5000 tokens do not fit into 2048", code="context_length_exceeded", param="prompt")
    engine = ScriptedEngine(Script(error=too_long))
    engine.load("pretrain/final.pt")
    engine.wait_until_loaded("pretrain/final.pt")
    client = client_of(engine)
    assert refused(generate(client), 400)["code"] == "context_length_exceeded"
    assert refused(generate(client, stream=False), 400)["code"] == "context_length_exceeded"
    assert client.get("/api/runs").json == {"runs": []}


def test_a_failure_within_the_stream_is_its_one_last_event(client_of: Callable[[ScriptedEngine], FlaskClient]):
    died = WorkerFailed("the process that computes ended")
    heard = events(generate(client_of(ScriptedEngine(Script(error=died, tokens_before_error=3)))).data)
    assert [event.name for event in heard[-4:]] == ["token", "token", "token", "error"]
    assert heard[-1].data["error"]["code"] == "worker_failed"
    assert heard[-1].data["error"]["type"] == "server_error"


def test_a_model_that_fails_to_load_ends_the_stream_with_its_reason(client_of: Callable[[ScriptedEngine], FlaskClient]):
    short = CheckpointProblem("needs 9 GB of 8 GB", code="not_enough_memory")
    heard = events(generate(client_of(ScriptedEngine(load_seconds=0.2, load_error=short))).data)
    assert [event.name for event in heard if event.name in ("done", "error")] == ["error"]
    assert heard[-1].data["error"]["code"] == "not_enough_memory"


def test_a_full_queue_asks_to_come_back(client_of: Callable[[ScriptedEngine], FlaskClient]):
    response = generate(client_of(ScriptedEngine(max_runs=0)))
    assert refused(response, 503)["code"] == "queue_full"
    assert int(response.headers["Retry-After"]) > 0


def test_a_server_that_stops_takes_no_new_request(client: FlaskClient, engine: ScriptedEngine):
    client.application.extensions["parley"].stopping.set()
    assert refused(generate(client), 503)["code"] == "shutting_down"
    assert engine.submitted == []


def test_a_stream_beyond_the_places_is_refused_until_one_ends(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(token_seconds=60)
    first, second = (server.post("/api/generate", {"prompt": "x"}) for _ in range(2))
    for connection in (first, second):
        read_until(connection, b"event: start")
    refusal = server.ask(post_request("/api/generate", {"prompt": "x"}))
    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: " in refusal
    assert b"too_many_streams" in refusal
    assert server.ask(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.0 200 ")
    first.close()
    wait_until(lambda: server.app.extensions["parley"].streams.taken == 1)
    with server.post("/api/generate", {"prompt": "x"}) as third:
        read_until(third, b"event: start")
    second.close()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "script",
    [Script(is_silent=True), Script(prefill_seconds=60), Script(token_seconds=60), Script(ANSWER * 999, 0.001)],
    ids=["in silence", "in prefill", "before the first token", "in the middle"],
)
def test_a_client_that_leaves_stops_the_compute(
    server: LiveServer, engine: ScriptedEngine, script: Script, stream: bool
):
    engine.script = script
    connection = server.post("/api/generate", {"prompt": "x", "stream": stream, "max_new_tokens": 100_000})
    wait_until(lambda: len(engine.submitted) == 1)
    if stream and not script.is_silent:
        read_until(connection, b"event: ")
    assert engine.cancelled_at == {}
    connection.close()
    wait_until(lambda: len(engine.cancelled_at) == 1)
    wait_until(lambda: server.app.extensions["parley"].streams.taken == 0)
    assert server.app.extensions["parley"].runs.live() == []


def test_the_first_bytes_come_before_the_first_event(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(is_silent=True)
    engine.load("pretrain/final.pt")
    engine.wait_until_loaded("pretrain/final.pt")
    with server.post("/api/generate", {"prompt": "x"}) as connection:
        assert read_until(connection, b"retry: 2000\n\n").count(b"event:") == 0


def test_a_stream_ends_with_done_and_a_clean_close(server: LiveServer):
    with server.post("/api/generate", {"prompt": "x"}) as connection:
        heard = read_to_end(connection)
    assert heard.count(b"event: done") == 1
    assert heard.endswith(b"0\r\n\r\n")


def test_a_cancelled_stream_ends_with_what_was_said(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(ANSWER * 99, token_seconds=0.01)
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    client.request(
        "POST",
        "/api/generate",
        json.dumps({"prompt": "x", "max_new_tokens": 99999}),
        {"Content-Type": "application/json"},
    )
    response = client.getresponse()
    run_id = response.headers["X-Run-Id"]
    assert server.ask(post_request(f"/api/runs/{run_id}/cancel", {})).startswith(b"HTTP/1.1 200 ")
    last = events(response.read())[-1]
    client.close()
    assert (last.name, last.data["finish_reason"]) == ("done", "cancelled")
    assert (ANSWER * 99).startswith(last.data["text"])


def test_an_overloaded_engine_is_not_the_callers_fault(client_of: Callable[[ScriptedEngine], FlaskClient]):
    engine = ScriptedEngine(Script(error=Overloaded("no room")))
    engine.load("pretrain/final.pt")
    engine.wait_until_loaded("pretrain/final.pt")
    assert refused(generate(client_of(engine)), 503)["type"] == "overloaded_error"
