"""Answers on the page: drawn as they were meant, harmless whatever they hold, readable for everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.acts import answered, ask, copied, last_answer, pick, ready
from tests.browser.axe import RULES

FLAT = """(body) => {
    const copy = body.cloneNode(true);
    for (const block of copy.querySelectorAll(".block")) block.replaceWith(...block.childNodes);
    for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
    return copy.innerHTML;
}"""
SIDEWAYS = "() => document.scrollingElement.scrollWidth - innerWidth"


def told(page: Any, what: str) -> Any:
    """The answer to this message of a model that chats."""
    pick(page, "somebody")
    ask(page, what)
    page.locator(".message.answer").last.wait_for()
    answered(page)
    return last_answer(page)


def test_a_rich_answer_is_drawn_with_all_its_parts(page: Any) -> None:
    answer = told(page, "/rich")
    assert answer.get_by_role("heading", level=3).all_inner_texts() == ["Training a small model"]
    assert answer.get_by_role("row").count() == 4
    assert answer.locator("math").count() == 3
    assert answer.get_by_role("link", name="the original paper").get_attribute("rel") == "noopener noreferrer nofollow"
    assert answer.locator(".code-language").all_inner_texts() == ["python", "diff"]
    assert answer.locator("pre .k").first.inner_text() == "from"
    assert answer.locator("img").count() == 0


def test_what_was_streamed_is_what_is_there_after_a_reload(page: Any) -> None:
    streamed = told(page, "/rich").evaluate(FLAT)
    page.reload()
    ready(page)
    assert last_answer(page).evaluate(FLAT) == streamed


def test_a_hostile_answer_does_nothing(page: Any) -> None:
    answer = told(page, "/hostile")
    assert "<script>" in answer.inner_text()
    assert answer.locator("script, style, img, svg:not(.icon), form, input, iframe").count() == 0
    assert answer.locator("a").evaluate_all("(links) => links.map((link) => link.protocol)") == ["https:"]
    assert "taken" not in page.title()


def test_nothing_makes_the_page_itself_scroll_sideways(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    pick(page, "somebody")
    for count, what in enumerate(["/line", "/wide", "/zalgo", "/unclosed", "/rich"], start=1):
        ask(page, what)
        page.locator(".message.answer").nth(count - 1).wait_for()
        answered(page)
        assert page.evaluate(SIDEWAYS) <= 0, what


def test_a_wide_table_is_scrolled_by_keyboard(page: Any) -> None:
    table = told(page, "/wide").get_by_role("group", name="Table")
    assert table.evaluate("(box) => box.scrollWidth > 10 * box.clientWidth")
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")


def test_an_open_fence_keeps_everything_after_it_as_code(page: Any) -> None:
    answer = told(page, "/unclosed")
    assert "# no heading\n\n- no list <b>bold</b>" in answer.locator("pre").inner_text()
    assert answer.locator("b, ul, h3").count() == 0


def test_overrides_are_shown_and_copied_as_they_were(page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answer = told(page, "/zalgo")
    assert answer.locator("p .unseen").all_inner_texts() == ["U+202E", "U+202C", "U+202E"]
    text = copied(page, answer.get_by_role("button", name="Copy code").click)
    assert text == "if admin\u202e\u2066: pass\u2069\u2066"


def test_overrides_in_a_question_are_shown_too(page: Any) -> None:
    told(page, "/unclosed safe \u202egnp.exe")
    assert page.locator(".question-text .unseen").all_text_contents() == ["U+202E"]


def test_a_word_without_end_costs_no_kerning_and_other_words_keep_theirs(page: Any) -> None:
    answer = told(page, "/rich " + "A" * 2000)
    kerning = "(part) => getComputedStyle(part).fontKerning"
    assert page.locator(".question-text").evaluate(kerning) == "none"
    assert answer.evaluate(kerning) == "auto"


def test_marks_that_pile_up_stay_near_their_line(page: Any) -> None:
    answer = told(page, "/zalgo")
    style = answer.locator("p").nth(1).evaluate("(line) => ({ ...getComputedStyle(line) })")
    assert style["overflow"] == "clip"
    assert 0 < float(style["overflowClipMargin"].removesuffix("px")) < 12


def test_thoughts_stay_as_the_reader_left_them(page: Any) -> None:
    pick(page, "somebody")
    ask(page, "/rich")
    page.locator(".reasoning summary").click()
    answered(page)
    thoughts = last_answer(page).locator("details.reasoning")
    assert thoughts.get_attribute("open") is not None
    assert thoughts.locator("summary").inner_text() == "Thoughts"
    assert thoughts.locator("em").inner_text() == "everything"


def test_code_shows_up_while_its_fence_is_open(page: Any) -> None:
    pick(page, "somebody")
    ask(page, "/growing")
    growing = page.locator(".answer code.grows .line")
    growing.first.wait_for()
    assert growing.first.inner_text().startswith("line 0")
    page.keyboard.press("Escape")
    answered(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_an_answer(open_page: Callable[..., Any], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    told(page, "/rich").locator("summary").click()
    found = Axe().run(page, "#transcript", {"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found] == []


def test_the_words_around_answers_are_those_of_the_page(open_page: Callable[..., Any]) -> None:
    page = open_page(locale="ru-RU")
    pick(page, "somebody")
    page.locator("#draft").fill("/rich")
    page.keyboard.press("Enter")
    page.locator(".message.answer").wait_for()
    answered(page)
    answer = last_answer(page)
    assert answer.locator("summary").inner_text() == "Размышления"
    assert answer.get_by_role("button", name="Скопировать код").count() == 2
