"""What lies in deploy/ and SECURITY.md names things that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chat.setting_sources import variable_of
from chat.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
VARIABLES = {variable_of(setting) for setting in Settings.__dataclass_fields__.values()}
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("name", ["parley.service", "Dockerfile"])
def test_every_variable_is_a_setting(name: str):
    named = set(re.findall(r"\bPARLEY_[A-Z_]+\b", (ROOT / "deploy" / name).read_text("utf-8")))
    assert named
    assert named <= VARIABLES


def test_neither_runs_as_root():
    assert re.search(r"^User=parley$", (ROOT / "deploy/parley.service").read_text("utf-8"), re.MULTILINE)
    lines = (ROOT / "deploy/Dockerfile").read_text("utf-8").splitlines()
    assert lines.index("USER parley") < next(n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT"))


def test_the_image_holds_what_the_server_needs_and_no_data():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line.startswith("!")}
    copied = re.findall(r"^COPY (\S+) ", (ROOT / "deploy/Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert set(copied) == allowed
    assert all((ROOT / place).exists() for place in copied)


def test_every_test_that_the_promises_name_is_there():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "SECURITY.md").read_text("utf-8")))
    assert len(named) > 20
    assert named - TESTS == set()
