"""Who calls: a value that says what they may do and whose conversations they see."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, has_request_context

# Whose conversations a stranger would see; no account and no key has that id.
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever sends a request. `name` is for the log and for limits, `shown` for people.

    `owner` is whose conversations they see; None are those of a server without accounts.
    """

    name: str
    shown: str
    owner: str | None
    is_admin: bool
    is_session: bool = False

    @property
    def is_stranger(self) -> bool:
        """Whether nobody knows who that is, on a server that asks."""
        return self.owner == NOBODY


# Everyone who reaches a server that asks nobody.
ANYONE = Visitor("anyone", "", None, True)
# Somebody who has not said who they are, where that is asked.
STRANGER = Visitor("stranger", "", NOBODY, False)


def current_visitor() -> Visitor:
    """Who sent the current request; outside of one, the server itself."""
    return getattr(g, "visitor", STRANGER) if has_request_context() else ANYONE
