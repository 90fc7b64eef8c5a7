"""What the scripted engine replies to questions: every word is a token, every token equally probable."""

from __future__ import annotations

import math
import re

from engine import (
    Candidate,
    Detokenize,
    Distribution,
    Piece,
    Question,
    Render,
    Rendered,
    Reply,
    Score,
    Scores,
    Tokenize,
    Tokens,
    TokenScore,
)

LOGPROB = -math.log(2)


def reply_to(question: Question) -> Reply:
    """The reply to one question."""
    match question:
        case Tokenize(text):
            return Tokens(_pieces(text))
        case Detokenize(ids):
            return " ".join(f"word{each}" for each in ids)
        case Render(request):
            prompt = "".join(f"<{turn.role}>{turn.content}" for turn in request.messages)
            return Rendered(prompt, _pieces(prompt))
        case Score(text, ids):
            return _scores(text or " ".join(map(str, ids)))
    candidate = Candidate(100, "word", LOGPROB)
    return Distribution((candidate,), (candidate,))


def _pieces(text: str) -> tuple[Piece, ...]:
    return tuple(Piece(100 + at, word, False) for at, word in enumerate(re.findall(r"\s*\S+", text)))


def _scores(text: str) -> Scores:
    first, *others = _pieces(text)
    head = TokenScore(first.id, first.text, None, None, None, ())
    tokens = (head, *(TokenScore(each.id, each.text, LOGPROB, 1, 0.0, ()) for each in others))
    nats = -LOGPROB * len(others)
    return Scores(tokens, nats, len(text.encode()), 2.0 if others else None, None)
