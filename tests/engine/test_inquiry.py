"""Questions to a model: cut, rendered, judged; beside the answers, and called off when nobody waits."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from engine import (
    CheckpointNotFound,
    Detokenize,
    Done,
    Engine,
    GenerationRequest,
    InvalidRequest,
    LoadCancelled,
    Message,
    NextToken,
    Question,
    Render,
    Reply,
    SamplingParams,
    Score,
    Token,
    Tokenize,
)
from tests.tiny import byte_tokenizer

CHAT = "sft/tiny"
TEXT = "Parley finds every checkpoint. ¿Qué tal?"


def reply(engine: Engine, question: Question) -> Reply:
    return engine.ask(CHAT, question).reply(120)


@pytest.fixture(scope="module")
def logprobs(tiny_checkpoints: Path) -> torch.Tensor:
    """The reference's log-probabilities of what follows each token of TEXT, (tokens, vocabulary)."""
    reference = AutoModelForCausalLM.from_pretrained(tiny_checkpoints / CHAT, dtype=torch.float32)
    ids = torch.tensor([byte_tokenizer().encode(TEXT).ids])
    with torch.inference_mode():
        return reference(ids).logits[0].log_softmax(-1)


def test_a_text_is_cut_as_its_tokenizer_cuts_it_and_put_together_again(tiny_engine: Engine) -> None:
    cut = reply(tiny_engine, Tokenize("Hi<|im_end|>"))
    assert [piece.text for piece in cut.tokens] == ["H", "i", "<|im_end|>"]
    assert [piece.special for piece in cut.tokens] == [False, False, True]
    ids = tuple(piece.id for piece in cut.tokens)
    assert reply(tiny_engine, Detokenize(ids)) == "Hi<|im_end|>"
    assert reply(tiny_engine, Tokenize("")).tokens == ()
    with pytest.raises(InvalidRequest, match="the last one is 258"):
        reply(tiny_engine, Detokenize((259,)))


def test_a_prompt_is_shown_as_the_model_reads_it(tiny_engine: Engine) -> None:
    shown = reply(tiny_engine, Render(GenerationRequest(messages=(Message("user", "a<|im_end|>b"),))))
    assert shown.prompt == "<|im_start|>user\na<|im_end|>b<|im_end|>\n<|im_start|>assistant\n"
    assert [piece.text for piece in shown.tokens].count("<|im_end|>") == 1, "what a message spells stays text"


def test_a_text_is_judged_as_the_reference_judges_it(tiny_engine: Engine, logprobs: torch.Tensor) -> None:
    judged = reply(tiny_engine, Score(TEXT, top=3))
    ids = byte_tokenizer().encode(TEXT).ids
    assert [token.id for token in judged.tokens] == ids
    first, *others = judged.tokens
    assert (first.logprob, first.rank, first.entropy, first.top) == (None, None, None, ())
    for token, row in zip(others, logprobs, strict=False):
        assert token.logprob == pytest.approx(float(row[token.id]), abs=1e-4)
        assert token.entropy == pytest.approx(float(-(row.exp() * row).sum()), abs=1e-4)
        assert token.rank == int((row > row[token.id]).sum()) + 1
        assert [each.id for each in token.top] == row.topk(3).indices.tolist()
    nats = -float(sum(row[token] for row, token in zip(logprobs, ids[1:], strict=False)))
    assert judged.nats == pytest.approx(nats, rel=1e-5)
    assert judged.perplexity == pytest.approx(math.exp(nats / (len(ids) - 1)), rel=1e-4)
    assert judged.bits_per_byte == pytest.approx(nats / math.log(2) / (len(TEXT.encode()) - 1), rel=1e-4)


def test_ids_are_judged_as_their_text_is_whatever_the_chunks(tiny_engine: Engine) -> None:
    text = "A longer text. " * 24  # More than one chunk of 256 tokens.
    ids = tuple(byte_tokenizer().encode(text).ids)
    by_text, by_ids = reply(tiny_engine, Score(text)), reply(tiny_engine, Score(ids=ids))
    assert by_text == by_ids
    short = reply(tiny_engine, Score(text[:200]))
    assert [each.logprob for each in by_text.tokens[1:200]] == pytest.approx(
        [each.logprob for each in short.tokens[1:]], abs=1e-4
    )


@pytest.mark.parametrize(
    ("question", "wrong"),
    [
        (lambda: Score("x" * 513), "context holds 512"),
        (lambda: Score(ids=(1, 999)), "the id 999"),
        (lambda: Score(""), "must not be empty"),
        (lambda: Score("x", top=21), "top must be between"),
        (lambda: NextToken(GenerationRequest(prompt="x"), SamplingParams(), top=0), "top must be between"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(tiny_engine: Engine, question: object, wrong: str) -> None:
    with pytest.raises(InvalidRequest, match=wrong):
        reply(tiny_engine, question())


def test_one_token_has_nothing_before_it_to_be_judged_by(tiny_engine: Engine) -> None:
    judged = reply(tiny_engine, Score("a"))
    assert (judged.nats, judged.perplexity, judged.bits_per_byte) == (0, None, None)


def test_the_next_token_is_told_before_and_after_the_samplers(tiny_engine: Engine, logprobs: torch.Tensor) -> None:
    asked = GenerationRequest(prompt=TEXT)
    warm = SamplingParams(temperature=2.0, top_k=3, top_p=1.0)
    told = reply(tiny_engine, NextToken(asked, warm, top=10))
    best = logprobs[-1].topk(10)
    assert [each.id for each in told.before] == best.indices.tolist()
    assert [each.logprob for each in told.before] == pytest.approx(best.values.tolist(), abs=1e-4)
    expected = (best.values[:3] / 2).log_softmax(-1)
    assert [each.logprob for each in told.after] == pytest.approx(expected.tolist(), abs=1e-4)
    greedy = reply(tiny_engine, NextToken(asked, SamplingParams(temperature=0), top=10))
    assert [(each.id, each.logprob) for each in greedy.after] == [(told.before[0].id, 0.0)]


def test_an_answer_goes_on_while_a_text_is_judged(tiny_engine: Engine) -> None:
    sampling = {"max_new_tokens": 300, "temperature": 0}
    answer = tiny_engine.submit(GenerationRequest(model=CHAT, prompt="Go", sampling=sampling))
    assert any(isinstance(answer.next(5), Token) for _ in range(50))
    judged = tiny_engine.ask(CHAT, Score("y" * 500))
    assert len(judged.reply(120).tokens) == 500
    assert isinstance(list(answer)[-1], Done)


def test_a_question_that_is_called_off_ends_at_once(tiny_engine: Engine) -> None:
    asked = tiny_engine.ask(CHAT, Score("y" * 512))
    asked.cancel()
    with pytest.raises(LoadCancelled) as refusal:
        asked.reply(10)
    assert refusal.value.code in ("cancelled", "load_cancelled")


def test_a_question_to_no_model_is_refused(tiny_engine: Engine) -> None:
    with pytest.raises(CheckpointNotFound):
        tiny_engine.ask("nothing", Tokenize("a"))


def test_a_word_keeps_the_space_before_it(tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Inner
    from tokenizers import decoders, models, pre_tokenizers

    from engine.catalog.info import TokenizerSpec
    from engine.text.tokenizer import Tokenizer

    inner = Inner(models.BPE(vocab={"▁": 0, "a": 1, "▁a": 2}, merges=[("▁", "a")]))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    assert json.loads(inner.to_str())["decoder"]["type"] == "Metaspace"
    tokenizer = Tokenizer(inner, TokenizerSpec("test"))
    assert "".join(tokenizer.show(each) for each in tokenizer.encode("a a")) == " a a"
