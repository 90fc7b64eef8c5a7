"""The demo in the terminal, over an engine that follows a script."""

from __future__ import annotations

import io
import re

import pytest

from engine import CheckpointProblem, WorkerFailed
from scripts import demo
from tests.doubles import ANSWER, Script, ScriptedEngine

CHATTY, PLAIN = "sft/checkpoint-500", "pretrain/final.pt"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(engine: ScriptedEngine, *words: str, out: io.StringIO | None = None) -> str:
    """What the demo prints."""
    out = out or io.StringIO()
    demo.demonstrate(engine, demo.flags().parse_args(words), out)
    return out.getvalue()


def test_the_checkpoints_are_a_table_with_aligned_columns_and_problems() -> None:
    listing = ScriptedEngine().checkpoints()
    title, _, head, *rows = demo.table(listing)
    assert title.startswith(f"{len(listing.checkpoints)} checkpoint(s)")
    assert [row.split()[0] for row in rows] == [info.id for info in listing.checkpoints]
    assert all(row[head.index("group") :].startswith(("Pretrained", "SFT", "RL", "Adapter", "Other")) for row in rows)
    problems = [info.problem.message for info in listing.checkpoints if info.problem]
    assert problems
    assert [row[head.index("problem") :] for row in rows if row[head.index("problem") :]] == problems


def test_the_default_checkpoint_answers_and_the_numbers_follow() -> None:
    text = shown(ScriptedEngine())
    assert f"\n\nLoading {PLAIN}\n" in text
    assert "Ready: int8 on cpu, 118 MB, process 4321\n" in text
    assert ANSWER in text
    count = len(Script().tokens())
    assert f"prompt 12 tokens, 4 of them cached; answer {count} tokens, finished: stop\n" in text
    assert re.search(r"loaded in \d+\.\d\d s, first token after \d+\.\d\d s, [\d.]+ tokens/s\n$", text)


def test_a_checkpoint_with_a_template_is_spoken_to_and_one_without_goes_on_with_the_text() -> None:
    engine = ScriptedEngine()
    assert "> Hello?\n\nA checkpoint is" in shown(engine, "--model", CHATTY, "--prompt", "Hello?")
    assert "Once upon a timeA checkpoint is" in shown(engine, "--model", PLAIN, "--prompt", "Once upon a time")
    spoken, continued = engine.submitted
    assert (spoken.prompt, spoken.messages[0].content) == (None, "Hello?")
    assert (continued.prompt, continued.messages) == ("Once upon a time", None)


def test_only_what_was_given_overrides_the_checkpoints_own_sampling() -> None:
    engine = ScriptedEngine()
    shown(engine, "--temperature", "0", "--max-new-tokens", "3")
    assert engine.submitted[0].sampling == {"temperature": 0.0, "max_new_tokens": 3}


def test_loading_is_drawn_on_one_line_of_a_terminal() -> None:
    text = shown(ScriptedEngine(load_seconds=0.2), out=Terminal())
    drawn = text[text.index("Loading") : text.index("Ready")]
    assert drawn.count("\r\x1b[K[") >= 2
    assert drawn.count("\n") == 1


def test_loading_is_a_line_a_stage_where_the_output_is_a_file() -> None:
    text = shown(ScriptedEngine(load_seconds=0.2))
    assert text.count("\n  reading\n") == 1
    assert "\r" not in text


def test_an_empty_folder_is_said_with_the_way_to_fill_it() -> None:
    out = io.StringIO()
    assert demo.demonstrate(ScriptedEngine(checkpoints=()), demo.flags().parse_args([]), out) == 1
    assert "docs/checkpoints.md" in out.getvalue()
    assert "parameters" not in out.getvalue()


def test_a_load_that_fails_raises_its_reason() -> None:
    error = CheckpointProblem("the file ends too early")
    with pytest.raises(CheckpointProblem, match="ends too early"):
        shown(ScriptedEngine(load_error=error))


def test_a_run_that_fails_raises_its_reason_after_what_it_had_said() -> None:
    out = io.StringIO()
    engine = ScriptedEngine(Script(error=WorkerFailed("its process ended"), tokens_before_error=3))
    with pytest.raises(WorkerFailed, match="its process ended"):
        shown(engine, out=out)
    assert out.getvalue().endswith("A checkpoint is")


class Impatient(io.StringIO):
    """Presses Ctrl-C, as it were, whenever a certain text has been written."""

    def write(self, text: str) -> int:
        count = super().write(text)
        if text.endswith(" photograph"):
            raise KeyboardInterrupt
        return count


def test_ctrl_c_while_loading_or_printing_ends_the_demo_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ScriptedEngine()
    monkeypatch.setattr(demo, "start_engine", lambda asked: engine)
    monkeypatch.setattr(demo.sys, "stdout", Impatient())
    assert demo.main([]) == 130
    assert "Interrupted." in capsys.readouterr().err


def test_ctrl_c_while_waiting_calls_the_run_off_and_prints_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine(Script(token_seconds=0.05))
    presses = iter([KeyboardInterrupt])
    submit = engine.submit

    def submit_and_press(asked: object) -> object:
        completion = submit(asked)
        take = completion.next

        def press_once(timeout_seconds: float | None = None) -> object:
            for press in presses:
                raise press
            return take(timeout_seconds)

        completion.next = press_once
        return completion

    monkeypatch.setattr(engine, "submit", submit_and_press)
    out = io.StringIO()
    assert demo.demonstrate(engine, demo.flags().parse_args([]), out) == 130
    assert "finished: cancelled" in out.getvalue()


def test_a_wrong_setting_is_named_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        demo.main(["--threads", "many"])
    assert end.value.code == 2
    assert "--threads must be a whole number" in capsys.readouterr().err
