"""Stands before and after every view: who calls, from where, whether they may, and how often."""

from __future__ import annotations

import ipaddress
import re
import secrets

from flask import Flask, Response, g, redirect, request, url_for

from chat import journal
from chat.access import Access
from chat.errors import NotAllowed, NotSignedIn
from chat.guard import headers, hosts
from chat.guard.limits import Limits
from chat.guard.scopes import need_of
from chat.guard.visitors import ANYONE, STRANGER, Visitor
from chat.settings import Settings

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_FORWARDED = ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via")


def init_app(app: Flask, settings: Settings, access: Access | None, limits: Limits) -> None:
    """Stand there. Without `access` everyone who reaches the server may do everything."""
    allowed = hosts.names_of_this_server(settings)
    any_address = settings.host in ("0.0.0.0", "::")
    named = frozenset(settings.cors_origins)

    @app.before_request
    def check() -> Response | None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        g.visitor = STRANGER
        journal.name_caller(g.request_id, STRANGER.name)
        hosts.refuse_foreign_host(request.headers.get("Host", ""), allowed, any_address)
        hosts.refuse_foreign_page(named)
        is_named_page = hosts.is_from_a_named_page(named)
        if is_named_page and request.method == "OPTIONS":
            return headers.preflight()
        g.visitor = _visitor(access, limits, settings.port, uses_cookie=not is_named_page)
        journal.name_caller(g.request_id, g.visitor.name)
        if request.endpoint != "pages.static":
            limits.count_request(g.visitor.name, address())
        return _refuse_or_send_to_the_door(g.visitor)

    @app.after_request
    def mark(response: Response) -> Response:
        headers.mark(response, asks=access is not None, is_named_page=hosts.is_from_a_named_page(named))
        response.headers["X-Request-Id"] = g.request_id
        return response


def cookie_name(port: int) -> str:
    """The cookie of a session. Browsers do not tell ports apart, so the port is in the name."""
    return f"{'__Host-' if request.is_secure else ''}parley_session_{port}"


def address() -> str:
    """Where the current request comes from."""
    return request.remote_addr or "unknown"


def is_direct_and_local() -> bool:
    """Whether a program of this machine asks, and no proxy for somebody else."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(address()).is_loopback
    except ValueError:
        return False


def _visitor(access: Access | None, limits: Limits, port: int, *, uses_cookie: bool) -> Visitor:
    if access is None:
        return Visitor(f"{ANYONE.name}@{address()}", ANYONE.shown, ANYONE.owner, ANYONE.is_admin)
    stranger = Visitor(f"{STRANGER.name}@{address()}", STRANGER.shown, STRANGER.owner, STRANGER.is_admin)
    if need_of(_rule(), request.method) == "nothing" and request.endpoint == "pages.static":
        return stranger
    key = _key()
    if key is not None:
        known = access.by_key(key)
        if known is None:
            limits.count_attempt(address())
            hint = "python -m chat keys add NAME makes one."
            raise NotSignedIn("this key opens nothing here", code="wrong_key", hint=hint)
        return known
    token = request.cookies.get(cookie_name(port)) if uses_cookie else None
    return (access.by_session(token) if token else None) or stranger


def _key() -> str | None:
    """What a client shows as its key, in the way of OpenAI's clients or of Anthropic's."""
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and key.strip():
        return key.strip()
    return request.headers.get("X-Api-Key", "").strip() or None


def _rule() -> str | None:
    return request.url_rule.rule if request.url_rule else None


def _refuse_or_send_to_the_door(visitor: Visitor) -> Response | None:
    need = need_of(_rule(), request.method)
    is_known = not visitor.is_stranger
    if need == "nothing" or (need == "chat" and is_known) or visitor.is_admin:
        return None
    if _rule() == "/metrics" and is_direct_and_local():
        return None
    if is_known:
        raise NotAllowed(
            "this is for administrators", hint="Ask with a key of the scope admin, or sign in as an administrator."
        )
    if request.method == "GET" and request.accept_mimetypes.accept_html and not _is_for_programs():
        # It says nothing about whether there is such a page.
        return redirect(url_for("session.login", next=request.full_path.rstrip("?")), 303)
    raise NotSignedIn(
        "this server asks who calls", hint="Send the header Authorization: Bearer KEY, or sign in at /login."
    )


def _is_for_programs() -> bool:
    is_data = request.path.startswith(("/api/", "/v1/")) or request.path == "/metrics"
    return is_data and request.headers.get("Sec-Fetch-Dest") != "document"
