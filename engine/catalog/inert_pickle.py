"""Pickles read as data: what a pickle would import is only named, what it would call is only recorded. Nothing runs.

Format: the opcodes of pickle protocols 2 to 5 (https://docs.python.org/3/library/pickletools.html); the text opcodes
of protocols 0 and 1, extension codes and out-of-band buffers are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from engine.catalog.recorded import Global, Recorded, as_key
from engine.errors import CheckpointProblem

MOST_STEPS = 3_000_000
LONGEST_INTEGER = 1024  # bytes
RECORD_STEPS, SET_STEPS = 4, 3  # what takes more memory counts as more objects
_ENDS = object()
_UNSIGNED_2, _UNSIGNED_4 = struct.Struct("<H").unpack_from, struct.Struct("<I").unpack_from
_REMEMBER, _REMEMBER_LONG, _RECALL, _MARK, _TUPLE, _NO_ARGUMENTS, _FALSE, _BYTE, _TWO_BYTES = b"qrh(t)\x89KM"

Spend = Callable[[int], None]
# Gets the arguments of a call and a function to announce how many objects it is about to make.
Maker = Callable[[tuple[Any, ...], Spend], Any]


class Reader:
    """Reads one pickle. `makers` has a function of ours for each global that becomes a real value."""

    def __init__(self, data: bytes, makers: Mapping[str, Maker], stored: Callable[[Any], Any] | None = None) -> None:
        self._data, self._place = data, 0
        self._makers, self._stored = makers, stored
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._steps = 0
        self.globals: dict[Global, Maker | None] = {}

    def read(self) -> Any:
        """The value. Raises CheckpointProblem, `unsafe_file`, for all that no sound pickle has."""
        try:
            return self._run()
        except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
            raise _unsound(f"it breaks off or contradicts itself ({error!r:.200})") from error

    def _run(self) -> Any:
        # A tensor takes thirty opcodes, and a training checkpoint has a thousand tensors: this loop decides how fast a
        # folder is listed. The ten opcodes that are nine of ten are read here, all others by their step.
        data, memo, place = self._data, self._memo, 0
        for _ in range(MOST_STEPS):
            code = data[place]
            place += 1
            if code == _REMEMBER_LONG:
                memo[_UNSIGNED_4(data, place)[0]] = self._stack[-1]
                place += 4
            elif code == _RECALL:
                self._stack.append(memo[data[place]])
                place += 1
            elif code == _BYTE:
                self._stack.append(data[place])
                place += 1
            elif code == _MARK:
                self._marks.append(self._stack)
                self._stack = []
            elif code == _TWO_BYTES:
                self._stack.append(_UNSIGNED_2(data, place)[0])
                place += 2
            elif code == _TUPLE:
                taken, self._stack = self._stack, self._marks.pop()
                self._stack.append(tuple(taken))
            elif code == _NO_ARGUMENTS:
                self._stack.append(())
            elif code == _FALSE:
                self._stack.append(False)
            elif code == _REMEMBER:
                memo[data[place]] = self._stack[-1]
                place += 1
            elif (step := _STEPS.get(code)) is _ENDS:
                return self._stack.pop()
            elif step is None:
                raise _unsound(f"it uses the opcode {code:#04x}, which is not read here")
            else:
                self._place = place
                step(self)
                place = self._place
        raise _too_many()

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise _too_many()

    def _take(self, count: int) -> bytes:
        start, self._place = self._place, self._place + count
        if self._place > len(self._data):
            raise ValueError("the bytes end")
        return self._data[start : self._place]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self._data.index(b"\n", self._place)
        return self._take(end + 1 - self._place)[:-1].decode()

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _since_mark(self) -> list[Any]:
        taken, self._stack = self._stack, self._marks.pop()
        return taken

    def _pops(self, count: int) -> tuple[Any, ...]:
        if count > len(self._stack):
            raise IndexError("the stack is empty")
        taken = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        return taken

    def _protocol(self) -> None:
        if not 2 <= self._take(1)[0] <= 5:
            raise _unsound("only the protocols 2 to 5 are read")

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def _long(self, form: str) -> None:
        count = self._number(form)
        if not 0 <= count <= LONGEST_INTEGER:
            raise ValueError(f"a whole number of {count} bytes")
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _text(self, form: str) -> None:
        self._push(self._take(self._number(form)).decode("utf-8", "surrogatepass"))

    def _bytes(self, form: str) -> None:
        count = self._number(form)
        if count < 0:
            raise ValueError("a negative length")
        self._push(self._take(count))

    def _old_text(self, form: str) -> None:
        self._bytes(form)
        self._push(self._stack.pop().decode("latin-1"))

    def _global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("a global without a name")
        named = Global(module, name)
        self.globals[named] = self._makers.get(str(named))
        self._push(named)

    def _append(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list | Recorded):
            raise TypeError("something is appended to what is no list")
        (target if isinstance(target, list) else target.appended).extend(values)

    def _set(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict | Recorded):
            raise TypeError("an entry is put into what is no dictionary")
        (target if isinstance(target, dict) else target.items).update(_paired(pairs))

    def _push_set(self, values: list[Any]) -> None:
        self._spend(SET_STEPS)
        self._push(set(map(as_key, values)))

    def _add(self) -> None:
        values, target = self._since_mark(), self._stack[-1]
        if not isinstance(target, set):
            raise TypeError("an element is added to what is no set")
        target.update(map(as_key, values))

    def _call(self, kind: Any, arguments: Any) -> None:
        if not isinstance(arguments, tuple):
            raise TypeError("a call without arguments")
        maker = self.globals[kind] if isinstance(kind, Global) else None
        self._spend(RECORD_STEPS if maker is None else 1)
        self._push(Recorded(kind, arguments) if maker is None else maker(arguments, self._spend))

    def _call_with_names(self) -> None:
        kind, arguments, _ = self._pops(3)
        self._call(kind, arguments)

    def _build(self) -> None:
        (state,) = self._pops(1)
        target = self._stack[-1]
        if not isinstance(target, Recorded):
            return  # attributes of a value of ours say nothing that is read
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        if not all(isinstance(part, dict | None) for part in parts):
            target.state["state"] = state
            return
        for part in parts:
            self._spend(len(part or ()))
            target.state.update(part or {})

    def _persistent(self) -> None:
        if self._stored is None:
            raise _unsound("it points to data outside itself")
        self._push(self._stored(self._stack.pop()))

    def _remember(self, index: int) -> None:
        self._memo[index] = self._stack[-1]


def _paired(values: list[Any]) -> dict[Any, Any]:
    if len(values) % 2:
        raise ValueError("a key without a value")
    return {as_key(key): value for key, value in zip(values[::2], values[1::2], strict=True)}


def _too_many() -> CheckpointProblem:
    return _unsound(f"it asks for more than {MOST_STEPS:,} objects")


def _unsound(why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"the pickle is not sound: {why}",
        code="unsafe_file",
        hint="Save the checkpoint again; do not open files like this with other programs.",
    )


_STEPS: dict[int, Any] = {
    ord(code): step
    for code, step in {
        "\x80": Reader._protocol,
        "\x95": lambda self: self._take(8),  # a frame is only a hint for buffering
        "0": Reader._pop,
        "1": Reader._since_mark,
        "2": lambda self: self._push(self._stack[-1]),
        "N": lambda self: self._push(None),
        "\x88": lambda self: self._push(True),
        "J": lambda self: self._push(self._number("<i")),
        "\x8a": lambda self: self._long("<B"),
        "\x8b": lambda self: self._long("<i"),
        "G": lambda self: self._push(self._number(">d")),
        "U": lambda self: self._old_text("<B"),
        "T": lambda self: self._old_text("<i"),
        "X": lambda self: self._text("<I"),
        "\x8c": lambda self: self._text("<B"),
        "\x8d": lambda self: self._text("<Q"),
        "B": lambda self: self._bytes("<I"),
        "C": lambda self: self._bytes("<B"),
        "\x8e": lambda self: self._bytes("<Q"),
        "\x96": lambda self: self._bytes("<Q"),
        "]": lambda self: self._push([]),
        "l": lambda self: self._push(self._since_mark()),
        "a": lambda self: self._append([self._stack.pop()]),
        "e": lambda self: self._append(self._since_mark()),
        "\x85": lambda self: self._push(self._pops(1)),
        "\x86": lambda self: self._push(self._pops(2)),
        "\x87": lambda self: self._push(self._pops(3)),
        "}": lambda self: self._push({}),
        "d": lambda self: self._push(_paired(self._since_mark())),
        "s": lambda self: self._set(list(self._pops(2))),
        "u": lambda self: self._set(self._since_mark()),
        "\x8f": lambda self: self._push_set([]),
        "\x90": Reader._add,
        "\x91": lambda self: self._push_set(self._since_mark()),
        "c": lambda self: self._global(self._line(), self._line()),
        "\x93": lambda self: self._global(*self._pops(2)),
        "R": lambda self: self._call(*self._pops(2)),
        "\x81": lambda self: self._call(*self._pops(2)),
        "\x92": Reader._call_with_names,
        "b": Reader._build,
        "Q": Reader._persistent,
        "\x94": lambda self: self._remember(len(self._memo)),
        "j": lambda self: self._push(self._memo[self._number("<I")]),
        ".": _ENDS,
    }.items()
}
