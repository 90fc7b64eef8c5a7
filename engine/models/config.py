"""Reading a family's config.json: every key by name, every mistake with the name of the key. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import CheckpointProblem


class ConfigReader:
    """A config.json whose values are asked for by name and type."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def integer(self, key: str, default: int | None = None) -> int:
        """A positive whole number. Raises CheckpointProblem when it is missing without default, or something else."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise _wrong(key, value, "a positive whole number")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number. Raises CheckpointProblem as `integer` does."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(key, value, "a number")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise _wrong(key, value, "true or false")
        return value

    def section(self, key: str) -> ConfigReader | None:
        """A nested object, or None when it is absent or null."""
        value = self._config.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _wrong(key, value, "an object")
        return ConfigReader(value)

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise _wrong(key, value, "a string")
        return value

    def refuse(self, foreign: Mapping[str, tuple[Any, ...]]) -> None:
        """Raise CheckpointProblem for a key of `foreign` whose value is none of the harmless ones listed there."""
        for key, harmless in foreign.items():
            value = self._config.get(key)
            if value is not None and value not in harmless:
                raise CheckpointProblem(
                    f"config.json asks for {key} = {value!r}, which this model family does not compute here",
                    code="unsupported_config",
                    hint="The answers would be wrong in silence, so the checkpoint is refused.",
                )

    def has(self, key: str) -> bool:
        """Whether the key is there with a value other than null."""
        return self._config.get(key) is not None

    def _value(self, key: str, default: Any) -> Any:
        value = self._config.get(key)
        if value is None:
            value = default
        if value is None:
            raise CheckpointProblem(
                f"config.json has no {key}, and nothing else tells it",
                code="config_incomplete",
                hint=f"Add {key} to config.json with the value the model was trained with.",
            )
        return value


def _wrong(key: str, value: Any, wanted: str) -> CheckpointProblem:
    return CheckpointProblem(f"config.json: {key} must be {wanted}, not {value!r}", code="config_invalid")
