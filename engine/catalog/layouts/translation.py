"""What a layout is given and what it makes of it. Plain values; the checks that all layouts share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.catalog.declared import Declared
from engine.catalog.info import TensorRecord
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
class Translation:
    """A model in Hugging Face's words.

    `names` maps the tensors' names, `pairs` counts the heads of those whose rows lie pair by pair. `joins` has tensors
    to be put together from several, one below the other, and `zeros` those that the layout leaves out because they are
    nothing. `missing` names the settings that nothing tells; `evidence` has a sentence for what was inferred.
    """

    layout: str
    config: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]
    names: Mapping[str, str]
    pairs: Mapping[str, int] = field(default_factory=dict)
    joins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    zeros: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)

    def records(self, stored: Mapping[str, TensorRecord]) -> tuple[TensorRecord, ...]:
        """The records under their Hugging Face names, from those under the names of the file.

        Raises CheckpointProblem when a part of a tensor is missing or does not fit the others.
        """
        renamed = [
            replace(stored[name], name=own, interleaved_heads=self.pairs.get(name)) for name, own in self.names.items()
        ]
        joined = [_joined(own, [stored.get(name) for name in names]) for own, names in self.joins.items()]
        file = next(iter(stored.values())).file
        return (*renamed, *joined, *(TensorRecord(own, shape, "F32", file, 0, 0) for own, shape in self.zeros.items()))


def _joined(name: str, parts: list[TensorRecord | None]) -> TensorRecord:
    whole = [part for part in parts if part is not None and part.shape]
    if len(whole) < len(parts) or len({part.shape[1:] for part in whole}) > 1:
        raise CheckpointProblem(f"the parts of {name} do not fit together", code="tensors_do_not_fit")
    rows = sum(part.shape[0] for part in whole)
    first, nbytes = whole[0], sum(part.nbytes for part in whole)
    return replace(first, name=name, shape=(rows, *first.shape[1:]), nbytes=nbytes, strides=None, parts=tuple(whole))


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
