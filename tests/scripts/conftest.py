"""What the tests of the scripts share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts.house import House, build


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build(tmp_path)
