"""The shapes of the main answers. A server may add fields, so none of them says that it is complete."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
YES_OR_NO: Schema = {"type": "boolean"}
ANYTHING: Schema = {"type": "object"}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """A list of them."""
    return {"type": "array", "items": schema}


def ref(name: str) -> Schema:
    """Another shape by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(**properties: Schema) -> Schema:
    """An object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_CONVERSATION = {
    "id": TEXT, "title": TEXT, "model": maybe(TEXT), "system": maybe(TEXT), "parameters": ANYTHING,
    "leaf_id": maybe(TEXT), "pinned": YES_OR_NO, "archived": YES_OR_NO, "created_at": NUMBER, "updated_at": NUMBER,
}  # fmt: skip
_ERROR = record(type=TEXT, code=TEXT, message=TEXT, param=maybe(TEXT), hint=maybe(TEXT))
_USAGE = record(prompt_tokens=WHOLE, completion_tokens=WHOLE, total_tokens=WHOLE)

SHAPES: dict[str, Schema] = {
    "Error": record(error=_ERROR),
    "Health": {**record(status=TEXT, models={"type": "object", "additionalProperties": TEXT}), "required": ["status"]},
    "Ready": record(status=TEXT),
    "System": record(
        cpu=ANYTHING, memory=ANYTHING, gpus=many(ANYTHING), process=ANYTHING, queue=ANYTHING, versions=ANYTHING
    ),
    "Session": record(asks=YES_OR_NO, name=maybe(TEXT), is_admin=YES_OR_NO, scopes=many(TEXT)),
    "SignedIn": record(signed_in=YES_OR_NO),
    "Status": record(
        id=TEXT, state={"enum": ["unloaded", "queued", "loading", "ready", "unloading", "failed"]},
        progress=maybe(record(stage=TEXT, fraction=NUMBER)), error=maybe(_ERROR), loaded_at=maybe(NUMBER),
        last_used_at=maybe(NUMBER), running=WHOLE, waiting=WHOLE, memory_bytes=WHOLE, precision=maybe(TEXT),
        device=maybe(TEXT), pid=maybe(WHOLE),
    ),
    "Model": record(
        id=TEXT, name=TEXT, group=TEXT, run=maybe(TEXT), format=TEXT, family=maybe(TEXT), architecture=maybe(TEXT),
        parameters=maybe(WHOLE), dtype=maybe(TEXT), size_bytes=WHOLE, context_length=maybe(WHOLE), step=maybe(WHOLE),
        loss=maybe(record(kind=TEXT, value=NUMBER)), stage=maybe(TEXT), evidence=ANYTHING, memory=ANYTHING,
        status=ref("Status"), problem=maybe(record(code=TEXT, message=TEXT, hint=maybe(TEXT))),
    ),
    "Models": record(
        models=many(ref("Model")), groups=many(TEXT), scan=record(at=NUMBER, seconds=NUMBER, skipped=many(ANYTHING)),
        memory=record(budget_bytes=WHOLE, used_bytes=WHOLE), default=maybe(TEXT), current=maybe(TEXT),
    ),
    "Unloaded": record(id=TEXT, state=TEXT, freed_bytes=WHOLE),
    "Answer": record(
        run_id=TEXT, model=TEXT, text=TEXT, finish_reason=TEXT, usage=_USAGE, timings=ANYTHING, receipt=maybe(ANYTHING)
    ),
    "Run": record(run_id=TEXT, model=TEXT, conversation_id=maybe(TEXT), state=TEXT, created_at=NUMBER),
    "Runs": record(runs=many(ref("Run"))),
    "Cancelled": record(run_id=TEXT, state=TEXT),
    "Cleared": record(conversation_id=TEXT, cancelled_runs=many(TEXT)),
    "Conversation": record(**_CONVERSATION),
    "Conversations": {
        **record(conversations=many(ref("Conversation")), next=maybe(TEXT)), "required": ["conversations"]
    },
    "ConversationWithMessages": record(**_CONVERSATION, messages=many(ref("Message")), next=maybe(TEXT)),
    "Message": record(
        id=TEXT, parent_id=maybe(TEXT), role={"enum": ["system", "user", "assistant"]}, content=TEXT, html=maybe(TEXT),
        status={"enum": ["complete", "streaming", "cancelled", "interrupted", "failed"]}, run_id=maybe(TEXT),
        model=maybe(TEXT),
    ),
    "Asked": record(run_id=TEXT, assistant_message=ref("Message")),
    "Deleted": record(id=TEXT, deleted=YES_OR_NO, cancelled_runs=many(TEXT)),
    "Preset": record(name=TEXT, model=maybe(TEXT), parameters=ANYTHING, system=maybe(TEXT)),
    "Presets": record(presets=many(ref("Preset"))),
    "Tokens": record(tokens=many(record(id=WHOLE, text=TEXT, special=YES_OR_NO)), count=WHOLE),
    "Text": record(text=TEXT),
    "OpenAIModel": record(id=TEXT, object={"const": "model"}, created=WHOLE, owned_by=TEXT),
    "OpenAIModels": record(object={"const": "list"}, data=many(ref("OpenAIModel"))),
    "ChatCompletion": record(
        id=TEXT, object=TEXT, created=WHOLE, model=TEXT, usage=_USAGE,
        choices=many(record(index=WHOLE, message=ANYTHING, finish_reason=TEXT)),
    ),
    "Completion": record(
        id=TEXT, object=TEXT, created=WHOLE, model=TEXT, usage=_USAGE,
        choices=many(record(index=WHOLE, text=TEXT, finish_reason=TEXT)),
    ),
}  # fmt: skip
