"""The engine's values as the JSON that the interface promises, field by field."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from chat.errors import as_json
from chat.runs import Run
from engine import (
    Change,
    CheckpointAppeared,
    CheckpointGone,
    CheckpointInfo,
    Done,
    Engine,
    Event,
    Failed,
    Progress,
    Started,
    Status,
    StatusChanged,
    Token,
)

Fields = dict[str, Any]
_AS_THEY_ARE = (
    "id", "name", "group", "run", "format", "family", "architecture", "parameters", "dtype", "size_bytes",
    "weights_bytes", "context_length", "vocab_size", "step", "epoch", "stage", "parent", "modified_at",
)  # fmt: skip


def status(now: Status) -> Fields:
    """A model's state."""
    return {
        "id": now.id,
        "state": now.state,
        "progress": asdict(now.progress) if now.progress else None,
        "error": as_json(now.error) if now.error else None,
        "loaded_at": now.loaded_at,
        "last_used_at": now.last_used_at,
        "running": now.running,
        "waiting": now.waiting,
        "memory_bytes": now.memory_bytes,
        "precision": now.precision,
        "device": now.device,
        "pid": now.pid,
        "pinned": now.pinned,
        "context_length": now.context_length,
        "cache": {"bytes": now.cache_bytes, "budget_bytes": now.cache_budget_bytes},
        "timings": asdict(now.timings) if now.timings else None,
    }


def model(engine: Engine, found: CheckpointInfo, now: Status) -> Fields:
    """A checkpoint as the list shows it."""
    return {
        **{name: getattr(found, name) for name in _AS_THEY_ARE},
        "loss": asdict(found.loss) if found.loss else None,
        "tokenizer": dict(found.tokenizer) if found.tokenizer else None,
        "chat_template": dict(found.chat_template) if found.chat_template else None,
        "sampling_defaults": dict(found.sampling_defaults),
        "evidence": {**found.evidence, **now.inferred},
        "memory": asdict(engine.estimate(found)),
        "status": status(now),
        "problem": asdict(found.problem) if found.problem else None,
    }


def run(live: Run) -> Fields:
    """A live answer."""
    return {
        "run_id": live.run_id,
        "model": live.model,
        "conversation_id": live.conversation_id,
        "state": live.state,
        "created_at": live.created_at,
    }


def change(engine: Engine, what: Change) -> tuple[str, Fields]:
    """A change of a model or of the list, as an event."""
    if isinstance(what, StatusChanged):
        return "status", status(what.status)
    if isinstance(what, CheckpointGone):
        return "gone", {"id": what.id}
    name = "appeared" if isinstance(what, CheckpointAppeared) else "changed"
    return name, model(engine, what.checkpoint, engine.status(what.checkpoint.id))


def event(what: Event) -> tuple[str, Fields]:
    """An event of a run, under the name that the interface gives it."""
    if isinstance(what, Token):
        return "token", token(what)
    if isinstance(what, Progress):
        return "progress", asdict(what)
    if isinstance(what, Started):
        return "start", started(what)
    if isinstance(what, Failed):
        return "error", {"error": as_json(what.error)}
    return "done", done(what)


def token(what: Token) -> Fields:
    """New text; `tokens` only where log-probabilities were asked for."""
    said: Fields = {"text": what.text, "ids": what.ids, "index": what.index}
    if what.tokens:
        said["tokens"] = [asdict(scored) for scored in what.tokens]
    return said


def started(what: Started) -> Fields:
    """The first words about a run."""
    said = asdict(what)
    said["template"] = said.pop("template_source")
    return said


def done(what: Done) -> Fields:
    """The last words about a run that ended well."""
    return {
        "finish_reason": what.finish_reason,
        "text": what.text,
        "usage": {**asdict(what.usage), "total_tokens": what.usage.total_tokens},
        "timings": asdict(what.timings),
        "receipt": asdict(what.receipt) if what.receipt else None,
    }
