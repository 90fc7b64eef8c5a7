"""Making an answer once more: the same checkpoint, precision, seed and parameters, or a word about what differs."""

from __future__ import annotations

from chat.answers import Wish
from chat.store.records import StoredMessage
from engine import Engine, InvalidRequest, LoadOptions


def wish(engine: Engine, message: StoredMessage) -> Wish:
    """What to ask for. Raises InvalidRequest for a message without a receipt, CheckpointNotFound, ModelBusy.

    A model that is loaded in another precision is loaded anew, unless it is answering somebody.
    """
    receipt = message.receipt
    if message.role != "assistant" or receipt is None or message.parameters is None:
        raise InvalidRequest(
            "this message has no receipt", param="message_id", hint="Only an answer that came to its end has one."
        )
    _load_as_before(engine, receipt["model"], receipt["precision"])
    kept = message.asked or {}
    others = {name: kept.get(name) for name in ("add_bos", "template", "system")}
    asked = {**message.parameters, **others, "seed": receipt["seed"]}
    return Wish(receipt["model"], asked, bool(kept.get("raw")), message.prefill, receipt)


def _load_as_before(engine: Engine, model: str, precision: str) -> None:
    now = engine.status(model)
    if now.precision == precision and now.state == "ready":
        return
    if now.state == "ready":
        engine.unload(model)
    engine.load(model, LoadOptions(precision=precision, pinned=now.pinned))
