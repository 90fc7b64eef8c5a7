"""What visitors of a soak count, and what they complain of."""

from __future__ import annotations

import io
from email.message import Message
from urllib.error import HTTPError

from bench.visitors import Counts


def refusal(status: int, body: str) -> HTTPError:
    return HTTPError("http://127.0.0.1/", status, "", Message(), io.BytesIO(body.encode()))


def test_an_error_that_others_cause_is_counted_and_not_complained_of() -> None:
    counts = Counts()
    counts.refused(refusal(409, '{"error": {"code": "model_unloaded", "message": "gone"}}'), "answer")
    assert counts.happened == {"told model_unloaded": 1}
    assert counts.wrong == []


def test_an_error_that_nobody_intended_is_complained_of() -> None:
    counts = Counts()
    counts.refused(refusal(500, '{"error": {"code": "internal_error", "message": "broken"}}'), "answer")
    assert counts.happened == {"told internal_error": 1}
    assert len(counts.wrong) == 1
    assert "broken" in counts.wrong[0]


def test_an_answer_that_is_no_error_of_ours_is_complained_of() -> None:
    counts = Counts()
    counts.refused(refusal(502, "<html>bad gateway</html>"), "answer")
    assert len(counts.wrong) == 1
    assert "502" in counts.wrong[0]
