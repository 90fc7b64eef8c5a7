"""`python -m bench [WHAT …]`: Parley against its peers and against a stopwatch. Prints tables; people judge.

The figures of one run on a shared machine move by a factor of two; their ratios hold. Each measurement is a process of
its own with a time limit; what it found is saved as it goes, so that a lost one loses nothing but itself.
"""

from __future__ import annotations

import subprocess
import sys
import time

from bench.children import OVER_TIME, ROOT, end_in_order, run_within
from bench.menu import OWN_OPTIONS, ROWS, Options, read_options
from bench.report import say


def main() -> int:
    """Measure what is asked for, one row after the other; 1 where one of them did not come to its end."""
    end_in_order()
    wanted, options = read_options(sys.argv[1:], __doc__.splitlines()[0])
    return max(_measure(name, options) for name in wanted)


def _measure(name: str, options: Options) -> int:
    limit, started = ROWS[name].limit_seconds, time.monotonic()
    say(f"{name}: {ROWS[name].told}; at most {limit:.0f} s")
    code = run_within([sys.executable, "-m", "bench.row", name, *options.as_arguments()], limit)
    passed = time.monotonic() - started
    if code == 0:
        say(f"{name}: done in {passed:.0f} s, saved as {options.results / name}.json and .md")
        return 0
    ending = f"was given up after {limit:.0f} s" if code == OVER_TIME else f"ended with exit code {code}"
    say(f"{name}: {ending}; what it had found till then, if anything, is in {options.results / name}.md")
    return 1


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in OWN_OPTIONS:
        sys.exit(subprocess.call([sys.executable, "-m", OWN_OPTIONS[sys.argv[1]], *sys.argv[2:]], cwd=ROOT))
    sys.exit(main())
