"""Requests for a foreign host name or from a foreign page are refused before any view runs."""

from __future__ import annotations

import ipaddress
import re
import socket

from flask import request

from chat.errors import NotAllowed
from chat.settings import Settings

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?")


def names_of_this_server(settings: Settings) -> frozenset[str]:
    """The host names this server answers to, besides loopback addresses."""
    names = {"localhost", *settings.allowed_hosts}
    if not settings.is_local:
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


def refuse_foreign_page(named: frozenset[str]) -> None:
    """Raise NotAllowed when a browser says that another site's page sent this; a plain visit may come from anywhere.

    The origins in `named` are let in; see `is_from_a_named_page`.
    """
    if is_from_a_named_page(named):
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        origin = request.headers.get("Origin")
        allowed = origin is None or origin.partition("://")[2].lower() == request.headers.get("Host", "").lower()
    else:
        is_visit = request.method == "GET" and request.headers.get("Sec-Fetch-Dest") == "document"
        allowed = site in ("same-origin", "none") or is_visit
    if not allowed:
        raise NotAllowed(
            "a page of another site may not use this server",
            code="cross_site",
            hint="cors_origins in parley.toml names sites that may.",
        )


def is_from_a_named_page(named: frozenset[str]) -> bool:
    """Whether the settings name the page that sent this; it may use a key, but never the cookie of a session."""
    return request.headers.get("Origin", "").lower() in named


def _is_address(name: str, any_address: bool) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any_address or address.is_loopback
