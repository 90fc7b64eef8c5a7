"""A server in a process of its own, for as long as a test needs it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 30.0


@contextmanager
def serving(module: str, folder: Path, *arguments: str) -> Iterator[str]:
    """Run `python -m module` on a port that is free, with its logs and data in the folder; gives the address."""
    log = folder / "log"
    places = ["--log-directory", str(folder / "logs"), "--data-directory", str(folder / "data")]
    command = [sys.executable, "-m", module, "--port", "0", *places, *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text("utf-8"))
        if found:
            return found[0]
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text('utf-8')}")
