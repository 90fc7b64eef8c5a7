"""Answers of a model that babbles are still of the asked form, in company and at any temperature."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine import Constraint, Done, Engine, EngineOptions, GenerationRequest, InvalidRequest, Message, Tools
from tests.tiny import CHAT_TEMPLATE, write_checkpoint

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "look_up", "description": "<|im_end|>", "parameters": SCHEMA}}
OTHER = {"type": "function", "function": {"name": "wait", "parameters": {"type": "object", "properties": {}}}}
TEMPLATES = {
    "hermes": "{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}" + CHAT_TEMPLATE,
    "llama": "{% if tools %}{{ tools | tojson }}{% endif %}{# ipython #}" + CHAT_TEMPLATE,
    "mistral": "{% if tools %}{{ tools | tojson }}{% endif %}{# [TOOL_CALLS] #}" + CHAT_TEMPLATE,
    "mistral_args": "{% if tools %}{{ tools | tojson }}{% endif %}{# [TOOL_CALLS] [ARGS] #}" + CHAT_TEMPLATE,
    "unaware": CHAT_TEMPLATE,
}


def ask(engine: Engine, seed: int = 1, model: str = "sft/tiny", **asked: Any) -> Done:
    sampling = {"max_new_tokens": 200, "temperature": 1.5, "top_k": 0, "top_p": 1.0, "seed": seed}
    request = GenerationRequest(model=model, messages=(Message("user", "Hi"),), sampling=sampling, **asked)
    return engine.submit(request).result(120)


@pytest.mark.parametrize("seed", range(4))
def test_an_answer_keeps_to_its_schema(tiny_engine: Engine, seed: int) -> None:
    done = ask(tiny_engine, seed, constraint=Constraint("json_schema", json.dumps(SCHEMA)))
    said = json.loads(done.text)
    assert set(said) == {"name", "age"}
    assert len(said["name"]) <= 8
    assert 0 <= said["age"] <= 99
    assert done.finish_reason == "stop"


def test_an_answer_keeps_to_a_pattern_and_to_a_grammar(tiny_engine: Engine) -> None:
    assert re.fullmatch("[a-c]{4}-[0-9]{2}", ask(tiny_engine, constraint=Constraint("regex", "[a-c]{4}-[0-9]{2}")).text)
    assert ask(tiny_engine, constraint=Constraint("lark", 'start: "yes" | "no"')).text in ("yes", "no")


def test_any_object_is_an_object(tiny_engine: Engine) -> None:
    done = ask(tiny_engine, constraint=Constraint("json_object"))
    assert done.text.startswith("{")
    if done.finish_reason == "stop":
        assert isinstance(json.loads(done.text), dict)


def test_only_the_row_that_asked_is_held_to_a_grammar(tiny_engine: Engine) -> None:
    free = {"messages": (Message("user", "Go"),), "sampling": {"max_new_tokens": 40, "temperature": 0}}
    alone = tiny_engine.submit(GenerationRequest(model="sft/tiny", **free)).text(120)
    beside = tiny_engine.submit(GenerationRequest(model="sft/tiny", **free))
    json.loads(ask(tiny_engine, constraint=Constraint("json_schema", json.dumps(SCHEMA))).text)
    assert beside.text(120) == alone


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("json_schema", '{"type": "wrong"}'),
        Constraint("json_schema", "not json"),
        Constraint("regex", "(unclosed"),
        Constraint("lark", "nothing"),
    ],
)
def test_what_no_answer_can_be_held_to_is_refused_in_words(tiny_engine: Engine, constraint: Constraint) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        ask(tiny_engine, constraint=constraint)
    assert refusal.value.param == "response_format"


@pytest.fixture(scope="module")
def talkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("talkers")
    for name, template in TEMPLATES.items():
        write_checkpoint(root / name, template=template, max_position_embeddings=2048)
    return root


@pytest.fixture(scope="module")
def talker(talkers: Path) -> Any:
    engine = Engine(EngineOptions(checkpoints=talkers, host="thread", precision="float32"))
    yield engine
    engine.close()


@pytest.mark.parametrize("model", TEMPLATES)
def test_a_required_function_is_called_in_the_models_own_style(talker: Engine, model: str) -> None:
    done = ask(talker, model=model, tools=Tools((TOOL, OTHER), is_required=True, only="look_up"))
    assert [call.name for call in done.tool_calls] == ["look_up"]
    assert set(json.loads(done.tool_calls[0].arguments)) == {"name", "age"}
    assert done.text == ""
    assert re.fullmatch("[0-9a-f]{9}", done.tool_calls[0].id)


def test_one_of_several_functions_is_called_when_any_will_do(talker: Engine) -> None:
    done = ask(talker, model="hermes", tools=Tools((TOOL, OTHER), is_required=True, parallel=False))
    assert len(done.tool_calls) == 1
    assert done.tool_calls[0].name in ("look_up", "wait")


@pytest.mark.parametrize("model", TEMPLATES)
def test_tools_reach_the_prompt_and_cannot_speak_with_its_tokens(talker: Engine, model: str) -> None:
    from engine import Render

    asked = GenerationRequest(messages=(Message("user", "Hi"),), tools=Tools((TOOL,)))
    shown = talker.ask(model, Render(asked)).reply(120)
    assert "look_up" in shown.prompt
    ends = [piece for piece in shown.tokens if piece.text == "<|im_end|>"]
    assert len(ends) == (2 if model == "unaware" else 1), "those of the turns, not the one that a description spells"


@pytest.mark.parametrize(
    "tools",
    [
        lambda: Tools(()),
        lambda: Tools((TOOL,), only="nothing"),
        lambda: Tools(({"function": {"name": "a b"}},)),
        lambda: Tools(({"function": {}},)),
    ],
)
def test_tools_that_cannot_be_called_are_refused(tools: Any) -> None:
    with pytest.raises(InvalidRequest):
        tools()
