"""What is known of a config.json covers all that the reference writes, and nothing else passes for known."""

from __future__ import annotations

import pytest

from engine.models.known_keys import unknown_keys
from tests.engine.models.cases import CASES
from tests.engine.models.references import Case, config_of


@pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_every_key_that_the_reference_writes_is_known(case: Case) -> None:
    assert unknown_keys(config_of(case)) == []


def test_a_key_of_somebodys_own_is_shown_unless_it_is_empty() -> None:
    assert unknown_keys({"hidden_size": 1, "swirl": 2, "whirl": None}) == ["swirl"]
