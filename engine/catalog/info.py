"""What the catalog knows of a checkpoint, from headers only. Plain frozen values; no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.catalog.sidecar import Sidecar

GROUPS: tuple[str, ...] = ("Pretrained", "SFT", "RL", "Adapter", "Other")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a checkpoint cannot be loaded, and what would cure it."""

    code: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss that was found beside the weights; `kind` says which: train, validation, bits per byte, reward."""

    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """One checkpoint as the list shows it. What is None was not found; `evidence` tells where the rest was read.

    `parameters` counts numbers, `float32_parameters` those of them that int8 leaves as they are, `size_bytes` the
    files, `weights_bytes` what loading will read, `kv_bytes_per_token` the cache of one token in float32. `said` is
    what the owner's parley.toml says, if anything.
    """

    id: str
    path: Path
    name: str
    format: str
    group: str = "Other"
    run: str | None = None
    family: str | None = None
    architecture: str | None = None
    parameters: int | None = None
    float32_parameters: int = 0
    dtype: str | None = None
    size_bytes: int = 0
    weights_bytes: int = 0
    context_length: int | None = None
    vocab_size: int | None = None
    kv_bytes_per_token: int | None = None
    step: int | None = None
    epoch: float | None = None
    loss: Loss | None = None
    stage: str | None = None
    parent: str | None = None
    modified_at: float = 0.0
    tokenizer: Mapping[str, str] | None = None
    chat_template: Mapping[str, str] | None = None
    sampling_defaults: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None
    said: Sidecar | None = None

    @classmethod
    def of_file(cls, path: Path, checkpoint_id: str, form: str) -> CheckpointInfo:
        """What is known of a checkpoint that is one file before a byte of it is read. Raises OSError."""
        stat = path.stat()
        return cls(
            id=checkpoint_id,
            path=path,
            name=path.stem,
            format=form,
            size_bytes=stat.st_size,
            modified_at=stat.st_mtime,
            files=(path.name,),
        )

    @classmethod
    def of_folder(cls, path: Path, checkpoint_id: str, form: str) -> CheckpointInfo:
        """The same of a checkpoint that is a folder, with all files that lie in it. Raises OSError."""
        with os.scandir(path) as found:
            stats = {entry.name: entry.stat() for entry in found if entry.is_file()}
        return cls(
            id=checkpoint_id,
            path=path,
            name=path.name,
            format=form,
            size_bytes=sum(stat.st_size for stat in stats.values()),
            modified_at=max((stat.st_mtime for stat in stats.values()), default=path.stat().st_mtime),
            files=tuple(sorted(stats)),
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something under the root that looked like a checkpoint and could not even be described."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One scan: the checkpoints in the order they are shown, and how the scan went. `at` is Unix time."""

    checkpoints: tuple[CheckpointInfo, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    at: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """Where one tensor lies. `name` and `shape` are as the family's module has them, whatever the file calls it.

    `encoding` is the file's own name for the number format: F32, BF16, Q4_K, … `offset` counts from the start of
    `file`. `interleaved_heads` is set where the rows of a q or k projection are stored pair by pair for that many
    heads and must be put back half by half. `strides` counts numbers and is set where they do not lie in the order of
    the shape; `nbytes` then reaches from the first to the last of them. `parts` are those of a tensor that the file
    keeps in pieces, joined along `axis`: 0 is one below the other, 1 side by side. A record of no bytes stands for
    zeros that the file leaves out. `added` was added to all numbers before they were written. `adapter` is what is
    added to the tensor once it is read. `packed` says how it is made from others, which lie where those say.
    """

    name: str
    shape: tuple[int, ...]
    encoding: str
    file: Path
    offset: int
    nbytes: int
    interleaved_heads: int | None = None
    strides: tuple[int, ...] | None = None
    parts: tuple[TensorRecord, ...] = ()
    axis: int = 0
    added: float = 0.0
    adapter: LowRank | None = None
    packed: Packed | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the tensor is made from."""
        adapter = self.adapter
        others = () if adapter is None else (adapter.down, adapter.up, adapter.magnitude)
        packed = () if self.packed is None else self.packed.sources.values()
        inner = (*self.parts, *packed, *(other for other in others if other is not None))
        return tuple(dict.fromkeys((self.file, *(file for each in inner for file in each.files))))


@dataclass(frozen=True, slots=True)
class Packed:
    """How a quantised matrix is unpacked: `scheme` names the arithmetic in `engine.weights.unpack`.

    `sources` are the tensors that it is made from by their part in it, as "scales"; `numbers` what else has to be
    known, as how many bits a weight has.
    """

    scheme: str
    sources: Mapping[str, TensorRecord]
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LowRank:
    """What an adapter adds to a matrix (out, in): `scale` times `up` (out, r) times `down` (r, in).

    `is_turned` where the matrix lies as (in, out), as embeddings do. With a `magnitude` (DoRA, arXiv:2402.09353) each
    row of the sum is brought to that length.
    """

    down: TensorRecord
    up: TensorRecord
    scale: float
    is_turned: bool = False
    magnitude: TensorRecord | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer's parts as a GGUF file or sentencepiece keeps them; `engine.text` builds a tokenizer from it.

    `model` is "gpt2" (byte-level BPE), "llama" (BPE by score), "unigram" or "ranks" (byte-level BPE whose merges follow
    from the order of the tokens); `kinds` holds GGUF token types (1 normal, 2 unknown, 3 control, 4 user-defined,
    5 unused, 6 byte). `pattern` says how a text is cut into words where `pre` does not name it. Of a text's characters
    some become others by `character_map`, as sentencepiece compiles it; spaces in a row one, if it `removes_spaces`.
    """

    model: str
    pre: str
    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    add_space_prefix: bool = True
    pattern: str = ""
    character_map: bytes = b""
    removes_spaces: bool = False


@dataclass(frozen=True, slots=True)
class TokenizerSpec:
    """Which tokenizer a checkpoint uses: a `vocabulary` to build from, a tokenizer.json as `json`, or such a `file`.

    `special_tokens` maps a template's variable to its text, for instance bos_token to "<s>".
    """

    source: str
    file: Path | None = None
    json: str | None = None
    vocabulary: Vocabulary | None = None
    special_tokens: Mapping[str, str] = field(default_factory=dict)
    bos_id: int | None = None
    stop_ids: tuple[int, ...] = ()
    add_bos: bool | None = None


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A Jinja chat template and where it was found; `tool_use` is the one for talks with tools, if it is another."""

    text: str
    source: str
    tool_use: str | None = None
