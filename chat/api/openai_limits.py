"""How long an answer may be when another program's client does not say."""

from __future__ import annotations

from chat.parts import parts
from engine import CheckpointNotFound

LONGEST_UNASKED = 4096


def tokens_to_write(model: str | None, asked: int | None) -> int:
    """What was asked for, else what the context holds, within reason; the prompt's share is taken off later."""
    if asked is not None:
        return asked
    engine = parts().engine
    model = model or engine.current_id() or engine.default_id()
    if model is None:
        raise CheckpointNotFound("there is no checkpoint that can be loaded", param="model")
    context = engine.status(model).context_length or engine.checkpoint(model).context_length
    return LONGEST_UNASKED if context is None else max(1, min(LONGEST_UNASKED, context - 1))
