"""Whatever is asked of any address, the answer is one that its description has, and never a failure of the server."""

from __future__ import annotations

import math
from pathlib import Path

from tests.faults.addresses import ask_everything


def test_no_request_makes_the_server_fail_or_answer_what_is_not_described(tmp_path: Path) -> None:
    outcome = ask_everything(tmp_path, examples=4, seconds=math.inf)
    assert outcome.finds == {}
    assert outcome.statuses[200] > 30
    assert outcome.statuses[400] > 30
