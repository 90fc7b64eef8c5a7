"""Errors keep all their parts on the way from a worker's process."""

from __future__ import annotations

import pickle

from engine.errors import CheckpointProblem, InvalidRequest


def test_an_error_travels_whole() -> None:
    sent = CheckpointProblem("the shard is missing", code="shard_missing", param="model", hint="copy it")
    received = pickle.loads(pickle.dumps(sent))
    assert type(received) is CheckpointProblem
    assert (received.message, received.code, received.param, received.hint) == (
        "the shard is missing",
        "shard_missing",
        "model",
        "copy it",
    )


def test_each_kind_has_a_code_of_its_own() -> None:
    assert InvalidRequest("no").code == "out_of_range"
    assert str(InvalidRequest("no")) == "no"
