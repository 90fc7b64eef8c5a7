"""Pickles are data: what they would call is written down, and what no sound pickle has is refused."""

from __future__ import annotations

import argparse
import builtins
import collections
import os
import pickletools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import inert_pickle
from engine.catalog.inert_pickle import Reader
from engine.catalog.recorded import Global, OddKey, Recorded
from engine.errors import CheckpointProblem
from tests.torch_files import Calling, dumped, named, pickled, text

PLAIN = {
    "none": None,
    "flags": [True, False],
    "numbers": [0, 255, 65535, -1, 2**31, -(2**40), 2**100, 1.5, float("inf")],
    "texts": ["", "a", "käse", "\U0001f600", "\ud800", "x" * 300],
    "bytes": (b"", b"\xff" * 300),
    "nested": {1: {2: [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]}},
}


@dataclass
class Settings:
    """What somebody's training script keeps."""

    heads: int = 4


def read(data: bytes) -> Any:
    return Reader(data, {}).read()


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_plain_values_come_back_as_they_were(protocol: int) -> None:
    assert read(dumped(PLAIN, protocol)) == PLAIN


def test_the_same_object_twice_is_the_same_object_twice() -> None:
    shared: list[Any] = [1]
    shared.append(shared)
    first, second = read(dumped([shared, shared], 4))
    assert first is second
    assert first[1] is first


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_objects_are_their_names_and_their_state(protocol: int) -> None:
    found = read(dumped([Settings(8), argparse.Namespace(lr=0.1)], protocol))
    assert [str(each.arguments[0] if each.arguments else each.kind) for each in found][1] == "argparse.Namespace"
    assert [each.state for each in found] == [{"heads": 8}, {"lr": 0.1}]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (os.system, ("touch {}",)),
        (builtins.eval, ("open({!r}, 'w')",)),
        (builtins.exec, ("open({!r}, 'w')",)),
        (builtins.__import__, ("antigravity",)),
        (getattr, (os, "system")),
    ],
    ids=["system", "eval", "exec", "import", "getattr"],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_call_is_written_down_and_never_made(
    tmp_path: Path, protocol: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    mark = tmp_path / "mark"
    given = tuple(each.format(str(mark)) if isinstance(each, str) else "os" for each in arguments)
    found = read(dumped(Calling(function, *given), protocol))
    assert isinstance(found, Recorded)
    assert found.kind.name == function.__name__
    assert found.arguments == given
    assert not mark.exists()
    assert "antigravity" not in sys.modules


def test_a_chain_of_calls_is_written_down_link_by_link() -> None:
    found = read(dumped(Calling(getattr, Calling(__import__, "os"), "system")))
    assert found.kind == Global("__builtin__", "getattr")
    assert found.arguments[0].arguments == ("os",)


def test_calling_what_a_call_returned_calls_nothing() -> None:
    inner = named("builtins", "getattr") + named("os", "x") + text("system") + b"\x86R"
    found = read(pickled(inner, text("true"), b"\x85R"))
    assert found.kind.kind == Global("builtins", "getattr")
    assert found.arguments == ("true",)


def test_a_name_made_of_two_texts_is_only_a_name() -> None:
    found = read(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.")
    assert (found.kind, found.arguments) == (Global("os", "system"), ("true",))


def test_state_is_kept_and_no_setstate_is_called() -> None:
    made = named("torch.nn", "Module") + b")\x81" + b"}" + text("__setstate__") + named("os", "system") + b"sb"
    found = read(pickled(made))
    assert found.state == {"__setstate__": Global("os", "system")}


def test_no_module_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "__import__", lambda *_, **__: pytest.fail("something was imported"))
    found = Reader(pickled(named("somebodys.own.code", "Model"), b")\x81"), {}).read()
    assert str(found.kind) == "somebodys.own.code.Model"


HOSTILE = {
    "nothing": b"",
    "no end": b"\x80\x02}",
    "an empty stack": b"\x80\x02.",
    "protocol 0": b"(lp0\n.",
    "protocol 9": b"\x80\x09}.",
    "an extension code": b"\x80\x02\x82\x01.",
    "a wide extension code": b"\x80\x02\x84\x01\0\0\0.",
    "a text opcode": b"\x80\x02I99999999999\n.",
    "an unknown opcode": b"\x80\x02\xfe.",
    "a lying length": b"\x80\x02X\xff\xff\xff\xff.",
    "a longer lying length": b"\x80\x04\x8d" + b"\xff" * 8 + b".",
    "a negative length": b"\x80\x02T\xff\xff\xff\xff.",
    "a huge number": b"\x80\x02\x8b\xff\xff\xff\x7f" + bytes(200) + b".",
    "an unknown memo": b"\x80\x02h\x07.",
    "no mark": b"\x80\x02K\x01t.",
    "entries of a number": pickled(b"K\x01", text("a"), b"K\x01s"),
    "elements of a text": pickled(text("a"), b"K\x01a"),
    "a key without a value": pickled(b"}(K\x01u"),
    "a call of arguments that are none": pickled(named("os", "system"), b"K\x01R"),
    "a global of two numbers": b"\x80\x04K\x01K\x02\x93.",
    "a global that does not end": b"\x80\x02cos",
    "storage where there is none": pickled(text("x"), b"Q"),
    "an out-of-band buffer": b"\x80\x05\x97.",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=[name.replace(" ", "-") for name in HOSTILE])
def test_what_no_sound_pickle_has_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointProblem) as problem:
        read(data)
    assert problem.value.code == "unsafe_file"


def is_read(opcode: bytes) -> bool:
    """Whether an opcode is one that is known, whatever comes of it where it stands."""
    try:
        read(pickled(opcode))
    except CheckpointProblem as problem:
        return "uses the opcode" not in problem.message
    return True


def test_every_opcode_of_the_present_protocols_is_read_or_refused() -> None:
    refused = {"INT", "LONG", "STRING", "UNICODE", "FLOAT", "PUT", "GET", "PERSID", "INST", "OBJ"}
    refused |= {"EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"}
    assert {each.name for each in pickletools.opcodes if not is_read(each.code.encode("latin-1"))} == refused


def doubled(times: int) -> bytes:
    """A tuple of the tuple before it, twice; the pickle grows by seven bytes where the graph doubles."""
    return b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (each, each, each + 1) for each in range(times))


def test_a_graph_that_multiplies_itself_is_only_as_large_as_its_pickle() -> None:
    found = read(pickled(doubled(200)))
    assert found[0] is found[1]


def test_a_key_that_would_take_forever_to_compare_costs_nothing() -> None:
    found = read(pickled(doubled(200), b"}h\xc8K\x01s"))
    assert [type(key) for key in found] == [OddKey]


def test_too_many_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "MOST_STEPS", 100)
    assert read(pickled(b"]" * 90)) == []
    with pytest.raises(CheckpointProblem, match="more than 100 objects"):
        read(pickled(b"]" * 101))


def test_copying_one_list_again_and_again_counts_what_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "MOST_STEPS", 5000)
    once = b"](" + b"K\x01" * 1000 + b"eq\x00"
    copy = named("x", "copy") + b"h\x00\x85R"

    def copied(arguments: tuple[Any, ...], spend: Callable[[int], None]) -> list[Any]:
        spend(len(arguments[0]))
        return list(arguments[0])

    assert len(Reader(pickled(once, copy), {"x.copy": copied}).read()) == 1000
    with pytest.raises(CheckpointProblem, match="objects"):
        Reader(pickled(once, copy * 5), {"x.copy": copied}).read()


def test_a_deep_nest_is_read_without_recursion() -> None:
    found, depth = read(pickled(b"]" * 50_000, b"a" * 49_999)), 1
    while found:
        found, depth = found[0], depth + 1
    assert depth == 50_000


def test_the_makers_make_and_the_globals_are_listed() -> None:
    reader = Reader(dumped(collections.OrderedDict(a=1)), {"collections.OrderedDict": lambda arguments, spend: {}})
    assert reader.read() == {"a": 1}
    assert set(reader.globals) == {Global("collections", "OrderedDict")}
