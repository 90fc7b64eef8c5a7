"""The page of trainings: runs, curves, orders, checkpoints, logs and comparisons, over a server that makes them up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import until
from tests.browser.axe import found_by_axe
from tests.browser.training_scenes import Scene, job, older, run, talk


@pytest.fixture
def scene() -> Scene:
    """A run under way, and one that has ended."""
    return Scene([run(), older()])


@pytest.fixture
def visit(open_page: Callable[..., Any], server_url: str, scene: Scene) -> Callable[..., Any]:
    """Open the page of trainings over the scene: `visit("?x=time", locale="ru-RU")`."""

    def visit_one(query: str = "", **options: Any) -> Any:
        page = open_page(**options)
        scene.serve(page)
        page.goto(f"{server_url}/training{query}")
        page.locator(".run-row, #empty:not([hidden])").first.wait_for()
        return page

    return visit_one


def chart(page: Any, title: str) -> Any:
    """One chart, by what stands over it."""
    return page.locator(".chart").filter(has=page.get_by_role("heading", name=title, exact=True))


def test_the_newest_run_is_shown_with_what_is_known_of_it(visit: Callable[..., Any]) -> None:
    page = visit()
    expect(page.locator("#count")).to_have_text("2 runs · 1 under way")
    expect(page.locator("#run-name")).to_have_text("demo")
    facts = page.locator("#run-facts")
    for fact in ("step 360 of 1,000 · 36%", "0.36 of 1", "1m 35s", "5,320 tok/s", "2.13", "2.2 at step 350", "3e-4"):
        expect(facts).to_contain_text(fact)
    expect(page.locator("#runs-ended .run-row")).to_contain_text("older")
    assert page.locator("#run-progress").evaluate("bar => bar.value") == pytest.approx(0.36)
    expect(page.locator("#machine")).to_contain_text("Memory")


def test_curves_are_drawn_with_spikes_what_is_missing_and_smoothing(visit: Callable[..., Any]) -> None:
    page = visit()
    loss = chart(page, "Loss")
    expect(loss.locator(".legend-lines li")).to_have_text(["train", "validation"])
    expect(loss.locator(".chart-picture .chart-line.is-raw")).to_have_count(1)
    expect(loss.locator(".chart-missing")).to_have_count(1)
    assert "8" in loss.locator(".chart-grid text").all_text_contents()  # the spike of 9.5 is within the scale
    page.get_by_label("Leave outliers out of the scale").check()
    expect(loss.locator(".chart-grid text").filter(has_text=re.compile("^8$"))).to_have_count(0)
    page.get_by_label(re.compile("^Smoothing")).fill("0")
    expect(loss.locator(".chart-picture .chart-line.is-raw")).to_have_count(0)
    expect(chart(page, "Learning rate").locator(".chart-picture .chart-line")).to_have_count(1)


def test_axis_scale_and_further_curves_outlast_a_reload(visit: Callable[..., Any], scene: Scene) -> None:
    page = visit()
    page.get_by_label("Across").select_option("time")
    page.get_by_label("Log scale").check()
    page.get_by_role("button", name="grad_norm").click()
    expect(chart(page, "grad_norm")).to_be_visible()
    expect(chart(page, "Loss").locator(".chart-grid")).to_contain_text("2m")
    page.reload()
    expect(chart(page, "grad_norm")).to_be_visible()
    expect(page.get_by_label("Across")).to_have_value("time")
    expect(page.get_by_label("Log scale")).to_be_checked()
    assert any("grad_norm" in asked and "x=time" in asked for asked in scene.asked)


def test_a_zoom_is_kept_while_the_run_goes_on(visit: Callable[..., Any], scene: Scene) -> None:
    page = visit()
    picture = chart(page, "Loss").locator(".chart-picture")
    expect(picture.locator(".chart-line").first).to_be_attached()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 90, steps=4)
    page.mouse.up()
    reset = chart(page, "Loss").get_by_role("button", name="Show all")
    expect(reset).to_be_visible()
    expect(chart(page, "Learning rate").get_by_role("button", name="Show all")).to_be_visible()
    ticks = picture.locator(".chart-grid text[text-anchor=middle]").all_text_contents()
    assert all(100 < int(tick) < 260 for tick in ticks)
    scene.runs[0] = run(step=400, updated_at=scene.runs[0]["updated_at"] + 5)
    expect(page.locator("#run-facts")).to_contain_text("step 400")
    assert picture.locator(".chart-grid text[text-anchor=middle]").all_text_contents() == ticks
    chart(page, "Loss").get_by_role("button", name="Move to later points").click()
    expect(picture.locator(".chart-grid text[text-anchor=middle]").first).not_to_have_text(ticks[0])
    chart(page, "Loss").get_by_role("button", name="Zoom out").click()
    reset.click()
    expect(reset).to_be_hidden()
    expect(picture).to_be_focused()
    assert "zoom" not in page.url


def test_the_keyboard_goes_along_a_curve_and_to_a_checkpoint(visit: Callable[..., Any]) -> None:
    page = visit()
    picture = chart(page, "Loss").locator(".chart-picture")
    expect(picture.locator(".chart-line").first).to_be_attached()
    picture.focus()
    readout = chart(page, "Loss").get_by_role("status")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(readout).to_have_text(re.compile(r"^step 2 · train 4\.\d+ \(.+ to .+\) · validation –$"))
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    menu = page.locator("#mark-menu")
    expect(menu.get_by_role("link", name="Chat with step 300")).to_be_focused()
    expect(menu.get_by_role("link", name="Chat with the one before: step 200")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(picture).to_be_focused()
    page.keyboard.press("+")
    expect(chart(page, "Loss").get_by_role("button", name="Show all")).to_be_visible()


def test_a_checkpoint_in_the_chart_leads_to_a_chat_with_it(visit: Callable[..., Any]) -> None:
    page = visit()
    chart(page, "Loss").locator('[data-checkpoint="demo/step-200.pt"] .chart-target').click()
    link = page.locator("#mark-menu").get_by_role("link", name="Chat with step 200")
    expect(link).to_have_attribute("href", "/?model=demo%2Fstep-200.pt")
    expect(page.locator("#mark-menu").get_by_role("link", name="after: step 300")).to_be_visible()


def test_chats_with_checkpoints_are_marked_and_lead_to_the_conversation(
    visit: Callable[..., Any], scene: Scene
) -> None:
    scene.chats = [talk(1, 200, "Who sees?"), talk(2, 100, "Sums"), talk(3, 100, "")]
    page = visit()
    loss = chart(page, "Loss")
    expect(loss.locator(".chart-chat")).to_have_count(2)
    expect(loss.locator("a.chart-chat")).to_have_attribute("href", "/c/c1")
    expect(loss.locator("a.chart-chat title")).to_have_text("Chat · Who sees? · step 200")
    loss.locator("g.chart-chat .chart-target").click()
    links = page.locator("#mark-menu").get_by_role("link")
    expect(links.filter(has_text="Open the chat")).to_have_text(
        ["Open the chat: Sums", "Open the chat: without a title"]
    )
    expect(links.filter(has_text="Sums")).to_have_attribute("href", "/c/c2")
    page.keyboard.press("Escape")
    page.get_by_label("Across").select_option("time")
    expect(loss.locator(".chart-grid")).to_contain_text("2m")
    expect(loss.locator(".chart-chat")).to_have_count(2)


def test_orders_go_to_the_run_and_pause_turns_into_resume(visit: Callable[..., Any], scene: Scene) -> None:
    page = visit()
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()
    page.get_by_role("button", name="Pause").click()
    scene.runs[0] = run(state="paused", controls=["resume", "stop"], eta_seconds=None)
    expect(page.get_by_role("button", name="Resume")).to_be_focused()
    expect(page.locator("#run-state")).to_have_text("paused")
    expect(page.get_by_role("button", name="Save")).to_be_hidden()
    scene.runs[0] = run()
    page.get_by_label("Learning rate ×").fill("0.25")
    page.get_by_role("button", name="Scale").click()
    until(lambda: len(scene.orders) == 2, "the order")
    assert scene.orders == [{"run": "demo", "act": "pause"}, {"run": "demo", "act": "scale_lr", "value": 0.25}]


def test_a_run_that_takes_no_orders_has_no_buttons(visit: Callable[..., Any], scene: Scene) -> None:
    page = visit("?run=older")
    expect(page.locator("#run-name")).to_have_text("older")
    expect(page.locator("#run-controls button:visible")).to_have_count(0)
    expect(page.locator("#scale")).to_be_hidden()


def test_warnings_are_in_words(visit: Callable[..., Any], scene: Scene) -> None:
    scene.runs[0] = run(warnings=[{"code": "not_finite", "message": "loss is NaN since step 250"}])
    page = visit()
    expect(page.locator("#run-warnings")).to_contain_text("The loss is not a number any more.")
    expect(page.locator("#run-warnings")).to_contain_text("since step 250")
    expect(page.locator("#runs-going")).to_contain_text("1 warning")


def test_runs_are_laid_over_each_other_and_compared(visit: Callable[..., Any]) -> None:
    page = visit()
    page.get_by_label("Lay over the others: older").check()
    expect(chart(page, "Loss").locator(".legend-lines li")).to_have_count(4)
    outcomes = page.locator("#outcomes")
    expect(outcomes.get_by_role("row", name=re.compile("^Best validation loss"))).to_contain_text("2.01 ★")
    expect(page.locator("#setting-differences tbody tr")).to_have_text(["lr0.00030.001"])
    page.reload()
    expect(chart(page, "Loss").locator(".legend-lines li")).to_have_count(4)


def test_as_many_runs_lie_over_each_other_as_there_are_colours_and_it_says_so(
    visit: Callable[..., Any], scene: Scene
) -> None:
    names = [f"lr-{number}" for number in range(9)]
    scene.runs = [older(id=name, name=name) for name in names]
    page = visit("?run=lr-0" + "".join(f"&with={name}" for name in names[1:7]))
    expect(page.locator("#runs-full")).to_be_empty()
    page.get_by_label("Lay over the others: lr-7").check()
    expect(page.locator("#runs-full")).to_contain_text("8 runs are shown")
    expect(page.get_by_label("Lay over the others: lr-8")).to_be_disabled()
    page.get_by_label("Lay over the others: lr-3").uncheck()
    expect(page.get_by_label("Lay over the others: lr-8")).to_be_enabled()


def test_the_numbers_of_a_chart_come_as_a_table(visit: Callable[..., Any]) -> None:
    page = visit()
    fold = chart(page, "Loss").locator("details")
    fold.locator("summary").click()
    expect(fold.locator(".curve-words li").first).to_contain_text("train: from 4.")
    expect(fold.get_by_role("columnheader")).to_have_text(["Step", "train", "validation"])
    expect(fold.get_by_role("row", name=re.compile("^step 360 "))).to_be_attached()


def test_the_log_is_followed_searched_and_sifted(visit: Callable[..., Any], scene: Scene) -> None:
    page = visit()
    log = page.locator("#log-place")
    expect(log.locator(".log-line").last).to_have_text("WARNING: slow disk")
    scene.log += "iter 1000: loss nan\n"
    expect(log.locator(".log-line").last).to_have_text("iter 1000: loss nan")
    log.get_by_label("Level").select_option("error")
    expect(log.locator(".log-line")).to_have_text(["iter 1000: loss nan"])
    log.get_by_label("Level").select_option("all")
    log.get_by_label("Search the log").fill("iter 99")
    expect(log.locator(".log-line")).to_have_text(["iter 990: loss 1.525"])
    expect(log.get_by_role("status")).to_have_text("1 line")


def test_a_checkpoint_is_loaded_from_the_page(
    visit: Callable[..., Any], scene: Scene, call: Callable[..., Any]
) -> None:
    known = {"id": "sft/checkpoint-500", "step": 500, "size_bytes": 59_000_000, "modified_at": 1.0}
    scene.runs[0] = run(checkpoints=[known])
    page = visit()
    row = page.locator(".checkpoint-row")
    expect(row).to_contain_text("59 MB")
    row.get_by_role("button", name="Load: checkpoint-500").click()
    expect(row.get_by_role("status")).to_have_text("ready")
    assert call("/api/models/sft/checkpoint-500/status")["state"] == "ready"


def test_a_run_that_is_deleted_while_it_is_watched_goes(visit: Callable[..., Any], scene: Scene) -> None:
    page = visit()
    expect(page.locator("#run-name")).to_have_text("demo")
    del scene.runs[0]
    expect(page.locator("#run-name")).to_have_text("older")
    expect(page.locator(".run-row")).to_have_count(1)


def test_two_hundred_runs_can_be_searched(visit: Callable[..., Any], scene: Scene) -> None:
    scene.runs = [older(id=f"sweep/lr-{number}", name=f"sweep/lr-{number}") for number in range(200)]
    page = visit()
    expect(page.locator(".run-row")).to_have_count(200)
    page.get_by_label("Find a run").fill("LR-19")
    expect(page.locator(".run-row")).to_have_count(11)
    page.get_by_label("Find a run").fill("nothing like it")
    expect(page.locator("#runs-none")).to_be_visible()


@pytest.mark.parametrize(
    "options", [{}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}], ids=["desktop", "phone"]
)
def test_axe_finds_nothing(visit: Callable[..., Any], scene: Scene, options: dict[str, Any]) -> None:
    scene.runs[0] = run(warnings=[{"code": "stalled", "message": "for 3 minutes"}])
    scene.jobs = [
        job("failed", error={"code": "job_failed", "message": "it ended", "last_lines": ["no"]}),
        job("running", id="j2"),
    ]
    page = visit("?with=older&curve=grad_norm", **options)
    expect(chart(page, "grad_norm")).to_be_visible()
    page.locator(".chart summary").first.click()
    assert found_by_axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("locale", "words"), [("zh-CN", "2 个训练"), ("ru-RU", "2 запуска")])
def test_the_page_speaks_other_languages(visit: Callable[..., Any], locale: str, words: str) -> None:
    page = visit("?with=older", locale=locale)
    expect(page.locator("#count")).to_contain_text(words)
    expect(page.locator("#setting-differences tbody tr")).to_have_count(1)
