"""Chat templates render as in their home, refuse politely and can do no harm."""

from __future__ import annotations

import pytest
from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from engine.catalog.info import ChatTemplate
from engine.errors import CheckpointProblem, InvalidRequest
from engine.request import Message, ToolCall
from engine.text.template import CHATML, PLAIN, render, template_hash
from tests.tiny import CHAT_TEMPLATE

TALK = (
    Message("system", "Be brief."),
    Message("user", "Hi <b>&"),
    Message("assistant", "Hello."),
    Message("user", "?"),
)
LLAMA2 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}"
    "{% else %}{% set loop_messages = messages %}{% set system_message = '' %}{% endif %}"
    "{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}"
    "{% endif %}{% set content = (system_message if loop.index0 == 0 else '') + message['content'] %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
BLOCKS = """{%- for message in messages %}
    {%- if message.role == 'system' -%}
        {{ '<|system|>\\n' ~ message.content | trim ~ '\\n' }}
    {%- else -%}
        {{ '<|' ~ message.role ~ '|>\\n' ~ message | tojson ~ '\\n' }}
    {%- endif -%}
    {%- if loop.index > 10 -%}{%- break -%}{%- endif -%}
{%- endfor %}
{% if add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
"""
NO_SYSTEM = (
    "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{{ message.role }}: {{ message.content }}\n{% endfor %}"
)
VARIABLES = {"bos_token": "<s>", "eos_token": "</s>"}


@pytest.mark.parametrize("text", [CHAT_TEMPLATE, LLAMA2, BLOCKS], ids=["chatml", "llama2", "blocks"])
def test_a_template_renders_as_transformers_renders_it(text: str) -> None:
    turns = [{"role": message.role, "content": message.content} for message in TALK]
    expected, _ = render_jinja_template([turns], chat_template=text, add_generation_prompt=True, **VARIABLES)
    assert render(ChatTemplate(text, "test"), TALK, VARIABLES) == expected[0]


def test_a_system_message_that_is_refused_goes_into_the_first_question() -> None:
    rendered = render(ChatTemplate(NO_SYSTEM, "test"), TALK[:2], {})
    assert rendered == "user: Be brief.\n\nHi <b>&\n"


def test_messages_that_cannot_be_rendered_are_the_callers_mistake() -> None:
    with pytest.raises(InvalidRequest, match="roles must alternate"):
        render(ChatTemplate(LLAMA2, "test"), (Message("user", "a"), Message("user", "b")), VARIABLES)


@pytest.mark.parametrize(
    "text",
    [
        "{{ messages",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ nothing.at.all }}",
        "{% for i in range(1000000) %}x{% endfor %}",
        "{{ 1 / 0 }}",
        "{% include 'secrets' %}",
        "{{ 'x' * 17000000 }}",
        "x" * 300_000,
    ],
)
def test_a_broken_or_hostile_template_is_refused(text: str) -> None:
    with pytest.raises(CheckpointProblem) as refusal:
        render(ChatTemplate(text, "test"), TALK, {})
    assert refusal.value.code == "template_broken"


def test_a_refusal_is_not_mistaken_for_a_broken_template() -> None:
    assert issubclass(InvalidRequest, Exception)
    assert not issubclass(InvalidRequest, TemplateError)


def test_the_templates_of_our_own_are_readable() -> None:
    talk = TALK[1:]
    assert render(PLAIN, talk, {}) == "Human: Hi <b>&\n\nAssistant: Hello.\n\nHuman: ?\n\nAssistant:"
    assert render(CHATML, talk[:1], {}) == "<|im_start|>user\nHi <b>&<|im_end|>\n<|im_start|>assistant\n"


def test_a_template_is_named_by_its_text() -> None:
    assert template_hash(ChatTemplate("a", "here")) == template_hash(ChatTemplate("a", "there"))
    assert template_hash(ChatTemplate("a", "here")) != template_hash(ChatTemplate("b", "here"))


TRIMMING = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content | trim }}</{{ message.role }}>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.mark.parametrize("begun", ["Hello", "Hello. ", " A list:\n", "", "x</assistant>"])
@pytest.mark.parametrize("text", [CHAT_TEMPLATE, LLAMA2, TRIMMING], ids=["chatml", "llama2", "trimming"])
def test_a_message_that_is_gone_on_with_ends_as_transformers_ends_it(text: str, begun: str) -> None:
    talk = (Message("user", "Hi"), Message("assistant", begun))
    turns = [{"role": message.role, "content": message.content} for message in talk]
    expected, _ = render_jinja_template([turns], chat_template=text, continue_final_message=True, **VARIABLES)
    assert render(ChatTemplate(text, "test"), talk, VARIABLES, continue_final_message=True) == expected[0]


def test_a_message_that_the_template_leaves_out_cannot_be_gone_on_with() -> None:
    deaf = ChatTemplate("{{ messages[0].content }}", "test")
    with pytest.raises(InvalidRequest, match="leaves it out"):
        render(deaf, (Message("user", "Hi"), Message("assistant", "Yes")), {}, continue_final_message=True)


def test_called_functions_and_what_they_returned_render_as_in_transformers() -> None:
    text = (
        "{% for message in messages %}{{ message.role }}{% for call in message.tool_calls %} calls "
        "{{ call.function.name }} with {{ call.function.arguments | tojson }}{% endfor %}: {{ message.content }}"
        "{% if message.tool_call_id is defined %} ({{ message.tool_call_id }}){% endif %};{% endfor %}"
    )
    talk = (
        Message("assistant", "", tool_calls=(ToolCall("a1", "weather", '{"place": "Öland"}'),)),
        Message("tool", "rain", tool_call_id="a1"),
    )
    assert render(ChatTemplate(text, "test"), talk, {}) == (
        'assistant calls weather with {"place": "Öland"}: ;tool: rain (a1);'
    )
