"""Reading a family's config.json: every key by name, every mistake with the name of the key. No torch.

What changes the mathematics and is not computed is refused: each family names the keys it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any

from engine.errors import CheckpointProblem
from engine.models.foreign import FOREIGN
from engine.models.possible import divided, refuse_impossible
from engine.models.spellings import common_spelling, usable_context


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the loader, the cache and the shared layers ask of every family."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    tie_word_embeddings: bool

    @property
    def cached_layers(self) -> int:
        """Layers of the cache; a family that keeps more than keys and values has more of them than it computes."""
        return self.num_hidden_layers


class ConfigReader:
    """A config.json whose values are asked for by name and type, the names being the common ones."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = common_spelling(config)

    def sizes(self, *, context: int | None = None, head_dim: int | None = None, tied: bool = False) -> dict[str, Any]:
        """The fields of `Sizes`; the arguments are the family's defaults for what its old files leave out.

        Raises CheckpointProblem for sizes that are missing or that do not go together.
        """
        refuse_impossible(self._config)
        hidden, heads = self.integer("hidden_size"), self.integer("num_attention_heads")
        kv_heads, usable = self.integer("num_key_value_heads", heads), usable_context(self._config)
        if head_dim is None and not self.has("head_dim"):
            head_dim = hidden // heads if self.has("kv_lora_rank") else divided(hidden, heads)
        return {
            "vocab_size": self.integer("vocab_size"),
            "hidden_size": hidden,
            "num_hidden_layers": self.integer("num_hidden_layers"),
            "num_attention_heads": heads,
            "num_key_value_heads": kv_heads,
            "head_dim": self.integer("head_dim", head_dim),
            "max_position_embeddings": self.integer("max_position_embeddings", context) if usable is None else usable,
            "tie_word_embeddings": self.flag("tie_word_embeddings", tied),
        }

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

    def optional_integer(self, key: str) -> int | None:
        """A positive whole number, or None when it is absent or null."""
        return self.integer(key) if self.has(key) else None

    def optional_number(self, key: str) -> float | None:
        """A number, or None when it is absent or null."""
        return self.number(key) if self.has(key) else None

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number that may be zero."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _wrong(key, value, "a whole number")
        return value

    def items(self, key: str, kind: type | UnionType, length: int | None = None) -> tuple[Any, ...]:
        """A list whose items are of the kind; nothing when it is absent or null."""
        value = self._config.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, kind) for each in value):
            raise _wrong(key, value, f"a list of {'words' if kind is str else 'numbers'}")
        if length is not None and len(value) != length:
            raise _wrong(key, value, f"a list of {length} values")
        return tuple(value)

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

    def refuse_foreign(self, *computed: str) -> None:
        """Raise CheckpointProblem for a key that changes the mathematics, unless the family computes it."""
        for key, harmless in FOREIGN.items():
            value = self._config.get(key)
            if value is not None and key not in computed and value not in harmless:
                raise refused(f"{key} = {value!r}")
        if "layer_types" not in computed and set(self.items("layer_types", str)) - {"full_attention"}:
            raise refused(f"layer_types = {self._config['layer_types']!r}")

    def windows(self, slides: Callable[[int], bool]) -> tuple[int | None, ...]:
        """How many tokens back each layer sees, itself included; None for all of them.

        layer_types says it, or else `slides(layer)`. Raises CheckpointProblem for kinds of layers not computed here.
        """
        layers = self.integer("num_hidden_layers")
        kinds = self.items("layer_types", str, layers)
        if strange := set(kinds) - {"full_attention", "sliding_attention"}:
            raise refused(f"layers of the kind {min(strange)!r}")
        sliding = [kind == "sliding_attention" for kind in kinds] or [slides(layer) for layer in range(layers)]
        return tuple(self.integer("sliding_window") if slide else None for slide in sliding)

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


def refused(what: str) -> CheckpointProblem:
    """The error for a configuration that is understood and not computed."""
    return CheckpointProblem(
        f"config.json asks for {what[:200]}, which this model family does not compute here",
        code="unsupported_config",
        hint="The answers would be wrong in silence, so the checkpoint is refused.",
    )
