"""Signing in and out, for programs and by the sign-in page. A session is a cookie that no script can read."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from chat import pages
from chat.access import Access
from chat.api import body
from chat.errors import NotSignedIn, TooManyRequests
from chat.guard.doors import address, cookie_name
from chat.guard.visitors import current_visitor
from chat.parts import parts
from chat.schemas.session import SignInBody
from engine import InvalidRequest

bp = Blueprint("session", __name__)
_DAY_SECONDS = 24 * 3600
LONGEST_PATH = 2000


@bp.get("/api/session")
def show() -> Response:
    """Whether this server asks who calls, and who the caller is to it; a stranger's `name` is null."""
    visitor = current_visitor()
    is_known = not visitor.is_stranger
    return jsonify(
        asks=parts().access is not None,
        name=visitor.shown if is_known else None,
        is_admin=visitor.is_admin,
        scopes=["chat", *(["admin"] if visitor.is_admin else [])] if is_known else [],
    )


@bp.post("/api/session")
def begin() -> Response:
    """Sign in: the answer sets the cookie of a new session."""
    asked = body.read(SignInBody)
    if asked.token is not None:
        return _with_cookie(jsonify(signed_in=True), _access().sign_in_by_link(asked.token))
    if asked.name is None or asked.password is None:
        raise InvalidRequest("name and password are needed, or token", code="missing_field", param="name")
    return _with_cookie(jsonify(signed_in=True), _sign_in(asked.name, asked.password))


@bp.delete("/api/session")
def end() -> Response:
    """Sign out: the session is over, whoever may have its cookie."""
    return _signed_out(jsonify(signed_in=False))


@bp.get("/login")
def login() -> ResponseReturnValue:
    """The sign-in page; whoever is signed in already, or on a server that asks nobody, is sent on."""
    if parts().access is None or current_visitor().is_session:
        return redirect(_next(), 303)
    return pages.page("login.html", "login", following=_next())


@bp.post("/login")
def sign_in() -> ResponseReturnValue:
    """What the form of the sign-in page sends."""
    try:
        name, password = request.form.get("name", "")[:1024], request.form.get("password", "")[:1024]
        return _with_cookie(redirect(_next(), 303), _sign_in(name, password))
    except (NotSignedIn, TooManyRequests) as error:
        page = pages.page("login.html", "login", following=_next(), problem=error.code)
        page.status_code = 429 if isinstance(error, TooManyRequests) else 401
        return page


@bp.post("/logout")
def sign_out() -> Response:
    """What the button of the pages sends."""
    return _signed_out(redirect("/login", 303))


def _access() -> Access:
    access = parts().access
    if access is None:
        raise InvalidRequest("this server asks nobody to sign in", code="nothing_to_sign_in")
    return access


def _sign_in(name: str, password: str) -> str:
    access = _access()
    parts().limits.count_attempt(address())
    return access.sign_in(name, password, address())


def _with_cookie(response: Response, token: str) -> Response:
    house = parts()
    response.set_cookie(
        cookie_name(house.settings.port),
        token,
        max_age=house.settings.session_days * _DAY_SECONDS,
        httponly=True,
        secure=request.is_secure,
        samesite="Lax",
    )
    return response


def _signed_out(response: Response) -> Response:
    house = parts()
    name = cookie_name(house.settings.port)
    token = request.cookies.get(name)
    if token and house.access is not None:
        house.access.sign_out(token)
    response.delete_cookie(name, httponly=True, secure=request.is_secure, samesite="Lax")
    return response


def _next() -> str:
    """The page that somebody wanted; anything but a path of this server is the first page."""
    wanted = request.args.get("next", "/")
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours and "\\" not in wanted and len(wanted) <= LONGEST_PATH else "/"
