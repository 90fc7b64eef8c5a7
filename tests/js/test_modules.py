"""Runs the page's pure modules under node's own test runner, and holds what they say against the engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from engine import SamplingParams

HERE = Path(__file__).parent
MODULES = HERE.parent.parent / "chat" / "static" / "js"
DOOR = MODULES / "transcript" / "html.js"  # the one through which markup of our own server comes
OLDEST_NODE = (20, 19)  # the first that takes an import for a module without being told by a package.json


@pytest.fixture(scope="session")
def node() -> str:
    """The path of a node that is new enough."""
    found = shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else ""
    if tuple(map(int, re.findall(r"\d+", version)[:2])) >= OLDEST_NODE:
        return found
    wanted = ".".join(map(str, OLDEST_NODE))
    reason = f"the page's modules are tested with node {wanted} or newer, and here is {version.strip() or 'none'}"
    return pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.stem)
def test_the_modules_keep_their_promises(node: str, file: Path) -> None:
    result = subprocess.run([node, "--test", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_panel_shows_the_defaults_that_the_engine_has(node: str) -> None:
    script = f'import {{ PARAMETERS }} from "{MODULES.as_uri()}/settings.js"; console.log(JSON.stringify(PARAMETERS));'
    command = [node, "--input-type=module", "--eval", script]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    engine = SamplingParams()
    assert {entry["name"]: entry["usual"] for entry in shown} == {
        entry["name"]: getattr(engine, entry["name"]) for entry in shown
    }


def test_every_module_that_is_imported_is_there() -> None:
    for module in MODULES.rglob("*.js"):
        text = module.read_text("utf-8")
        for name in re.findall(r'^(?:import|export) [^;]*?from "(.+?)";$', text, re.MULTILINE):
            assert name.startswith("."), f"{module.name} imports {name} from elsewhere"
            assert (module.parent / name).is_file(), f"{module.name} imports {name}"


def test_no_module_but_the_door_makes_elements_from_markup() -> None:
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function")
    for module in MODULES.rglob("*.js"):
        if module != DOOR:
            assert not markup.search(module.read_text("utf-8")), module.name
