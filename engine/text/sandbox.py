"""The room in which a checkpoint's chat template runs: Hugging Face's environment, closed, with limits on all it takes.

Jinja's sandbox keeps a template from the server's objects, but not from endless loops or endless texts. Here a render
has a deadline, no text or number may be blown up in one operation, and arguments of calls stay small.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from types import FrameType
from typing import Any

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

SECONDS = 2.0
LONGEST_TEMPLATE = 256 * 1024
LARGEST_NUMBER = 100_000
LARGEST_POWER = 64
LONGEST_OPERAND = 16 * 1024 * 1024
GROWING = ("format", "format_map", "replace", "join")
WIDEST_FIELD = 1000
# A field of four digits of width or more, or whose width is another value.
WIDE_PERCENT = re.compile(r"%[^%a-zA-Z]*(?:\d{4}|\*)")
WIDE_FIELD = re.compile(r"\{[^{}]*(?:\d{4}|\{)")
BLOWING_UP = ("center", "indent", "batch", "slice", "truncate", "wordwrap")


class Refused(TemplateError):
    """A template called raise_exception: the messages are not what it can render."""


class TooMuch(TemplateError):
    """A template wants more time or more text than a prompt can need."""


def compiled(text: str) -> Template:
    """The template, ready to be rendered within `deadline`. Raises TemplateError for one that is no Jinja."""
    if len(text) > LONGEST_TEMPLATE:
        raise TemplateError(f"it is longer than {LONGEST_TEMPLATE} characters")
    environment = _Environment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation])
    environment.filters["tojson"] = _to_json
    for name in BLOWING_UP:
        environment.filters[name] = _bounded(environment.filters[name])
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    del environment.globals["lipsum"]
    return environment.from_string(text)


@contextmanager
def deadline(seconds: float = SECONDS) -> Iterator[None]:
    """Raise TooMuch in the template that runs inside when the time is up.

    Python is asked to call back at every line of the template's own code; nothing else in the thread is slowed.
    """
    ends_at = time.monotonic() + seconds
    before = sys.gettrace()

    def look(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        if time.monotonic() > ends_at:
            raise TooMuch(f"it takes longer than {seconds:g} seconds")
        return look

    def enter(frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        return look if frame.f_code.co_filename == "<template>" else None

    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, which looks at products and calls before it lets them happen."""

    intercepted_binops = frozenset(("*", "**", "%", "+"))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The operation. Raises TooMuch where the result would be large."""
        if operator == "*":
            _refuse_repetition(left, right)
        elif operator == "**" and not (_is_small(left) and _is_number(right) and abs(right) <= LARGEST_POWER):
            raise TooMuch(f"a power with an exponent above {LARGEST_POWER}")
        elif operator == "%" and isinstance(left, str):
            _refuse_widths(left, WIDE_PERCENT)
            _refuse_product(left, right if isinstance(right, tuple) else (right,))
        elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
            _refuse_length(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, called: Any, *arguments: Any, **named: Any) -> Any:
        """The call. Raises TooMuch for numbers that only something endless would need."""
        _refuse_large(arguments, named)
        text = getattr(called, "__self__", None)
        if isinstance(text, str) and getattr(called, "__name__", "") in GROWING:
            if called.__name__ in ("format", "format_map"):
                _refuse_widths(text, WIDE_FIELD)
            _refuse_product(text, (*arguments, *named.values()))
        return super().call(context, called, *arguments, **named)


class _Generation(Extension):
    """{% generation %} … {% endgeneration %}, which marks for training what the model says: here it is only shown."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The body, as if the tag was not there."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_small(value: Any) -> bool:
    return _is_number(value) and abs(value) <= LARGEST_NUMBER


def _refuse_repetition(left: Any, right: Any) -> None:
    for one, other in ((left, right), (right, left)):
        if hasattr(one, "__len__") and isinstance(other, int):
            _refuse_length(len(one) * other)
    if isinstance(left, int) and isinstance(right, int) and (left.bit_length() + right.bit_length()) > 256:
        raise TooMuch("numbers of more than 256 bits")


def _refuse_length(length: int) -> None:
    if length > LONGEST_OPERAND:
        raise TooMuch(f"a text of {length} characters")


def _refuse_large(arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    for value in (*arguments, *named.values()):
        if _is_number(value) and not isinstance(value, bool) and abs(value) > LARGEST_NUMBER:
            raise TooMuch(f"a call with the number {value}")


def _refuse_product(text: str, arguments: tuple[Any, ...]) -> None:
    longest = max((len(each if isinstance(each, str) else str(each)) for each in arguments), default=0)
    _refuse_length(len(text) * longest)


def _refuse_widths(text: str, wide: re.Pattern[str]) -> None:
    if wide.search(text):
        raise TooMuch("a field of such a width, or one that says its width elsewhere")
    _refuse_length(len(text) * WIDEST_FIELD)


def _bounded(made: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that refuses numbers that only something endless would need."""

    @wraps(made)
    def bounded(*arguments: Any, **named: Any) -> Any:
        _refuse_large(arguments, named)
        return made(*arguments, **named)

    return bounded


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise(message: str) -> None:
    raise Refused(message)


def _now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
