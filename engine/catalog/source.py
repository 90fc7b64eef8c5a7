"""What a tool that trains left on disk, brought to one form, whether it is one file, several or a folder of pieces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.catalog.declared import Declared
from engine.catalog.info import TensorRecord
from engine.catalog.state_dict import Weights
from engine.catalog.torch_pickle import Storage, StoredTensor

Records = Callable[[Mapping[str, StoredTensor]], tuple[TensorRecord, ...]]


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Source:
    """Weights under their tool's own names, where each lies, and what is declared about the model.

    Tokenizers and settings are looked for beside `near`, a file. `plain` gives a value of `beside` without torch's
    wrapping. `evidence` has sentences for what the format itself knows.
    """

    near: Path
    weights: Weights
    declared: Declared
    records: Records
    plain: Callable[[Any], Any] = _as_it_is
    evidence: Mapping[str, str] = field(default_factory=dict)


def views(records: Mapping[str, TensorRecord]) -> dict[str, StoredTensor]:
    """Records found without a pickle, as the layouts look at tensors; what lies at one place is one storage."""
    return {name: _view(record) for name, record in records.items()}


def placed(records: Mapping[str, TensorRecord]) -> Records:
    """Where the tensors of `views` lie, whatever they are called by now."""
    by_key = {_key(record): record for record in records.values()}

    def found(tensors: Mapping[str, StoredTensor]) -> tuple[TensorRecord, ...]:
        return tuple(replace(by_key[tensor.storage.key], name=name) for name, tensor in tensors.items())

    return found


def _view(record: TensorRecord) -> StoredTensor:
    strides = tuple(math.prod(record.shape[place + 1 :]) for place in range(len(record.shape)))
    storage = Storage(_key(record), math.prod(record.shape), record.encoding)
    return StoredTensor(storage, record.encoding, 0, record.shape, strides)


def _key(record: TensorRecord) -> str:
    first = record.parts[0] if record.parts else record
    return f"{first.file}:{first.offset}:{record.shape}"
