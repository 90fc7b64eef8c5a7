"""What a route asks of its caller: nothing, to be somebody, or to be an administrator.

Whatever changes something and is not named here is for administrators, so that a new route is never open by mistake.
"""

from __future__ import annotations

from typing import Literal

Need = Literal["nothing", "chat", "admin"]
_OPEN = ("/static/<path:name>", "/health", "/ready", "/login", "/logout", "/api/session")
_ADMINISTRATORS_READ = ("/metrics",)
_CHAT_WRITES = (
    "/api/generate", "/api/chat", "/api/show", "/api/conversations", "/api/messages", "/api/presets", "/api/runs",
    "/api/tokenize", "/api/detokenize", "/api/template", "/api/score", "/api/next_token", "/v1",
)  # fmt: skip


def need_of(rule: str | None, method: str) -> Need:
    """What the route with this rule asks for; an address that leads nowhere asks as much as a page."""
    if rule in _OPEN:
        return "nothing"
    if rule is None:
        return "chat"
    if method in ("GET", "HEAD", "OPTIONS"):
        return "admin" if rule in _ADMINISTRATORS_READ else "chat"
    return "chat" if any(rule == begin or rule.startswith(f"{begin}/") for begin in _CHAT_WRITES) else "admin"
