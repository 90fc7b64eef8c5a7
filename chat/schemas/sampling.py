"""How an answer is to be chosen, as generations, conversations, messages and presets name it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from chat.schemas.body import Body, Name, Text
from engine import MAX_STOP_STRINGS, SAMPLING_FIELDS, SamplingParams


class Sampling(Body):
    """Sampling parameters, each of which may be left out; `engine.request` owns their ranges."""

    max_new_tokens: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: Annotated[list[Name], Field(max_length=MAX_STOP_STRINGS)] | None = None
    logprobs: int | None = None
    add_bos: bool | None = None
    template: Text | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop_string_is_a_list_of_one(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given

    def named(self) -> dict[str, Any]:
        """What was named, as JSON keeps it. Raises InvalidRequest for what is out of range."""
        given = {name: getattr(self, name) for name in Sampling.model_fields if getattr(self, name) is not None}
        check(given)
        return given


def check(parameters: dict[str, Any]) -> None:
    """Raise InvalidRequest for a sampling parameter that is out of range."""
    sampling = {name: value for name, value in parameters.items() if name in SAMPLING_FIELDS}
    if "stop" in sampling:
        sampling["stop"] = tuple(sampling["stop"])
    SamplingParams().overridden_by(sampling)
