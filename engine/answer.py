"""One run inside a worker: from its letter to a sequence, from chosen tokens to text, to its last event."""

from __future__ import annotations

from hashlib import sha256

from torch import Tensor

from engine.bias import Bias
from engine.constraints import Grammar, of_constraint, of_tools
from engine.letters import CallPiece, Done, Event, Receipt, ScoredToken, Started, Submit, Token
from engine.loader import Loaded
from engine.prompt import make_prompt, refuse_longer, refuse_unknown
from engine.questions import Candidate
from engine.request import SamplingParams
from engine.sampling import Choice, Wish
from engine.sequence import Clock, Sequence
from engine.text.stream import TextStream
from engine.text.template import stop_strings, template_hash
from engine.text.tools import MARKS, CallReader, style_of
from engine.version import VERSION

TOKENS_BEFORE = 4


class Answer:
    """The run of one `Submit`. Raises InvalidRequest at birth when its prompt cannot be answered."""

    def __init__(self, letter: Submit, loaded: Loaded, model: str) -> None:
        self._loaded = loaded
        self._model = model
        self._sampling: SamplingParams = letter.sampling
        prompt = make_prompt(letter, loaded.tokenizer, loaded.template)
        refuse_unknown(prompt, loaded.vocab_size)
        refuse_longer(prompt, loaded.context_length - 1, loaded.context_length)
        self.template, ids = prompt.template, prompt.ids
        room = min(letter.sampling.max_new_tokens, loaded.context_length - len(ids))
        clock = Clock(letter.received_at, letter.load_ms)
        self.sequence = Sequence(letter.run_id, ids, letter.sampling, room, clock)
        stops = letter.sampling.stop + stop_strings(self.template)
        # A raw prompt or a begun message is gone on with: the answer's first token is read after the prompt's last.
        before = ids[-TOKENS_BEFORE:] if letter.messages is None or letter.continue_final_message else ()
        style = None if letter.tools is None else style_of(self.template.text)
        decode = loaded.tokenizer.decode if style is None else loaded.tokenizer.decode_with(MARKS[style])
        self._text = TextStream(decode, stops, before)
        self._calls = None if style is None else CallReader(style, lambda index: call_id(letter.run_id, index))
        self._grammar: Grammar | None = None
        if letter.constraint is not None:
            self._grammar = of_constraint(letter.constraint, loaded.tokenizer)
        elif style is not None and letter.tools.is_required:
            self._grammar = of_tools(letter.tools, style, loaded.tokenizer)
        size = loaded.tokenizer.size
        self._bias = Bias(letter.logit_bias, size, loaded.device) if letter.logit_bias else None
        self._shown: list[str] = []
        self._sent_ids = 0
        self._unsent_ids: list[int] = []
        self._unsent_scores: list[ScoredToken] = []

    def started(self) -> Started:
        """The event of leaving the queue."""
        sequence = self.sequence
        return Started(
            run_id=sequence.run_id,
            model=self._model,
            seed=sequence.sampling.seed,
            prompt_tokens=len(sequence.prompt_ids),
            cached_tokens=sequence.cached_tokens,
            precision=self._loaded.precision,
            max_new_tokens=sequence.room,
            truncated=sequence.room < self._sampling.max_new_tokens,
            queue_position=sequence.arrived_at_position,
            template_source=None if self.template is None else self.template.source,
        )

    def wish(self) -> Wish:
        """How the next token is to be chosen."""
        sequence, is_free = self.sequence, self._bias is None and self._grammar is None
        shape = None if is_free else self._shape
        return Wish(sequence.sampling, sequence.prompt_ids, sequence.output_ids, sequence.random, shape)

    def take(self, choice: Choice) -> list[Event]:
        """Go on with the next token; the events it makes, at most one."""
        sequence = self.sequence
        sequence.append(choice.id)
        if choice.id in self._loaded.tokenizer.stop_ids:
            sequence.finish("stop")
            return []
        is_complete = self._grammar is not None and self._grammar.accept(choice.id)
        text, calls = self._read(self._text.feed(choice.id))
        if self._text.is_stopped or is_complete:
            sequence.finish("stop")
        self._note(choice)
        return self._token(text, calls) if text or calls else []

    def finish(self) -> list[Event]:
        """The last events: what was held back, then `Done`."""
        rest, calls = self._read("" if self._text.is_stopped else self._text.flush())
        if self._calls is not None:
            more, _ = self._calls.flush()
            rest += more
        sequence = self.sequence
        receipt = Receipt(
            model=self._model,
            fingerprint=self._loaded.fingerprint,
            template_hash=None if self.template is None else template_hash(self.template),
            precision=self._loaded.precision,
            device=str(self._loaded.device),
            seed=sequence.sampling.seed,
            engine_version=VERSION,
        )
        last = self._token(rest, calls) if rest or calls or self._unsent_ids else []
        done = Done(
            sequence.run_id,
            sequence.finish_reason,
            "".join(self._shown),
            sequence.usage(),
            sequence.timings(),
            receipt,
            () if self._calls is None else self._calls.calls,
        )
        return [*last, done]

    def _shape(self, logits: Tensor) -> Tensor:
        """(known,) logits with what was asked to be added, and within the grammar."""
        logits = logits if self._bias is None else self._bias.add(logits)
        return logits if self._grammar is None else self._grammar.allowed(logits)

    def _read(self, text: str) -> tuple[str, tuple[CallPiece, ...]]:
        """The part of the text that is to be shown, and what of it calls functions."""
        return (text, ()) if self._calls is None or not text else self._calls.feed(text)

    def _note(self, choice: Choice) -> None:
        self._unsent_ids.append(choice.id)
        if choice.logprob is not None:
            show = self._loaded.tokenizer.show
            possible = ((each, logprob) for each, logprob in choice.top if logprob > float("-inf"))
            top = tuple(Candidate(each, show(each), logprob) for each, logprob in possible)
            self._unsent_scores.append(ScoredToken(choice.id, show(choice.id), choice.logprob, top))

    def _token(self, text: str, calls: tuple[CallPiece, ...]) -> list[Event]:
        self._sent_ids += len(self._unsent_ids)
        self._shown.append(text)
        ids, scores = tuple(self._unsent_ids), tuple(self._unsent_scores)
        event = Token(self.sequence.run_id, text, ids, self._sent_ids - 1, scores, calls)
        self._unsent_ids.clear()
        self._unsent_scores.clear()
        return [event]


def call_id(run_id: str, index: int) -> str:
    """The id of a call: nine letters and digits, because some templates refuse any other length."""
    return sha256(f"{run_id} {index}".encode()).hexdigest()[:9]
