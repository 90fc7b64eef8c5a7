"""The package costs nothing until there is a text, and may be used by several threads."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from chat.markdown import RENDERER_VERSION, render
from tests.chat.markdown.texts import WHOLE

HEAVY = ("markdown_it", "mdit_py_plugins", "pygments", "nh3", "latex2mathml")


def loaded_by(code: str) -> list[str]:
    report = f"import json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_importing_it_imports_no_library() -> None:
    assert loaded_by("import chat.markdown") == []


def test_only_formulas_and_code_cost_their_libraries() -> None:
    assert loaded_by("import chat.markdown; chat.markdown.render('a *b*')") == ["markdown_it", "mdit_py_plugins", "nh3"]


def test_threads_that_begin_together_get_the_same() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(render, [WHOLE] * 16))) == 1


def test_the_version_is_a_number_to_compare() -> None:
    assert RENDERER_VERSION >= 1
