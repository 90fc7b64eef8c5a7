"""What OpenAI's clients ask first: which models there are."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from chat.parts import parts
from engine import CheckpointInfo

bp = Blueprint("openai", __name__, url_prefix="/v1")


@bp.get("/models")
def listing() -> Response:
    """The checkpoints that can be loaded."""
    usable = [each for each in parts().engine.checkpoints().checkpoints if each.problem is None]
    return jsonify(object="list", data=[_model(each) for each in usable])


@bp.get("/models/<path:checkpoint_id>")
def one(checkpoint_id: str) -> Response:
    """One checkpoint."""
    return jsonify(_model(parts().engine.checkpoint(checkpoint_id)))


def _model(found: CheckpointInfo) -> dict[str, Any]:
    return {
        "id": found.id,
        "object": "model",
        "created": int(found.modified_at or 0),
        "owned_by": "parley",
        "max_model_len": found.context_length,
    }
