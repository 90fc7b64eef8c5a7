"""A LoRA adapter's adapter_config.json, checked. Refuses by name what would have to be computed otherwise.

Format: https://huggingface.co/docs/peft/developer_guides/checkpoint.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.catalog.documents import read_object
from engine.errors import CheckpointProblem

FILE = "adapter_config.json"
# Settings that change what is computed, or which tensors there are, in ways that no merging of matrices gives back.
FOREIGN = (
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "layer_replication",
    "lora_bias",
    "monteclora_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_qalora",
)
# Ways of starting that leave the base as it is; the others take from its weights what they put into the adapter.
HARMLESS_STARTS = (True, False, None, "gaussian", "eva", "orthogonal")
# Somebody's regular expressions: matched are names, with some repetitions in all and no alternatives.
PLAIN_PATTERN = re.compile(r"\^?(?:[\w-]|\\?\.|\\d\+?|\.\*)+\$?", re.ASCII)
LONGEST_PATTERN, MOST_REPETITIONS, MOST_PATTERNS = 200, 16, 2000
LONGEST_NAME = 1000
Patterns = tuple[tuple[str | re.Pattern[str], float], ...]


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """What has to be known to merge an adapter. `base` is the name of its base as whoever trained it wrote it."""

    base: str
    rank: int
    alpha: float
    ranks: Patterns
    alphas: Patterns
    is_rank_stabilised: bool
    has_magnitudes: bool
    fan_in_fan_out: bool
    ensure_weight_tying: bool

    def rank_of(self, module: str) -> float:
        """The rank that a module of the base has been given."""
        return _first(self.ranks, module, self.rank)

    def scale_of(self, module: str, rank: int) -> float:
        """alpha / r, or alpha / sqrt(r) where the rank is to be stabilised (rsLoRA, arXiv:2312.03732)."""
        return _first(self.alphas, module, self.alpha) / (math.sqrt(rank) if self.is_rank_stabilised else rank)

    @property
    def kind(self) -> str:
        """What the method is called."""
        return "DoRA" if self.has_magnitudes else "rsLoRA" if self.is_rank_stabilised else "LoRA"


def read(folder: Path) -> LoraSettings:
    """The settings of the adapter in a folder. Raises CheckpointProblem for other methods and impossible numbers."""
    stored = read_object(folder / FILE)
    _refuse_others(stored)
    base = stored.get("base_model_name_or_path") or ""
    if not isinstance(base, str) or len(base) > LONGEST_NAME:
        raise _invalid(f"base_model_name_or_path must be a name of at most {LONGEST_NAME} characters")
    return LoraSettings(
        base=base,
        rank=int(_number("r", stored.get("r", 8), whole=True)),
        alpha=_number("lora_alpha", stored.get("lora_alpha", 8)),
        ranks=_patterns(stored, "rank_pattern", whole=True),
        alphas=_patterns(stored, "alpha_pattern"),
        is_rank_stabilised=_flag(stored, "use_rslora"),
        has_magnitudes=_flag(stored, "use_dora"),
        fan_in_fan_out=_flag(stored, "fan_in_fan_out"),
        ensure_weight_tying=_flag(stored, "ensure_weight_tying"),
    )


def _refuse_others(stored: Mapping[str, Any]) -> None:
    kind = stored.get("peft_type")
    if kind != "LORA":
        raise CheckpointProblem(
            f"an adapter of the kind {str(kind)[:40]!r} cannot be merged here",
            code="adapter_not_supported",
            hint="LoRA, rsLoRA and DoRA are: merge others with PEFT's merge_and_unload() where it can, and save that.",
        )
    for name in FOREIGN:
        if stored.get(name):
            raise CheckpointProblem(
                f"{FILE} sets {name}, which is not computed here",
                code="adapter_not_supported",
                hint="Merge the adapter with PEFT's merge_and_unload() and save the whole model.",
            )
    start = stored.get("init_lora_weights")
    if start not in HARMLESS_STARTS:
        raise CheckpointProblem(
            f"the adapter was begun with {str(start)[:40]!r}, which changes the weights of the base too",
            code="adapter_not_supported",
            hint="Save it with save_pretrained(…, path_initial_model_for_weight_conversion=…), or merge and save it.",
        )


def _number(name: str, value: Any, *, whole: bool = False) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        if is_number and math.isfinite(float(value)) and (not whole or (isinstance(value, int) and value > 0)):
            return float(value)
    except OverflowError:
        is_number = False
    expected = "a whole number above 0" if whole else "a finite number"
    raise _invalid(f"{name} must be {expected}, not {str(value)[:40] if is_number else type(value).__name__}")


def _flag(stored: Mapping[str, Any], name: str) -> bool:
    value = stored.get(name)
    if value is not None and not isinstance(value, bool):
        raise _invalid(f"{name} must be true or false")
    return bool(value)


def _patterns(stored: Mapping[str, Any], name: str, *, whole: bool = False) -> Patterns:
    held = stored.get(name) or {}
    if not isinstance(held, dict) or len(held) > MOST_PATTERNS:
        raise _invalid(f"{name} must hold a number for each of some patterns")
    is_sound = all(len(key) <= LONGEST_PATTERN and PLAIN_PATTERN.fullmatch(key) for key in held)
    if not is_sound or sum(key.count("*") + key.count("+") for key in held) > MOST_REPETITIONS:
        raise _invalid(
            f"{name} has patterns of a kind that is not matched here: names of modules are, and some .* in them"
        )
    return tuple((_pattern(key), _number(f"{name}[{key[:80]}]", value, whole=whole)) for key, value in held.items())


def _pattern(text: str) -> str | re.Pattern[str]:
    """The end of a name where the pattern is nothing else; otherwise what a name must match from one of its parts on.

    What a repetition has once taken it keeps, as when names of files are matched, so that none takes long.
    """
    if text.isascii() and re.fullmatch(r"[\w.-]+", text):
        return text
    first, *others = text.removesuffix("$").replace(r"\d+", r"\d++").split(".*")
    between = "".join(f"(?>.*?{each})" for each in others[:-1])
    return re.compile(first + between + (f".*{others[-1]}$" if others else "$"))


def _first(patterns: Patterns, module: str, otherwise: float) -> float:
    return next((value for pattern, value in patterns if _fits(pattern, module)), otherwise)


def _fits(pattern: str | re.Pattern[str], module: str) -> bool:
    if isinstance(pattern, str):
        return module == pattern or module.endswith(f".{pattern}")
    starts = (0, *(dot.end() for dot in re.finditer(r"\.", module)))
    return len(module) <= LONGEST_NAME and any(pattern.match(module, start) for start in starts)


def _invalid(why: str) -> CheckpointProblem:
    return CheckpointProblem(f"{FILE}: {why}", code="config_invalid", hint="Mend the file or save the adapter again.")
