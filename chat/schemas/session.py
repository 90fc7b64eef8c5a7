"""What may be asked of a session: signing in, by a password or by the link that the server printed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chat.schemas.body import Body

Word = Annotated[str, Field(min_length=1, max_length=1024)]


class SignInBody(Body):
    """POST /api/session: `token`, or `name` and `password`."""

    name: Word | None = None
    password: Word | None = None
    token: Word | None = None
