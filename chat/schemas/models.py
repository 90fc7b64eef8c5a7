"""What may be asked of the list of checkpoints: loading and unloading."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chat.schemas.body import Body, Name


class LoadBody(Body):
    """POST /api/models/<id>/load; of a loaded model `pinned` is changed, where it is there."""

    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] | None = None
    device: Name | None = None
    context_length: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    pinned: bool | None = None


class UnloadBody(Body):
    """POST /api/models/<id>/unload."""

    force: bool = False
