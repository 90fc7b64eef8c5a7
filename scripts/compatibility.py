"""Talks to a real server with the clients that people have, and writes down in docs/compatibility.md how that went.

Make a virtual environment, install scripts/compatibility-requirements.txt into it, and run this file with its Python.
The server runs with --server-python, over a tiny model of random weights that is made on the spot.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 120
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "TOKENIZERS_PARALLELISM": "false",
}
HEAD = """# Compatibility

Which programs were tried against a running server, and how that went. `scripts/compatibility.py` writes this page: it
makes a tiny model of random weights, starts the server and does with each client what stands here. A random model says
nothing sensible, so what is checked is form: that whole and streamed answers agree, that JSON keeps to its schema, that
functions are called with arguments that fit, that log-probabilities are those of a reference.

| client | version | what was tried | result |
|---|---|---|---|
"""
TAIL = """
All of them are pointed at `http://127.0.0.1:5001/v1` (Ollama's and Anthropic's at `http://127.0.0.1:5001`) with any key
and a checkpoint's id as the model. Ollama's own `/api/generate` is not there: that address is Parley's.
"""


@dataclass(frozen=True)
class Result:
    """One thing that was tried."""

    client: str
    tried: str
    problem: str | None


def main() -> int:
    """Try everything; 0 when all went well."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument(
        "--server-python", default=str(ROOT / ".venv/bin/python"), help="the Python that has Parley's needs"
    )
    flags.add_argument("--port", type=int, default=0, help="where the server listens; 0 finds a free port")
    flags.add_argument("--only", help="only this client; nothing is written then")
    asked = flags.parse_args()
    os.environ.update(OFFLINE)
    sys.path.insert(0, str(ROOT))
    from scripts.clients import TRIALS
    from scripts.clients.tiny_model import MODEL, write_model
    from scripts.clients.trial import Place

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_model(folder / "checkpoints" / MODEL)
        with server(asked.server_python, folder, asked.port) as address:
            place = Place(address, MODEL, folder / "checkpoints" / MODEL, folder)
            chosen = [each for each in TRIALS if asked.only in (None, each.client)]
            results = [Result(each.client, each.tried, attempt(each.run, place)) for each in chosen]
    if asked.only is None:
        (ROOT / "docs/compatibility.md").write_text(HEAD + "".join(map(row, results)) + TAIL, encoding="utf-8")
    return int(any(result.problem for result in results))


def attempt(run: object, place: object) -> str | None:
    """What went wrong, or None."""
    try:
        run(place)
    except Exception as error:  # Whatever a client raises is the result.
        traceback.print_exc()
        return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
    print(f"{run.__module__.rpartition('.')[2]}: {run.__doc__} works", flush=True)
    return None


def row(result: Result) -> str:
    """A line of the table."""
    outcome = "works" if result.problem is None else f"fails: {result.problem.replace('|', ' ')}"
    version = importlib.metadata.version(result.client)
    return f"| {result.client} | {version} | {result.tried} | {outcome} |\n"


@contextmanager
def server(python: str, folder: Path, port: int) -> Iterator[str]:
    """A server over the folder's checkpoints, ended afterwards."""
    port = port or free_port()
    options = ["--checkpoints", folder / "checkpoints", "--port", port, "--precision", "float32"]
    options += ["--log-directory", folder / "logs", "--data-directory", folder / "data"]
    process = subprocess.Popen([python, "-m", "chat", *map(str, options)], cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/health", process)
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers. Raises RuntimeError when it ends before, TimeoutError when it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer in {PATIENCE_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
