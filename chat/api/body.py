"""The body of the current request, read once, as JSON and nothing else."""

from __future__ import annotations

from flask import request

from chat import schemas
from chat.errors import WrongMediaType


def read(kind: type[schemas.BodyKind], *, optional: bool = False) -> schemas.BodyKind:
    """The body as that model; where it is optional an empty one is `{}`. Raises InvalidRequest, WrongMediaType."""
    raw = request.get_data()
    if optional and not raw:
        return kind()
    if request.mimetype != "application/json":
        raise WrongMediaType(
            "the body must be JSON", hint='Send the header "Content-Type: application/json" with a JSON body.'
        )
    return schemas.parse(kind, raw)
