"""Text comes out as whole characters, and joined it is the text of all tokens together."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers

from engine.text.detokenizer import Detokenizer
from tests.tiny import byte_tokenizer

TEXTS = [
    "Plain English, with numbers 123.",
    "你好，世界！我们来聊聊吧。",
    "Съешь же ещё этих мягких французских булок.",
    "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 👍🏽 thumb, 🇩🇪 flag",
    "e\u0301 and Z\u0351\u036b\u0343 zalgo, \u05e9\u05dc\u05d5\u05dd \u202eRTL",
    "   leading and    inner   spaces\n\n\ttabs ",
]


def stream(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    detokenizer = Detokenizer(lambda window: tokenizer.decode(window, skip_special_tokens=True))
    return [*(detokenizer.feed(token_id) for token_id in ids), detokenizer.flush()]


def sentencepiece_like() -> Tokenizer:
    """Spaces as ▁, bytes as <0xNN>, and the first space of a text dropped: as Llama 2's tokenizer decodes."""
    vocabulary = {"<unk>": 0} | {f"<0x{byte:02X}>": byte + 1 for byte in range(256)} | {"▁": 257, "▁a": 258, "nd": 259}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("make", [byte_tokenizer, sentencepiece_like])
def test_one_byte_a_token_gives_the_same_text_and_no_half_character(make, text: str) -> None:
    tokenizer = make()
    pieces = stream(tokenizer, tokenizer.encode(text).ids)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_character_comes_as_soon_as_it_is_whole() -> None:
    tokenizer = byte_tokenizer()
    assert stream(tokenizer, tokenizer.encode("a你b").ids) == ["a", "", "", "你", "b", ""]


def test_half_a_character_at_the_end_is_shown_as_broken() -> None:
    tokenizer = byte_tokenizer()
    assert "".join(stream(tokenizer, tokenizer.encode("a你").ids[:-1])) == "a\ufffd"


def test_bytes_that_are_no_text_do_not_hold_up_what_follows() -> None:
    tokenizer = byte_tokenizer()
    broken = [tokenizer.encode("你").ids[1]] * 20
    assert "".join(stream(tokenizer, [*broken, *tokenizer.encode("fine").ids])) == "\ufffd" * 20 + "fine"


def test_special_tokens_have_no_text() -> None:
    tokenizer = byte_tokenizer()
    ids = tokenizer.encode("a<|im_end|>b").ids
    assert len(ids) == 3
    assert stream(tokenizer, ids) == ["a", "", "b", ""]


def test_what_goes_on_with_a_text_keeps_its_first_space() -> None:
    tokenizer = sentencepiece_like()
    prompt, answer = tokenizer.encode("a").ids, tokenizer.encode("a nd a").ids
    detokenizer = Detokenizer(tokenizer.decode, before=prompt)
    assert "".join(detokenizer.feed(token_id) for token_id in answer) == " a nd a"
