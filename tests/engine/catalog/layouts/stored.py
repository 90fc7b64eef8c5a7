"""Tensors that lie nowhere: only their names and shapes, for what looks at nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.catalog.declared import Declared
from engine.catalog.layouts.translation import Found
from engine.catalog.torch_pickle import Storage, StoredTensor


def stored(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, StoredTensor]:
    """Each in a storage of its own."""
    made = {}
    for key, (name, shape) in enumerate(shapes.items()):
        strides = tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))
        made[name] = StoredTensor(Storage(str(key), math.prod(shape), "F32"), "F32", 0, shape, strides)
    return made


def found(shapes: Mapping[str, tuple[int, ...]], beside: Mapping[str, Any] | None = None, **settings: Any) -> Found:
    """What a layout is given, with settings that were declared."""
    return Found(stored(shapes), Declared([("the settings", settings)]), beside or {})
