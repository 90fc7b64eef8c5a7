"""Presets: parameters under a name."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from chat.api import body, query
from chat.parts import current_owner, parts
from chat.schemas.presets import PresetBody
from engine import InvalidRequest

bp = Blueprint("presets", __name__, url_prefix="/api/presets")
LONGEST_NAME = 80


@bp.get("")
def listing() -> Response:
    """The built-in ones and one's own; with `model` those for all checkpoints and for this one."""
    found = parts().store.presets.all(current_owner(), query.text("model"))
    return jsonify(presets=[preset.as_json() for preset in found])


@bp.put("/<name>")
def put(name: str) -> Response:
    """Keep parameters under this name."""
    asked = body.read(PresetBody)
    if len(name) > LONGEST_NAME or name != name.strip() or not name.isprintable():
        raise InvalidRequest(f"a preset's name has 1 to {LONGEST_NAME} printable characters", param="name")
    kept = parts().store.presets.put(current_owner(), name, asked.model, asked.parameters.named(), asked.system)
    return jsonify(kept.as_json())


@bp.delete("/<name>")
def delete(name: str) -> Response:
    """Forget one; `model` names whose it is where it belongs to one checkpoint."""
    parts().store.presets.delete(current_owner(), name, query.text("model"))
    return jsonify(name=name, deleted=True)
