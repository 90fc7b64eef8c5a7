"""How texts and questions become the same words in every script."""

from __future__ import annotations

import pytest

from chat.store import words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ёжик", "ежик"),
        ("ПАРАМЕТР", "параметр"),
        ("Café", "cafe\u0301"),
        ("ＧＰＴ", "gpt"),
        ("Straße", "STRASSE"),
        ("İ", "i"),
    ],
)
def test_what_looks_alike_is_folded_alike(one: str, other: str):
    assert words.fold(one) == words.fold(other)


def test_chinese_is_indexed_by_characters_and_pairs():
    assert words.indexed("你好吗 GPT模型") == "你 好 吗 你好 好吗 gpt 模 型 模型"


def test_other_words_are_indexed_as_they_are_without_signs():
    assert words.indexed("C++: loss_at(3.57), обучение!") == "c loss at 3 57 обучение"


def test_a_question_tells_beginnings_from_runs_of_characters():
    assert words.asked('Обуч "你好" AND -x') == [("обуч", True), ("你好", False), ("and", True), ("x", True)]


def test_a_question_of_signs_alone_asks_for_nothing():
    assert words.asked('"*" - ()') == []


def test_a_question_has_an_end():
    assert len(words.asked(" ".join(str(number) for number in range(1000)))) == words.MOST_TERMS


def test_a_run_is_asked_for_by_its_pairs():
    assert (words.pairs("学习率"), words.pairs("学")) == (["学习", "习率"], ["学"])


def test_thai_and_kana_are_cut_too():
    assert words.indexed("ไทย").split()[0] == "ไ"
    assert "カナ" in words.indexed("カナ").split()
