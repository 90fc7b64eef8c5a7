"""What every response carries: headers that close the page to others, and leave for the sites that were named."""

from __future__ import annotations

from flask import Response, request

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
_HEADERS_SENT = "Authorization, Content-Type, Last-Event-ID, X-Api-Key, X-Request-Id, Anthropic-Version"
_HEADERS_READ = "Retry-After, X-Request-Id, X-Run-Id"
_SECONDS_A_LEAVE_HOLDS = "600"


def preflight() -> Response:
    """The answer to a browser that asks, for a page that was named, what it may send."""
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
    response.headers["Access-Control-Allow-Headers"] = _HEADERS_SENT
    response.headers["Access-Control-Max-Age"] = _SECONDS_A_LEAVE_HOLDS
    return response


def mark(response: Response, *, asks: bool, is_named_page: bool) -> None:
    """Put them on a response. Where callers sign in (`asks`), nothing but the page's own files may be kept."""
    response.headers.update(SECURITY_HEADERS)
    if is_named_page:
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = _HEADERS_READ
        response.vary.add("Origin")
    if request.endpoint != "pages.static" and (asks or "Cache-Control" not in response.headers):
        response.headers["Cache-Control"] = "no-store"
