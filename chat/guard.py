"""Who may speak: requests for a foreign host name or from a foreign page are refused before any view runs.

It also gives every request its id and every response the headers that keep the page closed to others.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket

from flask import Flask, Response, g, request

from chat import journal
from chat.errors import NotAllowed
from chat.settings import Settings, is_loopback

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types parley-blocks"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def init_app(app: Flask, settings: Settings) -> None:
    """Stand before and after every view."""
    allowed = names_of_this_server(settings)
    any_address = settings.host in ("0.0.0.0", "::")

    @app.before_request
    def check() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        journal.request_id.set(g.request_id)
        refuse_foreign_host(request.headers.get("Host", ""), allowed, any_address)
        refuse_foreign_page()

    @app.after_request
    def mark(response: Response) -> Response:
        response.headers.update(SECURITY_HEADERS)
        response.headers["X-Request-Id"] = g.request_id
        return response


def names_of_this_server(settings: Settings) -> frozenset[str]:
    """The host names this server answers to, besides loopback addresses."""
    names = {"localhost", *settings.allowed_hosts}
    if not is_loopback(settings.host):
        machine = socket.gethostname().lower()
        names |= {settings.host.lower(), machine, f"{machine}.local"}
    return frozenset(names)


def refuse_foreign_host(header: str, allowed: frozenset[str], any_address: bool) -> None:
    """Raise NotAllowed unless the Host header names this server; its port is free, since tunnels change it.

    A name that an attacker's DNS points at this machine carries the attacker's name here: that is DNS rebinding.
    A bare IP address cannot be rebound, so `any_address` lets those pass for a server that listens on all of them.
    """
    parts = _HOST.fullmatch(header.strip().lower())
    name = (parts[1] or parts[2]) if parts else ""
    if name in allowed or _is_address(name, any_address):
        return
    raise NotAllowed(
        "this server does not answer to that host name",
        code="host_not_allowed",
        hint="Use http://localhost, or add the name to allowed_hosts in parley.toml.",
    )


def refuse_foreign_page() -> None:
    """Raise NotAllowed when a browser says that another site's page sent this; a plain visit may come from anywhere."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        origin = request.headers.get("Origin")
        allowed = origin is None or origin.partition("://")[2].lower() == request.headers.get("Host", "").lower()
    else:
        is_visit = request.method == "GET" and request.headers.get("Sec-Fetch-Dest") == "document"
        allowed = site in ("same-origin", "none") or is_visit
    if not allowed:
        raise NotAllowed("a page of another site may not use this server", code="cross_site")


def _is_address(name: str, any_address: bool) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any_address or address.is_loopback
