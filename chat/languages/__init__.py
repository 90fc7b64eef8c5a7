"""The words of the pages in each language: which one a visitor gets, and the catalogs, one JSON file for each area."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
LANGUAGES: Mapping[str, str] = {"en": "English", "zh-Hans": "简体中文", "ru": "Русский"}
DEFAULT = "en"
COOKIE = "parley_language"
Phrase = str | dict[str, str]  # a sentence, or one for each plural form of {count}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def negotiated(kept: str | None, accepted: Iterable[str]) -> str:
    """The language of a page: the one chosen before, else the first of the accepted ones that there is."""
    if kept in LANGUAGES:
        return kept
    by_base = {name.split("-")[0]: name for name in LANGUAGES}
    bases = (tag.lower().split("-")[0] for tag in accepted)
    return next((by_base[base] for base in bases if base in by_base), DEFAULT)


def phrases(language: str, areas: Iterable[str]) -> dict[str, Phrase]:
    """The phrases of these areas as `area.key`. Raises FileNotFoundError for an area that there is not."""
    files = [(area, FOLDER / language / f"{area}.json") for area in areas]
    return {f"{area}.{key}": phrase for area, file in files for key, phrase in _read(file).items()}


def translator(known: Mapping[str, Phrase]) -> Callable[..., str]:
    """`t(key, name=value, …)` for templates. Plurals are the page's business: they need the number it shows.

    It raises KeyError for a phrase that there is not, and for a value that was not given.
    """

    def t(key: str, **values: object) -> str:
        phrase = known[key]
        if not isinstance(phrase, str):
            raise KeyError(f"{key} has plural forms, and a template has no number for them")
        return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), phrase)

    return t


def _read(file: Path) -> dict[str, Phrase]:
    return _parsed(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _parsed(file: Path, modified_at_ns: int) -> dict[str, Phrase]:
    return json.loads(file.read_text("utf-8"))
