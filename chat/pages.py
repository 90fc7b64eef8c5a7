"""The pages in the visitor's language, and the files they need. Everything else a page shows it asks the API for."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.security import safe_join

from chat import languages
from chat.assets import Assets, assets_in, without_version
from chat.guard.visitors import current_visitor
from engine import VERSION

bp = Blueprint("pages", __name__)
# Said here because a machine's own table of types may be wrong, and browsers refuse a module of a wrong type.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_PAGES = {"chat": "/", "checkpoints": "/checkpoints", "playground": "/playground", "training": "/training"}
_YEAR_SECONDS = 365 * 24 * 3600
_KEY = "parley.assets"


@bp.get("/")
@bp.get("/c/<conversation_id>")
def chat(conversation_id: str | None = None) -> Response:
    """The chat, with nothing said or at a conversation; the page itself asks for what was said."""
    return page("index.html", "chat", "transcript")


@bp.get("/checkpoints")
def checkpoints() -> Response:
    """The checkpoint browser."""
    return page("checkpoints.html", "checkpoints")


@bp.get("/playground")
def playground() -> Response:
    """The playground: raw completions, token by token."""
    return page("playground.html", "playground")


@bp.get("/training")
def training() -> Response:
    """The monitor of training runs and jobs."""
    return page("training.html", "training")


def page(template: str, *areas: str, **facts: object) -> Response:
    """A page in the visitor's language, with the words of these areas besides `common` and `errors`.

    `?lang=` chooses a language: it is kept in a cookie, and the page comes without the question.
    """
    asked = request.args.get("lang")
    if asked in languages.LANGUAGES:
        response = redirect(request.path)
        response.set_cookie(languages.COOKIE, asked, max_age=_YEAR_SECONDS, httponly=True, samesite="Lax")
        return response
    language = languages.negotiated(request.cookies.get(languages.COOKIE), request.accept_languages.values())
    phrases = languages.phrases(language, ("common", "errors", *areas))
    visitor = current_visitor()
    shown = {"language": language, "languages": languages.LANGUAGES, "phrases": phrases, "visitor": visitor, **facts}
    shown["pages"] = _pages_there() if not visitor.is_stranger else {}
    addresses = _addresses(_assets())
    made = render_template(template, **shown, t=languages.translator(phrases), version=VERSION, **addresses)
    response = make_response(made)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Language"] = language
    response.vary.update(("Accept-Language", "Cookie"))
    return response


def _pages_there() -> dict[str, str]:
    """The pages that this server has: name to path."""
    there = {rule.rule for rule in current_app.url_map.iter_rules()}
    return {name: path for name, path in _PAGES.items() if path in there}


@bp.get("/static/<path:name>")
def static(name: str) -> Response:
    """A file of the page; it may be kept for ever when it was asked for with the version that the files have."""
    name, version = without_version(name)
    place = safe_join(current_app.static_folder, name)
    if place is None or not Path(place).is_file():
        abort(404)
    content = Path(place).read_bytes()
    kind = _TYPES.get(Path(place).suffix) or mimetypes.guess_type(place)[0] or "application/octet-stream"
    response = Response(content, mimetype=kind)
    response.set_etag(hashlib.blake2b(content, digest_size=8).hexdigest())
    known = current_app.extensions.get(_KEY) or _assets()
    is_kept = known.has_kept(name, version)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_kept else "no-cache"
    return response.make_conditional(request)


def _assets() -> Assets:
    """The files of the page as they are now."""
    found = current_app.extensions[_KEY] = assets_in(Path(current_app.static_folder))
    return found


def _addresses(assets: Assets) -> dict[str, object]:
    """What a template asks for: the address of a file, and those of modules with all that they import."""

    def asset(name: str) -> str:
        return url_for("pages.static", name=assets.address(name))

    def modules(*names: str) -> list[str]:
        return [asset(name) for name in assets.with_imports(*names)]

    return {"asset": asset, "modules": modules}
