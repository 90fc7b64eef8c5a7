"""What a model makes of a text: its tokens, the rendered prompt, each token's probability, the next token."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify

from chat import replies
from chat.api import body
from chat.parts import parts
from chat.schemas.tokens import DetokenizeBody, NextTokenBody, ScoreBody, TemplateBody, TokenizeBody
from engine import Detokenize, NextToken

bp = Blueprint("tokens", __name__)


@bp.post("/api/tokenize")
def tokenize() -> Response:
    """A text, or rendered messages, in its tokens."""
    asked = body.read(TokenizeBody)
    tokens = replies.ask(asked.model, asked.question()).tokens
    return jsonify(tokens=[asdict(piece) for piece in tokens], count=len(tokens))


@bp.post("/api/detokenize")
def detokenize() -> Response:
    """The text that ids spell."""
    asked = body.read(DetokenizeBody)
    return jsonify(text=replies.ask(asked.model, Detokenize(tuple(asked.ids))))


@bp.post("/api/template")
def template() -> Response:
    """Messages as the model reads them."""
    asked = body.read(TemplateBody)
    return jsonify(asdict(replies.ask(asked.model, asked.question())))


@bp.post("/api/score")
def score() -> Response:
    """How probable the model finds each token of a text, in nats."""
    asked = body.read(ScoreBody)
    return jsonify(asdict(replies.ask(asked.model, asked.question())))


@bp.post("/api/next_token")
def next_token() -> Response:
    """What could come next, before and after the samplers."""
    asked = body.read(NextTokenBody)
    wanted = asked.request()
    question = NextToken(wanted, parts().engine.sampling(wanted), asked.top)
    return jsonify(asdict(replies.ask(asked.model, question)))
