"""The catalogs hold against each other, against the pages that use them, and against the rules of each language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from chat import create_app
from chat.languages import DEFAULT, FOLDER, LANGUAGES, Phrase, negotiated, phrases, translator
from chat.settings import Settings
from tests.doubles import ScriptedEngine

ROOT = Path(__file__).resolve().parent.parent.parent
AREAS = sorted(file.stem for file in (FOLDER / DEFAULT).glob("*.json"))
PLURALS = {"en": {"one", "other"}, "zh-Hans": {"other"}, "ru": {"one", "few", "many", "other"}}
OTHERS = [language for language in LANGUAGES if language != DEFAULT]


def placeholders(phrase: Phrase) -> set[str]:
    """The values that a phrase wants, in any of its forms."""
    forms = [phrase] if isinstance(phrase, str) else phrase.values()
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


def used_keys() -> tuple[set[str], set[str]]:
    """The keys that scripts and templates name, and the beginnings of those that they put together."""
    sources = [*ROOT.glob("chat/static/js/**/*.js"), *ROOT.glob("chat/templates/**/*.html")]
    text = "\n".join(source.read_text("utf-8") for source in sources)
    literal = set(re.findall(r"(?<![.\w])(?:t|has)\(\s*[\"'`]([\w.-]+)[\"'`]\s*[,)}]", text))
    begun = set(re.findall(r"(?<![.\w])(?:t|has)\(\s*`([\w.-]+)\$\{", text))
    return literal, begun | set(re.findall(r"(?<![.\w])t\([\"']([\w.-]+)[\"'] ~", text))


def test_every_language_has_every_area() -> None:
    for language in LANGUAGES:
        assert sorted(file.stem for file in (FOLDER / language).glob("*.json")) == AREAS
    assert sorted(folder.name for folder in FOLDER.iterdir() if (folder / "common.json").exists()) == sorted(LANGUAGES)


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("language", OTHERS)
def test_catalogs_have_the_same_keys_and_the_same_values_to_fill_in(language: str, area: str) -> None:
    english, other = phrases(DEFAULT, [area]), phrases(language, [area])
    assert sorted(other) == sorted(english)
    for key, phrase in english.items():
        assert isinstance(phrase, str) == isinstance(other[key], str), key
        assert placeholders(other[key]) == placeholders(phrase), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_plurals_have_every_form_of_their_language(language: str) -> None:
    for key, phrase in phrases(language, AREAS).items():
        if not isinstance(phrase, str):
            assert set(phrase) == PLURALS[language], key
            assert "count" in placeholders(phrase), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_is_empty_or_holds_markup(language: str) -> None:
    for key, phrase in phrases(language, AREAS).items():
        for form in [phrase] if isinstance(phrase, str) else phrase.values():
            assert form.strip() == form, key
            assert form, key
            assert not re.search(r"<\w|&\w+;", form), key


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_translated_is_in_the_script_of_its_language(language: str) -> None:
    script = {"zh-Hans": r"[\u4e00-\u9fff]", "ru": r"[\u0400-\u04ff]"}[language]
    found = phrases(language, AREAS)
    translated = [key for key, phrase in found.items() if re.search(script, str(phrase))]
    assert len(translated) > 0.9 * len(found)


def test_every_phrase_that_the_pages_use_is_there_and_none_is_left_over() -> None:
    known = set(phrases(DEFAULT, AREAS))
    literal, begun = used_keys()
    assert sorted(literal - known) == []
    assert sorted(prefix for prefix in begun if not any(key.startswith(prefix) for key in known)) == []
    unused = {key for key in known - literal if not any(key.startswith(prefix) for prefix in begun)}
    assert sorted(unused) == []


@pytest.mark.parametrize(
    ("kept", "accepted", "language"),
    [
        (None, [], "en"),
        (None, ["fr-FR", "ru-RU", "en"], "ru"),
        (None, ["zh-CN", "en"], "zh-Hans"),
        (None, ["zh-Hant-TW"], "zh-Hans"),
        (None, ["*"], "en"),
        ("ru", ["zh-CN"], "ru"),
        ("tlh", ["zh-CN"], "zh-Hans"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_first_accepted(kept: str | None, accepted: list[str], language: str):
    assert negotiated(kept, accepted) == language


def test_a_template_gets_its_words_with_values_filled_in() -> None:
    t = translator({"a.b": "{name} of {all}", "a.c": {"one": "{count}", "other": "{count}"}})
    assert t("a.b", name="{all}", all=2) == "{all} of 2"
    for refuse in (lambda: t("a.b", name=1), lambda: t("a.c", count=1), lambda: t("a.d")):
        with pytest.raises(KeyError):
            refuse()


@pytest.fixture
def app() -> Flask:
    """The app with its own pages."""
    return create_app(Settings(), ScriptedEngine())


def test_the_page_speaks_what_the_browser_asks_for(app: Flask) -> None:
    response = app.test_client().get("/", headers={"Accept-Language": "fr, ru;q=0.8, en;q=0.5"})
    assert '<html lang="ru"' in response.text
    assert "Новая беседа" in response.text
    assert {"Accept-Language", "Cookie"} <= set(response.vary)
    assert response.headers["Content-Language"] == "ru"


def test_a_language_that_was_chosen_is_kept(app: Flask) -> None:
    client = app.test_client()
    chosen = client.get("/?lang=zh-Hans")
    assert (chosen.status_code, chosen.headers["Location"]) == (302, "/")
    assert '<html lang="zh-Hans"' in client.get("/").text
    assert client.get("/?lang=tlh").status_code == 200


def test_the_embedded_words_cannot_end_their_script(app: Flask) -> None:
    text = app.test_client().get("/").text
    start = text.index('type="application/json">')
    assert "<" not in text[start : text.index("</script>", start)].removeprefix('type="application/json">')


def test_the_header_leads_only_to_pages_that_there_are(app: Flask) -> None:
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    text = app.test_client().get("/").text
    for path in ("/checkpoints", "/playground", "/training"):
        assert (f'href="{path}"' in text) == (path in paths)
