"""Models that are known and are nothing to talk to here, or not yet: what they are told by, and what one can do.

Works on the names and shapes of tensors and on what is declared; whatever is not known here is left to the layouts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.catalog.declared import Declared
from engine.catalog.info import Problem
from engine.errors import CheckpointProblem

CONVERT = "Talk to it with the library it was made with, or train a decoder of a known architecture."


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model that is not loaded: the names that tell it, why, and the remedy.

    One of `marks` is in every name that `pattern` finds; the pattern goes over names one a line.
    """

    name: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    why: str
    hint: str
    code: str = "not_a_chat_model"


KINDS: tuple[Kind, ...] = (
    Kind(
        "Mamba",
        ("mixer", "mamba"),
        re.compile(r"(^|\.)layers\.\d+\.(mixer|mamba)\.(A_log|dt_bias|x_proj\.weight)$", re.MULTILINE),
        "it is a Mamba model, whose state-space layers cannot be computed here yet",
        "Load it with transformers or mamba-ssm; decoders with attention alone are loaded here.",
        "unknown_architecture",
    ),
    Kind(
        "RWKV",
        ("blocks.",),
        re.compile(r"(^|\.)blocks\.\d+\.(att\.time_|attention\.time_|ffn\.time_|att\.x_r$)", re.MULTILINE),
        "it is an RWKV model, whose recurrent layers cannot be computed here yet",
        "Load it with the rwkv package; decoders with attention alone are loaded here.",
        "unknown_architecture",
    ),
    Kind(
        "T5",
        ("EncDecAttention", "encoder_attn"),
        re.compile(
            r"(^|\.)(decoder\.block\.\d+\.layer\.1\.EncDecAttention\.|decoder\.layers\.\d+\.encoder_attn\.)",
            re.MULTILINE,
        ),
        "it has an encoder and a decoder that looks at it, like T5 or BART; only decoders by themselves answer here",
        CONVERT,
    ),
    Kind(
        "BERT",
        ("encoder.layer.",),
        re.compile(r"(^|\.)encoder\.layer\.\d+\.attention\.self\.query\.weight$", re.MULTILINE),
        "it is an encoder like BERT, which reads texts and writes none",
        CONVERT,
    ),
    Kind(
        "T5 encoder",
        ("encoder.block.",),
        re.compile(r"(^|\.)encoder\.block\.\d+\.layer\.0\.SelfAttention\.", re.MULTILINE),
        "it is the encoder of a T5, which reads texts and writes none",
        CONVERT,
    ),
    Kind(
        "vision",
        ("vision_model", "visual_projection", "text_projection"),
        re.compile(r"(^|\.)(vision_model|visual_projection|text_projection)\..*weight$", re.MULTILINE),
        "it looks at pictures, like CLIP, and writes no text",
        CONVERT,
    ),
)
# The heads of models that judge a text: one number, or one for each class.
JUDGES = re.compile(
    r"(^|\.)(score|classifier|classification_head|reward_head|value_head|v_head|rm_head|regression_head)\b"
)
JUDGING = re.compile(r"score|classifi|_head|regression")
WRITES = re.compile(r"(^|\.)(lm_head|output|embed_out|out_head|output_layer)\.weight$")
ARCHITECTURES: Mapping[str, tuple[str, str]] = {
    "ForSequenceClassification": ("it is a reward model or a classifier: it judges texts and writes none", CONVERT),
    "ForTokenClassification": ("it labels the words of a text and writes none", CONVERT),
    "ForQuestionAnswering": ("it marks answers in a text and writes none", CONVERT),
    "ForMaskedLM": ("it is an encoder that fills gaps, like BERT, and writes no text", CONVERT),
}
ENCODERS = frozenset(
    {"bert", "roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "xlm-roberta", "modernbert"}
)
SEQUENCE_TO_SEQUENCE = frozenset({"t5", "mt5", "umt5", "bart", "mbart", "pegasus", "m2m_100", "marian", "whisper"})
RECURRENT = frozenset(
    {"mamba", "mamba2", "falcon_mamba", "rwkv", "jamba", "zamba", "zamba2", "bamba", "recurrent_gemma"}
)


def refuse(names: Iterable[str], declared: Declared | None = None) -> None:
    """Raise CheckpointProblem, `not_a_chat_model` or `unknown_architecture`, for weights of a kind that is known so."""
    tensors = list(names)
    config = declared.hugging_face() if declared is not None else None
    problem = problem_of_config(config or {}) or problem_of_tensors(tensors)
    if problem is not None:
        raise CheckpointProblem(problem.message, code=problem.code, hint=problem.hint)


def problem_of_tensors(names: Iterable[str]) -> Problem | None:
    """Why a model with these tensors does not answer here, or None when nothing speaks against it."""
    tensors = list(names)
    # One text with a name a line is looked through many times as fast as the names one by one.
    text = "\n".join(tensors)
    for kind in KINDS:
        if any(mark in text for mark in kind.marks) and kind.pattern.search(text):
            return Problem(kind.code, kind.why, kind.hint)
    judging = [name for name in tensors if JUDGES.search(name)] if JUDGING.search(text) else []
    if judging and not any(WRITES.search(name) for name in tensors):
        why = f"it is a reward model or a classifier: it ends in {judging[0][:80]}, which judges texts and writes none"
        return Problem("not_a_chat_model", why, "Load the policy that was trained with it, in a file of its own.")
    return None


def problem_of_config(config: Mapping[str, Any]) -> Problem | None:
    """Why a model with this config.json does not answer here, or None when nothing in it speaks against it."""
    listed = config.get("architectures")
    for name in listed if isinstance(listed, list) else []:
        found = next(
            (each for ending, each in ARCHITECTURES.items() if isinstance(name, str) and name.endswith(ending)), None
        )
        if found is not None:
            return Problem("not_a_chat_model", found[0], found[1])
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        return None
    if model_type in ENCODERS:
        return Problem("not_a_chat_model", f"{model_type} is an encoder, which reads texts and writes none", CONVERT)
    if model_type in SEQUENCE_TO_SEQUENCE:
        why = f"{model_type} has an encoder beside its decoder; only decoders by themselves answer here"
        return Problem("not_a_chat_model", why, CONVERT)
    if model_type in RECURRENT:
        why = f"{model_type} has recurrent layers, which cannot be computed here yet"
        return Problem("unknown_architecture", why, "Load it with transformers.")
    return None
