"""The body of the current request, read once, as JSON and nothing else."""

from __future__ import annotations

from flask import request

from chat.errors import WrongMediaType
from chat.schemas.body import BodyKind, parse


def read(kind: type[BodyKind], *, optional: bool = False) -> BodyKind:
    """The body as that model; where it is optional an empty one is `{}`. Raises InvalidRequest, WrongMediaType."""
    raw = request.get_data()
    if optional and not raw:
        return kind()
    if request.mimetype != "application/json":
        raise WrongMediaType(
            "the body must be JSON", hint='Send the header "Content-Type: application/json" with a JSON body.'
        )
    return parse(kind, raw)
