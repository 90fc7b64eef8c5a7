"""How models call functions: the style of a template, and its calls read out of a growing answer, piece by piece.

Three styles: Hermes and Qwen wrap each call in <tool_call>, Llama 3 answers with the bare object, Mistral begins with
[TOOL_CALLS] and gives a list, or names with their arguments behind [ARGS].
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Literal

from engine.letters import CallPiece
from engine.request import ToolCall
from engine.text.json_object import GrowingObject

Style = Literal["hermes", "llama", "mistral", "mistral_args"]
MARKS: dict[Style, tuple[str, ...]] = {
    "hermes": ("<tool_call>", "</tool_call>"),
    "llama": ("<|python_tag|>",),
    "mistral": ("[TOOL_CALLS]",),
    "mistral_args": ("[TOOL_CALLS]", "[ARGS]"),
}
_HEAD = re.compile(
    r'\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,'
    r'\s*"(?:arguments|parameters)"\s*:\s*(?=\{)'
)
_NAMED = re.compile(r"([\w.-]{1,64})\s*\[ARGS\]\s*(?=\{)")
_STILL_A_NAME = re.compile(r"[\w.-]{0,64}\s*(\[|\[A|\[AR|\[ARG|\[ARGS|\[ARGS\]\s*)?")
_SEPARATORS: dict[Style, str] = {"hermes": "", "llama": ";", "mistral": "[,]", "mistral_args": ""}


def style_of(template: str) -> Style:
    """The style in which a template shows calls to its model; Hermes' where it does not say."""
    if "[TOOL_CALLS]" in template:
        return "mistral_args" if "[ARGS]" in template else "mistral"
    if "<tool_call>" not in template and ("<|python_tag|>" in template or "ipython" in template):
        return "llama"
    return "hermes"


class CallReader:
    """The text of an answer goes in; text that is no call, and the calls in pieces, come out.

    What turns out to be no call is given out as the text that it is.
    """

    def __init__(self, style: Style, make_id: Callable[[int], str]) -> None:
        self._style = style
        self._make_id = make_id
        self._state: Callable[[], bool] = self._start
        self._rest = ""
        self._opened = ""
        self._object = GrowingObject()
        self._arguments: GrowingObject | None = None
        self._shown = ""
        self._new: list[CallPiece] = []
        self._calls: list[tuple[str, list[str]]] = []

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far; the last one's arguments may not be whole."""
        named = enumerate(self._calls)
        return tuple(ToolCall(self._make_id(index), name, "".join(parts)) for index, (name, parts) in named)

    def feed(self, text: str) -> tuple[str, tuple[CallPiece, ...]]:
        """Add text; the text to show and the pieces of calls that are known now."""
        self._rest += text
        while self._state():
            pass
        return self._give_out()

    def flush(self) -> tuple[str, tuple[CallPiece, ...]]:
        """What was held back, when nothing more will come."""
        if self._state == self._in_object and self._arguments is None:
            self._shown += self._opened + self._object.text
        elif self._state == self._between and not self._calls:
            self._shown += self._opened + self._rest
        elif self._state in (self._start, self._in_text):
            self._shown += self._rest
        self._rest = self._opened = ""
        return self._give_out()

    def _give_out(self) -> tuple[str, tuple[CallPiece, ...]]:
        shown, new = self._shown, tuple(self._new)
        self._shown = ""
        self._new.clear()
        return shown, new

    # Each state takes what it can from the rest; True when another state goes on from there.

    def _start(self) -> bool:
        begun = self._rest.lstrip()
        if not begun:
            return False
        is_bare = self._style == "llama" and begun.startswith("{")
        if is_bare:
            self._rest = begun
        self._state = self._between if is_bare else self._in_text
        return True

    def _in_text(self) -> bool:
        mark = MARKS[self._style][0]
        before, found, behind = self._rest.partition(mark)
        if found:
            self._shown += before
            self._rest, self._opened, self._state = behind, mark, self._between
            return True
        kept = next((count for count in range(len(mark) - 1, 0, -1) if self._rest.endswith(mark[:count])), 0)
        self._shown += self._rest[: len(self._rest) - kept]
        self._rest = self._rest[len(self._rest) - kept :]
        return False

    def _between(self) -> bool:
        begun = self._rest.lstrip(_SEPARATORS[self._style] + " \r\n\t")
        opens, closes = MARKS[self._style][0], MARKS[self._style][-1]
        if begun.startswith(opens):
            self._rest, self._opened = begun[len(opens) :], opens
        elif self._style == "hermes" and begun.startswith(closes):
            self._rest, self._opened = begun[len(closes) :], ""
        elif self._style == "mistral_args" and (named := _NAMED.match(begun)):
            self._begin(named[1], begun[named.end() :])
        elif self._style != "mistral_args" and begun.startswith("{") and (self._opened or self._style == "llama"):
            self._rest, self._object, self._arguments, self._state = begun, GrowingObject(), None, self._in_object
        elif self._may_go_on(begun):
            return False
        else:
            self._shown += self._opened + self._rest
            self._rest, self._opened, self._state = "", "", self._in_text
        return True

    def _may_go_on(self, begun: str) -> bool:
        if any(mark.startswith(begun) for mark in MARKS[self._style]):
            return True
        return self._style == "mistral_args" and _STILL_A_NAME.fullmatch(begun) is not None

    def _begin(self, name: str, rest: str) -> None:
        """A call by name alone: its arguments are the object that follows."""
        self._call(name)
        self._object = self._arguments = GrowingObject()
        self._rest, self._state = rest, self._in_object

    def _in_object(self) -> bool:
        text, self._rest = self._rest, ""
        if self._arguments is self._object:
            self._rest = self._argue(text)
        else:
            self._rest = self._object.feed(text)
            self._stream(text[: len(text) - len(self._rest)])
        if not self._object.is_whole:
            return False
        if self._arguments is None:
            self._whole()
        self._state = self._between
        return True

    def _stream(self, text: str) -> None:
        """Give out the arguments of a call while they come."""
        if self._arguments is not None:
            self._argue(text)
        elif head := _HEAD.match(self._object.text):
            self._call(json.loads(head[1]))
            self._arguments = GrowingObject()
            self._argue(self._object.text[head.end() :])

    def _argue(self, text: str) -> str:
        if self._arguments.is_whole:
            return text
        behind = self._arguments.feed(text)
        if piece := text[: len(text) - len(behind)]:
            self._say(piece)
        return behind

    def _whole(self) -> None:
        """A call that could not be streamed, because of the order of its keys; or no call at all."""
        try:
            said = json.loads(self._object.text)
            arguments = said.get("arguments", said.get("parameters", {}))
            self._call(said["name"])
            self._say(arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False))
        except (ValueError, KeyError):
            self._shown += self._opened + self._object.text
            self._opened = ""

    def _call(self, name: str) -> None:
        index = len(self._calls)
        self._calls.append((name, []))
        self._new.append(CallPiece(index, self._make_id(index), name, ""))

    def _say(self, arguments: str) -> None:
        self._calls[-1][1].append(arguments)
        self._new.append(CallPiece(len(self._calls) - 1, None, None, arguments))
