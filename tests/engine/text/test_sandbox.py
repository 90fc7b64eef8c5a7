"""A hostile template takes neither time nor memory; an honest one notices nothing."""

from __future__ import annotations

import sys
import time

import pytest

from engine.catalog.info import ChatTemplate
from engine.errors import CheckpointProblem
from engine.request import Message
from engine.text.template import ALPACA, PLAIN, plain_template, render, stop_strings
from tests.tiny import CHAT_TEMPLATE

TALK = (Message("user", "Hi"),)


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% set c = a * b %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% for a in range(9) %}{{ f(n - 1) if n else '' }}{% endfor %}{% endmacro %}{{ f(90) }}",
    ],
    ids=["loops", "work", "recursion"],
)
def test_a_template_without_an_end_is_stopped(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(CheckpointProblem, match="longer than") as refusal:
        render(ChatTemplate(text, "test"), TALK, {})
    assert refusal.value.code == "template_broken"
    assert time.monotonic() - started < 30
    assert sys.gettrace() is None or "deadline" not in repr(sys.gettrace())


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 2000000000 }}",
        "{{ 2000000000 * 'x' }}",
        "{{ [0] * 2000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%02000000000d' % 1 }}",
        "{{ '{:>2000000000}'.format(1) }}",
        "{{ 'x'.center(2000000000) }}",
        "{{ 'x'.zfill(2000000000) }}",
        "{{ 'x' | center(2000000000) }}",
        "{{ 'x' | indent(2000000000) }}",
        "{{ lipsum(1000000) }}",
        "{% set x = namespace(s='xxxxxxxx') %}{% for a in range(60) %}{% set x.s = x.s + x.s %}{% endfor %}{{ x.s }}",
        "{% set x = namespace(s=3) %}{% for a in range(60) %}{% set x.s = x.s * x.s %}{% endfor %}{{ x.s }}",
        "{% set x = 'x' * 10000000 %}{{ x.replace('x', x) }}",
        "{% set x = 'x' * 10000000 %}{{ x.join(x) }}",
        "{{ '%*d' % (2000000000, 1) }}",
        "{{ '{:{}}'.format('x', 2000000000) }}",
        "{{ ('{0:999}' * 1000000).format(1) }}",
        "{{ ('%999d' * 1000000) % range(9) }}",
        "{{ ('{0}' * 10000).format('x' * 10000) }}",
    ],
)
def test_a_text_or_number_that_is_blown_up_is_refused(text: str) -> None:
    with pytest.raises(CheckpointProblem):
        render(ChatTemplate(text, "test"), TALK, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ '=' * 20 }}", "=" * 20),
        ("{{ 7 % 3 }}{{ 2 ** 10 }}{{ 6 * 7 }}", "1102442"),
        ("{{ 'a-b'.replace('-', '+') }}{{ ', '.join(['x', 'y']) }}", "a+bx, y"),
        ("{{ messages[0].content | indent(2) }}", "Hi"),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}!", "Hi!"),
        ("{% set n = namespace(a=1) %}{% set n.a = n.a + 1 %}{{ n.a }}", "2"),
    ],
)
def test_what_honest_templates_do_works(text: str, expected: str) -> None:
    assert render(ChatTemplate(text, "test"), TALK, {}) == expected


def test_a_tracer_that_was_there_before_is_there_again() -> None:
    def tracer(*_: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        render(ChatTemplate(CHAT_TEMPLATE, "test"), TALK, {})
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_without_a_template_the_stage_and_the_name_choose_the_plain_one() -> None:
    assert plain_template("pretrain", "run/alpaca.pt") is PLAIN
    assert plain_template("sft", "gpt2-medium-instruct/final.pt") is ALPACA
    assert plain_template("sft", "run/final.pt") is PLAIN
    assert stop_strings(ALPACA) == ("\n### Instruction",)
    assert stop_strings(PLAIN) == ("\nHuman:",)
    assert stop_strings(None) == ()
    talk = (Message("system", "Be brief."), Message("user", "Hi"))
    assert render(ALPACA, talk, {}) == "Be brief.\n\n### Instruction:\nHi\n\n### Response:\n"
