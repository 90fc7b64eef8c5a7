"""Enough of Ollama's interface for its clients: tags, show, version, ps and chat. /api/generate stays our own."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from chat import bound, sse
from chat.api import body
from chat.api.openai_limits import tokens_to_write
from chat.parts import parts
from chat.runs import Run
from chat.schemas.ollama import ChatBody, ShowBody
from engine import VERSION, CheckpointInfo, Done, Token, ToolCall

bp = Blueprint("ollama", __name__)
Fields = dict[str, Any]
NANOSECONDS = 1_000_000  # of a millisecond


@bp.get("/api/version")
def version() -> Response:
    """The version of this server."""
    return jsonify(version=VERSION)


@bp.get("/api/tags")
def tags() -> Response:
    """The checkpoints that can be loaded."""
    return jsonify(models=[_model(each) for each in _usable()])


@bp.get("/api/ps")
def ps() -> Response:
    """The models that are loaded."""
    ready = {key: now for key, now in parts().engine.statuses().items() if now.state == "ready"}
    loaded = [each for each in _usable() if each.id in ready]
    return jsonify(models=[{**_model(each), "context_length": ready[each.id].context_length} for each in loaded])


@bp.post("/api/show")
def show() -> Response:
    """What is known of one checkpoint."""
    found = parts().engine.checkpoint(_id(body.read(ShowBody).model))
    details = parts().engine.details(found.id)
    info = {
        "general.architecture": found.family,
        "general.parameter_count": found.parameters,
        f"{found.family}.context_length": found.context_length,
    }
    said = {"modelfile": "", "parameters": "", "template": details.get("template") or ""}
    return jsonify(**said, details=_details(found), model_info=info, capabilities=["completion", "tools"])


@bp.post("/api/chat")
def chat() -> ResponseReturnValue:
    """Answer a conversation, as lines of JSON or whole; closing the connection ends the compute."""
    asked, who = body.read(ChatBody), sse.caller(parts().stopping)
    model = _id(asked.model)
    with ExitStack() as held:
        (run,) = bound.begin([asked.request(model, tokens_to_write(model, None))], held, who)
        if asked.stream is False:
            done = bound.whole(run, who).done
            return jsonify({**_line(run, done.text, done.tool_calls), **_end(done)})
        bound.raise_early_failures([run], who)
        content_type = "application/x-ndjson"
        return bound.respond(_lines(run), who, held.pop_all(), tell=_error, ping=None, content_type=content_type)


def _id(model: str) -> str:
    return model.removesuffix(":latest")


def _usable() -> list[CheckpointInfo]:
    return [each for each in parts().engine.checkpoints().checkpoints if each.problem is None]


def _model(found: CheckpointInfo) -> Fields:
    named = {"name": found.id, "model": found.id, "modified_at": _time(found.modified_at or 0)}
    return {**named, "size": found.size_bytes, "digest": "", "details": _details(found)}


def _details(found: CheckpointInfo) -> Fields:
    family = found.family or ""
    return {
        "parent_model": found.parent or "",
        "format": found.format,
        "family": family,
        "families": [family],
        "parameter_size": f"{(found.parameters or 0) / 1e6:.1f}M",
        "quantization_level": found.dtype or "",
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _line(run: Run, text: str, calls: tuple[ToolCall, ...] = ()) -> Fields:
    message: Fields = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [{"function": {"name": c.name, "arguments": _object(c.arguments)}} for c in calls]
    now = datetime.now(UTC).timestamp()
    return {"model": run.model, "created_at": _time(now), "message": message, "done": False}


def _object(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:  # An answer that was cut off in the middle of a call.
        return {}


def _end(done: Done) -> Fields:
    times = done.timings
    total = times.load_ms + times.queue_ms + times.prefill_ms + times.decode_ms
    return {
        "done": True,
        "done_reason": "length" if done.finish_reason == "length" else "stop",
        "total_duration": int(total * NANOSECONDS),
        "load_duration": int(times.load_ms * NANOSECONDS),
        "prompt_eval_count": done.usage.prompt_tokens,
        "prompt_eval_duration": int(times.prefill_ms * NANOSECONDS),
        "eval_count": done.usage.completion_tokens,
        "eval_duration": int(times.decode_ms * NANOSECONDS),
    }


def _lines(run: Run) -> bound.Frames:
    for event in bound.events(run):
        if event is None:
            yield None
        elif isinstance(event, Token) and event.text:
            yield _bytes(_line(run, event.text))
        elif isinstance(event, Done):
            yield _bytes({**_line(run, "", event.tool_calls), **_end(event)})


def _bytes(data: Fields) -> bytes:
    return f"{json.dumps(data, ensure_ascii=False)}\n".encode(errors="replace")


def _error(error: Fields) -> bytes:
    return _bytes({"error": error["message"]})
