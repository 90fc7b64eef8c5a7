"""Opens the page in a browser; where callers sign in, by way of a file that only this user can read.

The address is an argument of the browser's process, which everyone on the machine can list: the link that signs in must
not stand there.
"""

from __future__ import annotations

import html
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "sign-in.html"
_PAGE = """<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={link}">
<title>Parley</title>
<a href="{link}">Parley</a>
"""
_log = logging.getLogger(__name__)


def open_in_browser(address: str) -> None:
    """Open an address; blocks where the browser is a program of the terminal."""
    import webbrowser

    webbrowser.open(address)


@contextmanager
def way_in(address: str, link: str | None, folder: Path) -> Iterator[str]:
    """What a browser should open: the page, or with a `link` a file in `folder` that leads to it until the end.

    Where the folder takes no file it is the page, which asks for a name and a password.
    """
    if link is None:
        yield address
        return
    file = (folder / FILE).absolute()
    try:
        _write_for_us_alone(file, _PAGE.format(link=html.escape(link)))
    except OSError as error:
        _log.warning("the browser opens without signing in: %s cannot be written: %s", file, error)
        yield address
        return
    try:
        yield file.as_uri()
    finally:
        _remove(file)


def _write_for_us_alone(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)


def _remove(file: Path) -> None:
    try:
        file.unlink()
    except OSError as error:
        _log.debug("the way in for a browser stays behind, and opens nothing any more: %s", error)
