"""What a training script wrote down about its model, in the file and in JSON beside it, under the common names.

The common names are those of Hugging Face's config.json. Each answer remembers where it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.catalog.documents import read_object_if_there
from engine.catalog.recorded import Recorded

INSIDE = ("model_args", "model_config", "gpt_config", "config", "cfg", "args", "hparams", "hyper_parameters")
NESTED = ("model", "model_args", "model_config", "gpt_config", "config", "args")
LONGEST_DOCUMENT = 1024 * 1024
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "num_attention_heads": ("n_head", "n_heads", "num_heads", "nhead"),
    "num_key_value_heads": ("n_kv_heads", "n_kv_head", "num_kv_heads", "n_kv_groups"),
    "head_dim": ("head_size",),
    "max_position_embeddings": (
        "n_positions", "block_size", "max_seq_len", "context_length", "max_seq_length", "sequence_len", "seq_len",
        "n_ctx",
    ),
    "rms_norm_eps": ("norm_eps", "layer_norm_eps", "layer_norm_epsilon"),
    "rope_theta": ("rope_base",),
}  # fmt: skip


class Declared:
    """Sections of settings, the most trusted first. `evidence` collects a sentence for each value that was taken."""

    def __init__(self, sections: list[tuple[str, Mapping[str, Any]]]) -> None:
        self._sections = sections
        self.sections = tuple(sections)
        self.evidence: dict[str, str] = {}

    def whole(self, name: str) -> int | None:
        """A positive whole number, or None."""
        return self._value(name, lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0)

    def number(self, name: str) -> float | None:
        """A positive number, or None."""
        is_number = self._value(
            name, lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        )
        return None if is_number is None else float(is_number)

    def text(self, name: str) -> str | None:
        """A text, or None."""
        return self._value(name, lambda value: isinstance(value, str))

    def flag(self, name: str) -> bool | None:
        """True or false, or None."""
        return self._value(name, lambda value: isinstance(value, bool))

    def value(self, name: str) -> Any:
        """Whatever is declared under exactly this name, or None."""
        return next((section[name] for _, section in self._sections if section.get(name) is not None), None)

    def hugging_face(self) -> dict[str, Any] | None:
        """A section that is a whole config.json of Hugging Face's kind."""
        for source, section in self._sections:
            if isinstance(section.get("model_type"), str) and {"hidden_size", "n_embd", "d_model"} & section.keys():
                if "architectures" not in section and "num_hidden_layers" not in section:
                    continue  # minGPT calls its sizes by a model_type of their own
                self.evidence["architecture"] = source
                return {key: value for key, value in section.items() if isinstance(key, str)}
        return None

    def _value(self, name: str, fits: Any) -> Any:
        for source, section in self._sections:
            for spelling in (name, *SPELLINGS.get(name, ())):
                value = section.get(spelling)
                if value is not None and fits(value):
                    self.evidence[name] = f"{source}: {spelling}"
                    return value
        return None


def declared(path: Path, beside: Mapping[str, Any]) -> Declared:
    """What is declared for a file: inside it, in <name>.json, config.json or params.json beside it, and one folder up.

    Raises CheckpointProblem when one of those files is no JSON object.
    """
    sections = [each for key in INSIDE if key in beside for each in _sections(f"the file's {key!r}", beside[key])]
    for file in documents(path):
        shown = file.name if file.parent == path.parent else f"../{file.name}"
        sections += _sections(shown, read_object_if_there(file, LONGEST_DOCUMENT))
    return Declared(sections)


def documents(path: Path) -> tuple[Path, ...]:
    """The JSON files that may describe a checkpoint file."""
    names = (f"{path.stem}.json", "config.json", "params.json")
    return (*(path.parent / name for name in names), *(path.parent.parent / name for name in names[1:]))


def fields(value: Any) -> dict[str, Any]:
    """The named values of a dictionary, a dataclass or a namespace, in which scripts keep settings."""
    if isinstance(value, Recorded):
        inner = value.state.get("_content", value.items or value.state)
        return fields(inner) if isinstance(inner, dict) else {}
    return {key: each for key, each in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def _sections(source: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    own = fields(value)
    for key in NESTED:
        if inner := fields(own.get(key)):
            yield f"{source}, {key}", inner
    if own:
        yield source, own
