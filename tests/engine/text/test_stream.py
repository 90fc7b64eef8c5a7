"""An answer's text: whole characters, cut at the stop string."""

from __future__ import annotations

from engine.text.stream import TextStream
from tests.tiny import byte_tokenizer


def test_a_stop_string_may_end_in_the_middle_of_the_tokens() -> None:
    tokenizer = byte_tokenizer()
    stream = TextStream(tokenizer.decode, ["。再"])
    shown = [stream.feed(token_id) for token_id in tokenizer.encode("好。再见").ids]
    assert "".join(shown) == "好"
    assert stream.is_stopped
    assert stream.text == "好"


def test_what_was_kept_back_comes_with_the_flush() -> None:
    tokenizer = byte_tokenizer()
    stream = TextStream(tokenizer.decode, ["abc!"])
    for token_id in tokenizer.encode("xabc").ids:
        stream.feed(token_id)
    assert stream.text == "x"
    assert stream.flush() == "abc"
    assert stream.text == "xabc"
