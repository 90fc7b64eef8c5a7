"""What a model can be asked besides an answer: how a text is cut, rendered and judged. Frozen, picklable, no torch."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import InvalidRequest
from engine.request import MAX_TOP_LOGPROBS, GenerationRequest, SamplingParams

MAX_NEXT_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that could have come, with its natural-log probability."""

    id: int
    text: str
    logprob: float


# -- questions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tokenize:
    """How is this text cut? `add_special` None does as the checkpoint says. Answered with `Tokens`."""

    text: str
    add_special: bool | None = None


@dataclass(frozen=True, slots=True)
class Detokenize:
    """What text do these ids spell, special tokens included? Answered with a str."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Render:
    """What does the model read when it is asked this? Answered with `Rendered`."""

    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Score:
    """How probable is each token of a text, or of ids as they are? Answered with `Scores`. `top` is 0 to 20."""

    text: str | None = None
    ids: tuple[int, ...] | None = None
    top: int = 0
    add_special: bool | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.top <= MAX_TOP_LOGPROBS:
            raise InvalidRequest(f"top must be between 0 and {MAX_TOP_LOGPROBS}, not {self.top}", param="top")
        if not (self.text or self.ids):
            raise InvalidRequest("text must not be empty", param="text", hint="Send at least one character.")


@dataclass(frozen=True, slots=True)
class NextToken:
    """What could come next, before and after the samplers? Answered with `Distribution`. `top` is 1 to 200."""

    request: GenerationRequest
    sampling: SamplingParams
    top: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.top <= MAX_NEXT_TOKENS:
            raise InvalidRequest(f"top must be between 1 and {MAX_NEXT_TOKENS}, not {self.top}", param="top")


Question = Tokenize | Detokenize | Render | Score | NextToken

# -- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as it stands in a text. `special` ones steer the model and are no text."""

    id: int
    text: str
    special: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text in its tokens."""

    tokens: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as the model reads it, and its tokens."""

    prompt: str
    tokens: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A token after those before it: `logprob` and `entropy` (of the whole distribution) in nats, `rank` from 1.

    The first token stands after nothing: its three numbers are None and its `top` is empty.
    """

    id: int
    text: str
    logprob: float | None
    rank: int | None
    entropy: float | None
    top: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """A text judged: `nats` is the sum over the scored tokens, which spell `scored_bytes` bytes of UTF-8."""

    tokens: tuple[TokenScore, ...]
    nats: float
    scored_bytes: int
    perplexity: float | None
    bits_per_byte: float | None


@dataclass(frozen=True, slots=True)
class Distribution:
    """The most probable next tokens: `before` as the model has them, `after` as the samplers leave them."""

    before: tuple[Candidate, ...]
    after: tuple[Candidate, ...]


Reply = Tokens | str | Rendered | Scores | Distribution
