"""What an answer begins from: text, ids, messages, or a message that is gone on with."""

from __future__ import annotations

from engine import Engine, GenerationRequest, Message
from tests.tiny import byte_tokenizer

CHAT = "sft/tiny"
FEW = {"max_new_tokens": 6, "temperature": 0}


def answer(engine: Engine, **asked: object) -> str:
    return engine.submit(GenerationRequest(model=CHAT, sampling=FEW, **asked)).text(120)


def test_a_prompt_of_ids_is_answered_as_its_text_is(tiny_engine: Engine) -> None:
    ids = tuple(byte_tokenizer().encode("Hello").ids)
    assert answer(tiny_engine, prompt_ids=ids) == answer(tiny_engine, prompt="Hello")


def test_a_begun_message_is_gone_on_with_as_the_same_text_is(tiny_engine: Engine) -> None:
    begun = (Message("user", "Hi"), Message("assistant", "Well, "))
    prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell, "
    assert answer(tiny_engine, messages=begun, continue_final_message=True) == answer(tiny_engine, prompt=prompt)
    assert answer(tiny_engine, messages=begun) != answer(tiny_engine, prompt=prompt)
