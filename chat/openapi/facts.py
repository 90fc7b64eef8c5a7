"""What the code of a view does not tell: questions in an address, media types, events of streams, names of answers."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string", "maxLength": 1024}
_FLAG: Schema = {"type": "string", "enum": ["0", "1", "false", "true"]}
HTML = ("pages", "session.login", "session.sign_in", "session.sign_out", "docs.page")


def number(low: int, high: int) -> Schema:
    """A whole number in an address."""
    return {"type": "integer", "minimum": low, "maximum": high}


def choice(*words: str) -> Schema:
    """One of these words; the first where nothing is said."""
    return {"type": "string", "enum": list(words), "default": words[0]}


QUERIES: dict[str, dict[str, Schema]] = {
    "models.listing": {"rescan": choice("0", "1")},
    "conversations.listing": {
        "search": _TEXT, "archived": _FLAG, "before": _TEXT, "limit": {**number(1, 200), "default": 50},
    },
    "conversations.one": {"view": choice("tree", "path"), "limit": number(1, 1000), "before": _TEXT, "after": _TEXT},
    "transfers.export": {"format": choice("md", "json", "jsonl"), "branches": choice("shown", "all")},
    "runs.events": {"from": number(0, 10**9)},
    "presets.listing": {"model": _TEXT},
    "presets.delete": {"model": _TEXT},
    "session.login": {"next": {"type": "string"}},
    "training.series": {
        "names": {"type": "string"}, "x": choice("step", "time", "tokens"), "points": {"type": "integer"},
    },
    "training.log": {"offset": {"type": "integer"}},
    "jobs.log": {"offset": {"type": "integer"}},
}  # fmt: skip

MEDIA: dict[str, tuple[str, ...]] = {
    "pages.static": ("text/javascript", "text/css", "image/svg+xml", "application/octet-stream"),
    "system.metrics": ("text/plain",),
    "transfers.export": ("text/markdown", "application/json", "application/jsonl"),
}

FORMS: dict[str, tuple[str, Schema]] = {
    "session.sign_in": (
        "application/x-www-form-urlencoded",
        {"type": "object", "properties": {"name": {"type": "string"}, "password": {"type": "string"}}},
    ),
    "transfers.take_in": ("application/json", {"description": "What export gave as json or jsonl."}),
}

EVENTS: dict[str, dict[str, str]] = {
    "generate.generate": {
        "start": "run_id, model, seed, prompt_tokens, cached_tokens, precision, truncated, queue_position",
        "progress": "stage (queued, loading, prefill), fraction, queue_position",
        "token": "text, ids, index; with logprobs: tokens",
        "done": "finish_reason, text, usage, timings, receipt; the last event unless error is",
        "error": "error, as in every refusal; the last event unless done is",
    },
    "runs.events": {
        "start, progress, token": "as in /api/generate",
        "block": "index, html, final: a block of the answer as HTML",
        "done, error": "the end; done carries the stored message",
    },
    "models.events": {
        "status": "a model's state, as /api/models/ID/status tells it",
        "appeared, changed": "a checkpoint, as in /api/models",
        "gone": "id",
    },
    "models.load": {"progress": "a model's state", "ready": "its state when it is loaded", "error": "why it is not"},
    "training.events": {"runs": "all runs, first", "run": "one that is new or different", "gone": "id"},
    "jobs.events": {"jobs": "all jobs, first", "job": "one that is new or different", "gone": "id"},
}

ANSWERS: dict[str, str] = {
    "system.health": "Health", "system.ready": "Ready", "system.system": "System", "session.show": "Session",
    "session.begin": "SignedIn", "session.end": "SignedIn", "models.listing": "Models", "models.one": "Model",
    "models.status": "Status", "models.load": "Status", "models.unload": "Unloaded", "generate.generate": "Answer",
    "runs.live": "Runs", "runs.cancel": "Cancelled", "chats.clear": "Cleared", "conversations.create": "Conversation",
    "conversations.listing": "Conversations", "conversations.one": "ConversationWithMessages",
    "conversations.change": "Conversation", "conversations.restore": "Conversation", "transfers.fork": "Conversation",
    "transfers.take_in": "Conversations", "conversations.delete": "Deleted", "messages.regenerate": "Asked",
    "messages.go_on": "Asked", "messages.rerun": "Asked", "presets.listing": "Presets", "presets.put": "Preset",
    "tokens.tokenize": "Tokens", "tokens.detokenize": "Text", "openai.listing": "OpenAIModels",
    "openai.one": "OpenAIModel", "openai_chat.complete": "ChatCompletion", "openai_completions.complete": "Completion",
}  # fmt: skip
