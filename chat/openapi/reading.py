"""What a view tells of itself: its docstring, the body it reads, the statuses it answers with, whether it streams.

It is read from the view's own code, names and numbers that it uses, so that no second list has to be kept.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from flask import Flask

from chat.schemas.body import Body, NoBody

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SUCCESSES = (201, 202, 204, 302, 303)
_PART = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    method: str
    path: str
    rule: str
    endpoint: str
    parameters: tuple[str, ...]
    summary: str
    description: str
    body: type[Body] | None
    is_body_optional: bool
    successes: tuple[int, ...]
    is_conditional: bool
    is_stream: bool

    @property
    def noun(self) -> str:
        """The blueprint that it belongs to."""
        return self.endpoint.partition(".")[0]


def routes(app: Flask) -> Iterator[Route]:
    """Every route of the app, by address and method."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        for method in (each for each in METHODS if each in (rule.methods or ())):
            yield _route(rule.rule, rule.endpoint, method, inspect.unwrap(app.view_functions[rule.endpoint]))


def _route(rule: str, endpoint: str, method: str, view: Callable[..., Any]) -> Route:
    summary, _, more = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    codes = list(_codes(view))
    body = _body(view)
    found = {number for code in codes for number in code.co_consts if number in SUCCESSES}
    names = {name for code in codes for name in code.co_names}
    return Route(
        method=method,
        path=_PART.sub(r"{\2}", rule),
        rule=rule,
        endpoint=endpoint,
        parameters=tuple(name for _, name in _PART.findall(rule)),
        summary=" ".join(summary.split()),
        description=" ".join(more.split()),
        body=None if body is NoBody else body,
        is_body_optional=any("optional" in const for const in view.__code__.co_consts if isinstance(const, tuple)),
        successes=tuple(sorted(found)) or (200,),
        is_conditional=bool(names & {"make_conditional", "if_none_match"}),
        is_stream="respond" in view.__code__.co_names,
    )


def _codes(view: Callable[..., Any]) -> Iterator[CodeType]:
    """The code of the view, and of the functions of its own module that it calls."""
    yield view.__code__
    for name in view.__code__.co_names:
        called = view.__globals__.get(name)
        if isinstance(called, FunctionType) and called.__module__ == view.__module__ and called is not view:
            yield called.__code__


def _body(view: Callable[..., Any]) -> type[Body] | None:
    named = (view.__globals__.get(name) for name in view.__code__.co_names)
    return next((each for each in named if isinstance(each, type) and issubclass(each, Body)), None)
