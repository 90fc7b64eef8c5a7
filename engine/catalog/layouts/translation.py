"""What a layout is given and what it makes of it. Plain values; the checks that all layouts share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.catalog.declared import Declared
from engine.catalog.info import ChatTemplate, TensorRecord
from engine.catalog.slices import rows_of
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem


@dataclass(frozen=True, slots=True)
class Found:
    """A file's tensors, what is declared about the model, and what else lies in the file."""

    tensors: Mapping[str, StoredTensor]
    declared: Declared
    beside: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, name: str) -> int:
        """The first dimension of a tensor. Raises CheckpointProblem when it is not there."""
        return self._shape(name)[0]

    def columns(self, name: str) -> int:
        """The second dimension of a matrix. Raises CheckpointProblem when it is not there."""
        return self._shape(name)[1]

    def is_tied(self, output: str, embeddings: str) -> bool:
        """Whether the output has no numbers of its own."""
        return output not in self.tensors or self.tensors[output] == self.tensors[embeddings]

    def _shape(self, name: str) -> tuple[int, ...]:
        tensor = self.tensors.get(name)
        if tensor is None or len(tensor.shape) != 2:
            raise CheckpointProblem(
                f"the matrix {name} that belongs to this layout is not there",
                code="tensors_do_not_fit",
                hint="The file holds a variant that is not known here, or only a part of a model.",
            )
        return tensor.shape


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a stored tensor."""

    name: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Translation:
    """A model in Hugging Face's words.

    `names` maps the tensors' names, `pairs` counts the heads of those whose rows lie pair by pair, by the file's names
    or by those they get. `joins` has tensors to be put together from several or from rows of them, one below the other,
    and `zeros` those that the layout leaves out because they are nothing. `left_out` says of what is not loaded
    why that is right. `missing` names the settings that nothing tells; `evidence` has a sentence for what was inferred.
    `candidates` are other translations, by name, among which only a measurement can choose; this one is then the first
    of them. `template` is how the tool's own scripts put a conversation.
    """

    layout: str
    config: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]
    names: Mapping[str, str]
    pairs: Mapping[str, int] = field(default_factory=dict)
    joins: Mapping[str, tuple[str | Rows, ...]] = field(default_factory=dict)
    zeros: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    candidates: Mapping[str, Translation] = field(default_factory=dict)
    template: ChatTemplate | None = None

    def records(self, stored: Mapping[str, TensorRecord]) -> tuple[TensorRecord, ...]:
        """The records under their Hugging Face names, from those under the names of the file.

        Raises CheckpointProblem when a part of a tensor is missing or does not fit the others, and when a tensor would
        be left over without a reason.
        """
        self._check_all_are_used(stored)
        renamed = [
            replace(stored[name], name=own, interleaved_heads=self.pairs.get(name)) for name, own in self.names.items()
        ]
        joined = [
            replace(_joined(own, parts, stored), interleaved_heads=self.pairs.get(own))
            for own, parts in self.joins.items()
        ]
        file = next(iter(stored.values())).file
        return (*renamed, *joined, *(TensorRecord(own, shape, "F32", file, 0, 0) for own, shape in self.zeros.items()))

    def _check_all_are_used(self, stored: Mapping[str, TensorRecord]) -> None:
        parts = {_source(part) for parts in self.joins.values() for part in parts}
        unused = sorted(stored.keys() - self.names.keys() - parts - self.left_out.keys())
        if unused:
            raise CheckpointProblem(
                f"{len(unused)} tensors have no place in {self.config.get('model_type')}, such as {unused[0][:80]}",
                code="unknown_architecture",
                hint="They would be left out in silence, so the checkpoint is refused.",
            )


def _source(part: str | Rows) -> str:
    return part.name if isinstance(part, Rows) else part


def _joined(name: str, parts: tuple[str | Rows, ...], stored: Mapping[str, TensorRecord]) -> TensorRecord:
    found = [_part(part, stored) for part in parts]
    whole = [part for part in found if part is not None and part.shape]
    if not whole or len(whole) < len(found) or len({part.shape[1:] for part in whole}) > 1:
        raise CheckpointProblem(f"the parts of {name} do not fit together", code="tensors_do_not_fit")
    if len(whole) == 1:
        return replace(whole[0], name=name)
    rows = sum(part.shape[0] for part in whole)
    first, nbytes = whole[0], sum(part.nbytes for part in whole)
    return replace(
        first, name=name, shape=(rows, *first.shape[1:]), nbytes=nbytes, strides=None, parts=tuple(whole), axis=0
    )


def _part(part: str | Rows, stored: Mapping[str, TensorRecord]) -> TensorRecord | None:
    record = stored.get(_source(part))
    return record if record is None or isinstance(part, str) else rows_of(record, part.first, part.count)


def layers(tensors: Mapping[str, StoredTensor], pattern: str) -> int:
    """How many layers the names count, `pattern` having one group for the number. Raises CheckpointProblem for gaps."""
    counted = {int(match[1]) for name in tensors if (match := re.match(pattern, name))}
    if counted != set(range(len(counted))):
        raise CheckpointProblem(
            f"of {max(counted) + 1} layers only {len(counted)} are in the file",
            code="tensors_do_not_fit",
            hint="It may be one of several shards: save the model in one piece.",
        )
    return len(counted)


def inferred(evidence: dict[str, str], name: str, value: Any, why: str) -> Any:
    """The value, after noting why it is believed."""
    evidence[name] = f"inferred: {why}"
    return value
