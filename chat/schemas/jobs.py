"""What may be asked of jobs. Whether the parameters suit the kind is checked where the table of commands lies."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chat.schemas.body import Body, Name

ShortName = Annotated[str, Field(min_length=1, max_length=80)]


class JobBody(Body):
    """POST /api/jobs."""

    kind: Name
    parameters: Annotated[dict[str, Any], Field(default_factory=dict)]


class CheckBody(Body):
    """POST /api/models/<id>/check."""


class ExportBody(Body):
    """POST /api/models/<id>/export. Without a name the folder is called as the checkpoint."""

    name: ShortName | None = None
    dtype: Annotated[str, Field(max_length=16)] | None = None
