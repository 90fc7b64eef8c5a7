"""A copy of the door in a folder of its own, with a Python that only pretends: what the tests of run.sh knock at."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = ("awk", "basename", "bash", "cat", "cp", "df", "dirname", "env", "find", "flock", "grep", "id", "mkdir")
MORE_TOOLS = ("mktemp", "readlink", "rm", "sed", "sha256sum", "sleep", "tail")

# Writes down how it was called. `-m venv` copies it into the new .venv; pip says and does what FAKE_PIP_* tell.
FAKE_PYTHON = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
"-c "*) echo "${FAKE_VERSION:-3.12}" ;;
"-m venv "*)
    if [[ -n ${FAKE_VENV_SAYS:-} ]]; then echo "$FAKE_VENV_SAYS" && exit 1; fi
    mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python" ;;
"-m pip --version") [[ -z ${FAKE_PIP_IS_MISSING:-} ]] ;;
"-m pip install "*)
    sleep "${FAKE_PIP_SECONDS:-0}"
    if [[ -n ${FAKE_PIP_SAYS:-} ]]; then echo "$FAKE_PIP_SAYS" && exit 1; fi ;;
*starter.py) exit "${FAKE_STARTER_STATUS:-0}" ;;
"-m pytest -n "*) exit "${FAKE_TESTS_STATUS:-0}" ;;
*)
    printf 'process %s in %s: %s\\n' "$$" "$PWD" "$*"
    if [[ -n ${FAKE_RUN_SECONDS:-} ]]; then exec sleep "$FAKE_RUN_SECONDS"; fi ;;
esac
"""


@dataclass
class House:
    """The folder, the programs that are on the PATH there, and every call of the pretended Python."""

    folder: Path
    programs: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "house"

    @property
    def door(self) -> Path:
        return self.root / "scripts" / "run.sh"

    def calls(self, part: str = "") -> list[str]:
        """The pretended Python's arguments, call by call, where they hold `part`."""
        written = self.folder / "calls"
        return [line for line in written.read_text().splitlines() if part in line] if written.exists() else []

    def wait_for_call(self, part: str) -> None:
        """Until the pretended Python has been called with `part`; at most ten seconds."""
        deadline = time.monotonic() + 10
        while not self.calls(part) and time.monotonic() < deadline:
            time.sleep(0.02)

    def start(self, *arguments: str, door: Path | None = None, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Knock and do not wait; Ctrl-C reaches it even where this process was started without."""
        return subprocess.Popen(
            [str(door or self.door), *arguments],
            cwd=cwd or self.root,
            env={"PATH": str(self.programs), "CALLS": str(self.folder / "calls"), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *arguments: str, **where: Path) -> tuple[int, str, str]:
        """Knock and wait: exit code, stdout, stderr."""
        process = self.start(*arguments, **where)
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err


def build(folder: Path, *, pythons: tuple[str, ...] = ("python3.12",), without: tuple[str, ...] = ()) -> House:
    """A house below `folder` where these Pythons exist and these tools do not."""
    root, programs = folder / "house", folder / "programs"
    for made in (root / "scripts", root / "checkpoints", programs):
        made.mkdir(parents=True)
    for script in ("run.sh", "prepare.sh"):
        shutil.copy(REPOSITORY / "scripts" / script, root / "scripts" / script)
    (root / "requirements.txt").write_text("flask==3\n")
    (root / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9\n")
    for tool in {*TOOLS, *MORE_TOOLS} - set(without):
        if found := shutil.which(tool, path=os.defpath):
            (programs / tool).symlink_to(found)
    for name in pythons:
        (programs / name).write_text(FAKE_PYTHON)
        (programs / name).chmod(0o755)
    return House(folder, programs)
