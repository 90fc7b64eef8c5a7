"""`python -m tests.serve_double --port 5101`: the real server over the scripted engine, for work on the page.

A message that begins with /fail, /late, /slow, /long, /markdown or a key of `page_texts` gets an answer of that kind.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from chat.server import serve
from chat.settings import SettingsError, read_settings
from engine import InvalidRequest, WorkerFailed
from tests.doubles import ANSWER, Script, ScriptedEngine
from tests.page_texts import GROWING_CODE, TEXTS

LINGERS_SECONDS = 120.0
MARKDOWN = """# A heading

Some **bold** words, a [link](https://example.org) and `code`:

```python
def greedy(logits):
    return logits.argmax(-1)
```

| step | loss |
|-----:|-----:|
| 1000 | 3.57 |
| 2000 | 3.21 |

- one
- two
"""


def scripts(token_seconds: float) -> dict[str, Script]:
    """What the first word of a message asks for."""
    too_long = InvalidRequest("the prompt has 5000 tokens and the context 2048", code="context_length_exceeded")
    died = WorkerFailed("the process that computes ended while it worked on this")
    return {
        "/fail": Script(error=too_long),
        "/late": Script(token_seconds=token_seconds, error=died, tokens_before_error=5),
        "/slow": Script(token_seconds=0.5, prefill_seconds=3.0),
        "/long": Script(answer=" ".join([ANSWER] * 40), token_seconds=token_seconds, lingers_seconds=LINGERS_SECONDS),
        "/markdown": Script(answer=MARKDOWN, token_seconds=token_seconds),
        "/growing": Script(answer=GROWING_CODE, token_seconds=0.1, lingers_seconds=LINGERS_SECONDS),
        **{name: Script(answer=text, token_seconds=token_seconds / 10) for name, text in TEXTS.items()},
    }


def main() -> int:
    """Serve; every flag of the real server works, and two more set the pace of the double."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--token-seconds", type=float, default=0.03)
    parser.add_argument("--load-seconds", type=float, default=1.0)
    pace, rest = parser.parse_known_args()
    try:
        settings = read_settings(rest, os.environ, Path("parley.toml"))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    script = Script(token_seconds=pace.token_seconds)
    return serve(settings, ScriptedEngine(script, scripts=scripts(pace.token_seconds), load_seconds=pace.load_seconds))


if __name__ == "__main__":
    sys.exit(main())
