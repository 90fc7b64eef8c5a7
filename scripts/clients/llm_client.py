"""`llm`, the command line tool, with the server as one of its models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from scripts.clients.trial import Place, check, trials


def command(place: Place) -> None:
    """`llm -m parley`, streamed and not"""
    home = place.scratch / "llm"
    home.mkdir(exist_ok=True)
    # JSON is YAML, too.
    models = [{"model_id": "parley", "model_name": place.model, "api_base": place.v1, "api_key_name": "parley"}]
    (home / "extra-openai-models.yaml").write_text(json.dumps(models))
    tool = [Path(sys.executable).parent / "llm", "-m", "parley", "--key", "any", "-o", "temperature", "0"]
    tool += ["-o", "max_tokens", "20", "Hello"]
    said = [
        subprocess.run([*map(str, tool), *more], env={**os.environ, "LLM_USER_PATH": str(home)}, capture_output=True)
        for more in ([], ["--no-stream"])
    ]
    check(all(each.returncode == 0 for each in said), said[0].stderr.decode()[-500:])
    check(said[0].stdout == said[1].stdout != b"", "the stream says something else")


TRIALS = trials("llm", command)
