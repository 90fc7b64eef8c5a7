"""What may be asked of conversations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chat.schemas.body import Body, Name, Text
from chat.schemas.sampling import Sampling

LONGEST_TITLE = 300
Title = Annotated[str, Field(max_length=LONGEST_TITLE)]


class CreateBody(Body):
    """POST /api/conversations."""

    title: Title | None = None
    model: Name | None = None
    system: Text | None = None
    parameters: Sampling | None = None


class ChangeBody(Body):
    """PATCH /api/conversations/<id>. What is absent stays; null takes a model, a system prompt or a leaf away."""

    title: Title | None = None
    model: Name | None = None
    system: Text | None = None
    parameters: Sampling | None = None
    pinned: bool | None = None
    archived: bool | None = None
    leaf_id: Name | None = None

    def changes(self) -> dict[str, Any]:
        """What was named, by column."""
        named = {name: getattr(self, name) for name in self.model_fields_set}
        if "parameters" in named:
            named["parameters"] = named["parameters"].named() if named["parameters"] else {}
        if "title" in named:
            named["title"] = " ".join((named["title"] or "").split())
        return {
            name: value for name, value in named.items() if value is not None or name in ("model", "system", "leaf_id")
        }


class ForkBody(Body):
    """POST /api/conversations/<id>/fork."""

    message_id: Name
