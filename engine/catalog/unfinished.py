"""Checkpoints that a trainer is still writing: told from broken ones by their age, not offered until they are whole.

A writer that has died leaves what it wrote; after a while without a change that is called broken, not unfinished.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import PurePosixPath

from engine.catalog.info import CheckpointInfo, Problem

# Writing one tensor after the other leaves no pause as long as this, not even over a network.
SECONDS_OF_PATIENCE = 20.0
CODE = "being_written"
# What a file that is not whole yet is taken for.
SIGNS = frozenset({"file_truncated", "shard_missing", "tokenizer_not_found", "config_invalid", "not_a_model"})
PROVISIONAL = re.compile(r"(tmp[-_].*|.*[-_.]tmp|.*\.(incomplete|partial|part|temp|crdownload))", re.IGNORECASE)


def judged(info: CheckpointInfo) -> CheckpointInfo:
    """The description, with `being_written` for what is not whole and has just changed."""
    looks_unfinished = info.problem is not None and info.problem.code in SIGNS
    has_such_a_name = any(PROVISIONAL.fullmatch(part) for part in PurePosixPath(info.id).parts)
    if not (looks_unfinished or has_such_a_name):
        return info
    if _age(info) < SECONDS_OF_PATIENCE:
        seen = f" ({info.problem.message})" if info.problem is not None else ""
        return replace(
            info, problem=Problem(CODE, f"it is still being written{seen}", "It appears here once it is whole.")
        )
    if has_such_a_name and info.problem is None:
        why = "its name says that writing it was never finished"
        return replace(info, problem=Problem("left_unfinished", why, "If it is whole, rename it; otherwise delete it."))
    return info


def is_due(info: CheckpointInfo | None) -> bool:
    """Whether a checkpoint that was being written has not changed for so long that it has to be judged again."""
    return (
        info is not None
        and info.problem is not None
        and info.problem.code == CODE
        and _age(info) >= SECONDS_OF_PATIENCE
    )


def _age(info: CheckpointInfo) -> float:
    return abs(time.time() - info.modified_at)
