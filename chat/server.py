"""Runs the app under waitress: listens, says where, and ends in order when a signal comes."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from flask import Flask
from waitress.server import create_server

from chat import browser, create_app, journal
from chat.early_errors import Channel
from chat.errors import StoreProblem
from chat.parts import Parts
from chat.secret import SecretProblem
from chat.settings import Settings
from engine import Engine

SPARE_THREADS = 32
SHUTDOWN_SECONDS = 1.0
VANISHED_CLIENT_MS = 20_000
# Above the app's own limit, so that the app refuses what is too large, in the shape of all its errors.
LARGEST_BODY_BYTES = 64 * 2**20
NOBODY_HAS_A_KEY = (
    "host %s lets other machines use this server, and nobody has a key or an account yet. Make one with "
    "`python -m chat users add NAME` or `python -m chat keys add NAME`, use --host 127.0.0.1, or say --no-auth if "
    "everybody on that network may use it."
)
_log = logging.getLogger(__name__)


def serve(settings: Settings, engine: Engine | None = None) -> int:
    """Serve until a signal comes. Returns the exit code: 0 after an orderly end, 1 where the port is taken."""
    journal.configure(settings.log_level, settings.log_directory, settings.log_format)
    try:
        app = create_app(settings, engine)
    except (SecretProblem, StoreProblem) as error:
        _log.error("cannot tell who may come in: %s", error)
        return 1
    house: Parts = app.extensions["parley"]
    if settings.auth and not settings.is_local and house.access is None:
        _log.error(NOBODY_HAS_A_KEY, settings.host)
        house.close()
        return 2
    try:
        server = listen(app, settings)
    except OSError as error:
        _log.error("cannot listen on %s port %d: %s", settings.host, settings.port, _why(error, settings.port))
        house.close()
        return 1
    # A signal may come before waitress' loop has begun, which otherwise catches it.
    with contextlib.suppress(SystemExit):
        _stop_on_signals(house.stopping)
        house.engine.warm_up()
        house.warm_up()
        with _announced(address_of(settings, server), house):
            server.run()
    house.close()
    _log.info("stopped")
    return 0


def listen(app: Flask, settings: Settings):
    """A waitress server that listens already. Raises OSError where the address is not to be had."""
    server = create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.max_streams + SPARE_THREADS,
        connection_limit=4 * (settings.max_streams + SPARE_THREADS),
        channel_request_lookahead=1,
        asyncore_use_poll=True,
        channel_timeout=60,
        cleanup_interval=10,
        outbuf_high_watermark=262_144,
        inbuf_overflow=1_048_576,
        max_request_body_size=max(LARGEST_BODY_BYTES, 2 * settings.max_body_bytes),
        max_request_header_size=32_768,
        ident=None,
        log_socket_errors=False,
        expose_tracebacks=False,
        **_proxy(settings.trusted_proxy),
    )
    # A name with several addresses makes a server of several, each with its own connections.
    for each in list(getattr(server, "map", {}).values()) or [server]:
        each.channel_class = Channel
    server.adj.socket_options = [*server.adj.socket_options, *_client_watch()]
    # A client that does not read must not hold up the end for waitress' own five seconds.
    dispatcher = server.task_dispatcher
    dispatcher.shutdown = functools.partial(dispatcher.shutdown, timeout=SHUTDOWN_SECONDS)
    return server


def _proxy(address: str | None) -> dict[str, Any]:
    """Where a proxy is trusted, the caller's address and scheme are what it says they are."""
    if address is None:
        # They stay visible, as a sign that a proxy stands there, and are believed by nobody.
        return {"clear_untrusted_proxy_headers": False}
    return {
        "trusted_proxy": address,
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
        "clear_untrusted_proxy_headers": True,
    }


def address_of(settings: Settings, server: object) -> str:
    """Where a browser on this machine finds the page."""
    listening = getattr(server, "effective_listen", None) or [(None, server.effective_port)]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{listening[0][1]}"


@contextmanager
def _announced(address: str, house: Parts) -> Iterator[None]:
    """Say where the page is, and open it in a browser where that is wanted."""
    # Behind the # neither a proxy nor a log sees it; only here it is ever written.
    link = None if house.access is None else f"{address}/login#token={house.access.link_token}"
    sys.stdout.write(f"Parley is at {address}\n")
    if link is not None:
        sys.stdout.write(f"Sign in without a password: {link}\n")
    sys.stdout.flush()
    if not house.settings.open_browser:
        yield
        return
    with browser.way_in(address, link, house.settings.secret.parent) as way:
        threading.Thread(target=browser.open_in_browser, args=(way,), daemon=True).start()
        yield


def _client_watch() -> list[tuple[int, int, int]]:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_CLIENT_MS))
    return options


def _stop_on_signals(stopping: threading.Event) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()
        raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _why(error: OSError, port: int) -> str:
    owner = _owner_of(port)
    return f"{error.strerror or error}{f', {owner} has it' if owner else ''}. --port chooses another port."


def _owner_of(port: int) -> str | None:
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error as error:
        _log.debug("who has port %d is not to be seen: %s", port, error)
    return None
