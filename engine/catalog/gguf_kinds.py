"""GGUF files that are no language model by themselves: what each is, and what one can do."""

from __future__ import annotations

from engine.catalog.gguf_header import Header
from engine.errors import CheckpointProblem

EMBEDDINGS = frozenset(
    {
        "bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert",
        "gemma-embedding", "llama-embed", "t5encoder",
    }
)  # fmt: skip
ADAPTER = (
    "an adapter (LoRA) in GGUF",
    "Take the adapter as PEFT saved it and put it beside its base, or merge it into the model with llama-export-lora.",
)
PICTURES = (
    "what turns images into embeddings for a language model",
    "Load the language model that it belongs to; images are not read here.",
)
READS = ("a model that makes embeddings of texts", "Load a model that writes: this one only reads.")
WORDS = ("a vocabulary without weights", "Load a file that has weights as well.")


def refuse_other_kinds(header: Header) -> None:
    """Raise CheckpointProblem, `not_a_model` or `not_a_chat_model`, for a file that nobody can talk to."""
    kind, arch = header.text("general.type") or "model", header.text("general.architecture") or ""
    if kind == "adapter":
        raise _refused(header, *ADAPTER)
    if kind == "mmproj" or arch == "clip":
        raise _refused(header, *PICTURES)
    if kind != "model":
        raise _refused(header, f"of the kind {kind[:40]!r}", "Load the model that it belongs to.")
    if arch in EMBEDDINGS or header.whole(header.own("pooling_type")):
        raise _refused(header, *READS, code="not_a_chat_model")
    if not header.tensors:
        raise _refused(header, *WORDS)


def _refused(header: Header, what: str, hint: str, code: str = "not_a_model") -> CheckpointProblem:
    return CheckpointProblem(
        f"{header.path.name} is not a language model by itself: it is {what}", code=code, hint=hint
    )
