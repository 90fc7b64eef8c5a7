"""`python -m bench.page`, or `./scripts/run.sh bench page`: what answers cost the server and the page."""

from __future__ import annotations

import sys

from bench.page import blocks, transcript

if __name__ == "__main__":
    blocks.main()
    print()
    sys.stdout.flush()
    transcript.main()
