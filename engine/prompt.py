"""What was asked -> the ids that a model reads: text as it is, ids as they are, messages through a chat template."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from engine.catalog.info import ChatTemplate
from engine.errors import CheckpointProblem, InvalidRequest
from engine.request import Message, Tools
from engine.text.template import OURS, render
from engine.text.tokenizer import BREAK, Tokenizer
from engine.text.tool_prompt import defused, knows_tools, spelled_out


class Asked(Protocol):
    """What `Submit` and `GenerationRequest` have in common."""

    prompt: str | None
    prompt_ids: tuple[int, ...] | None
    messages: tuple[Message, ...] | None
    add_bos: bool | None
    template: str | None
    continue_final_message: bool
    tools: Tools | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """The ids, the text they came from (None where ids were given), and the template of messages."""

    ids: list[int]
    text: str | None
    template: ChatTemplate | None


def make_prompt(asked: Asked, tokenizer: Tokenizer, own: ChatTemplate) -> Prompt:
    """The prompt for a model whose template is `own`. Raises InvalidRequest, CheckpointProblem."""
    if asked.prompt_ids is not None:
        return Prompt(list(asked.prompt_ids), None, None)
    if asked.messages is None:
        return Prompt(tokenizer.encode(asked.prompt, asked.add_bos), asked.prompt, None)
    template = own if asked.template is None else ChatTemplate(asked.template, "request")
    messages = [tokenizer.defuse(message) for message in asked.messages]
    variables = dict(tokenizer.special_tokens)
    tools = () if asked.tools is None else defused(asked.tools, tokenizer)
    if tools and template.tool_use is not None:
        template = replace(template, text=template.tool_use, tool_use=None)
    if knows_tools(template):
        variables |= {"tools": list(tools)} if tools else {}
    else:
        messages = spelled_out(messages, tools)
    text = render(template, messages, variables, continue_final_message=asked.continue_final_message)
    ids = tokenizer.encode_rendered(text)
    ids = tokenizer.with_bos(ids) if template in OURS else ids
    return Prompt(ids, text.replace(BREAK, ""), template)


def refuse_unknown(prompt: Prompt, vocab_size: int) -> None:
    """Raise for ids beyond the model's rows: the caller's own, or those of a tokenizer that knows more tokens."""
    largest = max(prompt.ids, default=0)
    if largest < vocab_size:
        return
    if prompt.text is None:
        raise InvalidRequest(f"the prompt holds the id {largest}; the last one is {vocab_size - 1}", param="prompt")
    raise CheckpointProblem(
        f"the tokenizer makes the id {largest}, and the model has only {vocab_size} rows of embeddings",
        code="vocabulary_mismatch",
        hint="The tokenizer belongs to another model, or the text holds a token that was added to it later.",
    )


def refuse_longer(prompt: Prompt, longest: int, context_length: int) -> None:
    """Raise InvalidRequest for a prompt with no tokens or with more than `longest`."""
    if not prompt.ids:
        raise InvalidRequest("the prompt has no tokens", param="prompt", hint="Send at least one character.")
    if len(prompt.ids) > longest:
        raise InvalidRequest(
            f"the prompt has {len(prompt.ids)} tokens, and the model's context holds {context_length} with the answer",
            code="context_length_exceeded",
            param="prompt" if prompt.template is None else "messages",
            hint="Shorten the prompt or begin a new conversation.",
        )
