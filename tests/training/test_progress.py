from __future__ import annotations

import pytest

from training.progress import Reached, reached


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("[PROGRESS] images:3/6", Reached("images", 3, 6)),
        ("12:00 [PROGRESS] two words: 3 / 6 done", Reached("two words", 3, 6)),
        (" 45%|####5     | 45/100 [00:01<00:01, 40.00it/s]", Reached("", 45, 100)),
        ("Loading:  50%|##5  | 1/2 [00:01<?, ?it/s]", Reached("Loading", 1, 2)),
        ("  1%| | 1/100 [00:00<?]\r  2%| | 2/100 [00:01<?]", Reached("", 2, 100)),
        ('{"type": "checkpoint", "step": 50, "total_steps": 200}', Reached("", 50, 200)),
        ('{"stage": "eval", "current": 9, "total": 6}', Reached("eval", 6, 6)),
    ],
)
def test_what_programs_print_is_understood(line: str, found: Reached) -> None:
    assert reached(["hello", line]) == found


@pytest.mark.parametrize(
    "line",
    ["", "3/6", "100%", "[PROGRESS]", "[PROGRESS] a:1/0", "{", '{"step": -1, "total": 5}', '{"step": true, "total": 5}',
     '{"step": 5}', "[PROGRESS] " + "x" * 10_000, "{" * 4000, "9" * 4000 + "/5", " 1%|" + "|" * 3000],
)  # fmt: skip
def test_what_says_nothing_is_passed_over(line: str) -> None:
    assert reached([line]) is None


def test_the_last_word_counts() -> None:
    assert reached(["[PROGRESS] a:1/2", "[PROGRESS] b:1/3", "and so on"]) == Reached("b", 1, 3)
