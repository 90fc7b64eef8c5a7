"""What may be asked of a training run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chat.schemas.body import Body


class ControlBody(Body):
    """POST /api/training/runs/<id>/control. `value` is the factor of `scale_lr`."""

    act: Literal["pause", "resume", "stop", "save", "sample", "scale_lr"]
    value: Annotated[float, Field(ge=1e-3, le=1e3)] | None = None
