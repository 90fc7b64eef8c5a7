"""The arrows between the rooms of the house point one way, and opening a door does no work."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).resolve().parent.parent
WEB = {"chat", "flask", "werkzeug", "waitress"}
MATHEMATICS = {"torch", "numpy", "safetensors", "tokenizers", "transformers"}
CODE_FROM_FILES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "transformers"}
PLAIN = """
engine engine.bulletin engine.completion engine.engine engine.errors engine.estimate engine.fleet engine.letters
engine.machine engine.pace engine.questions engine.request engine.residents engine.roster engine.scheduler
engine.sequence engine.slots engine.status engine.version engine.catalog
"""


def name_of(file: Path) -> str:
    """The module's dotted name."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(file: Path) -> Iterator[str]:
    """Every name that the file imports, inside functions too, as dotted as it is written there."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports by dots; the whole name is wanted"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages_of(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(file)}


def files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def is_plain(file: Path) -> bool:
    name = name_of(file)
    return name in PLAIN.split() or name.startswith("engine.catalog.")


def every(found: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", found, ids=name_of)


@every(files("engine"))
def test_the_engine_never_imports_the_web(file: Path) -> None:
    assert packages_of(file) & WEB == set()


@every(files("training"))
def test_training_never_imports_the_web(file: Path) -> None:
    assert packages_of(file) & WEB == set()


@every([file for file in files("training") if file.name != "demo.py"])
def test_all_of_training_but_the_demo_is_plain_python(file: Path) -> None:
    assert packages_of(file) & MATHEMATICS == set()


@every(files("training"))
def test_training_knows_of_the_engine_only_how_it_reads_files(file: Path) -> None:
    used = {name for name in imported(file) if name.split(".")[0] == "engine"}
    assert all(name.startswith(("engine.catalog.", "engine.errors.")) for name in used)


@every(files("chat"))
def test_the_web_knows_training_by_its_runs_and_its_jobs(file: Path) -> None:
    used = {name for name in imported(file) if name.split(".")[0] == "training"}
    assert all(name.startswith(("training.runs.", "training.jobs.")) for name in used)


@every(files("chat"))
def test_the_web_never_imports_mathematics(file: Path) -> None:
    assert packages_of(file) & MATHEMATICS == set()


@every(files("chat"))
def test_the_web_knows_the_engine_by_its_public_names_only(file: Path) -> None:
    used = {name for name in imported(file) if name.split(".")[0] == "engine"}
    assert used <= {"engine", *(f"engine.{name}" for name in engine.__all__)}


@every([file for file in files("engine") if is_plain(file)])
def test_policy_is_plain_python(file: Path) -> None:
    assert packages_of(file) & MATHEMATICS == set()


@every(files("engine/models"))
def test_a_model_knows_nothing_of_the_files_its_weights_come_from(file: Path) -> None:
    rooms = {".".join(name.split(".")[:2]) for name in imported(file)}
    assert rooms & {"engine.weights", "engine.catalog", "engine.text"} == set()


@every(files("engine", "chat"))
def test_nothing_that_runs_code_out_of_files_is_imported(file: Path) -> None:
    assert packages_of(file) & CODE_FROM_FILES == set()


def test_the_walk_sees_imports_inside_functions(tmp_path: Path) -> None:
    file = tmp_path / "sly.py"
    file.write_text("def f():\n    from torch import nn\n    import flask.views\n")
    assert list(imported(file)) == ["torch.nn", "flask.views"]
    assert packages_of(file) == {"torch", "flask"}


def run(code: str) -> object:
    """What the code prints as JSON, in a fresh Python."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_web_and_the_front_of_the_engine_start_without_mathematics() -> None:
    modules = [name_of(file) for file in files("chat", "training") if file.name not in ("__main__.py", "demo.py")]
    plain = [name_of(file) for file in files("engine") if is_plain(file)]
    code = "import importlib, json, sys\n"
    code += f"for name in {modules + plain}: importlib.import_module(name)\n"
    code += f"print(json.dumps(sorted(set(sys.modules) & {MATHEMATICS})))"
    assert run(code) == []


PASSED_THROUGH = ("/os.py", "<frozen os>", "/_collections_abc.py", "<frozen _collections_abc>")
WATCH = """
import importlib, json, os, sys, threading
for name in {outside}:
    importlib.import_module(name)
read, real = [], os._Environ.__getitem__

def watched(environment, key):
    frame = sys._getframe(1)
    while frame and frame.f_code.co_filename.endswith({passed_through}):
        frame = frame.f_back
    if frame and "/.venv/" not in frame.f_code.co_filename and frame.f_code.co_filename.startswith({root!r}):
        read.append(f"{{frame.f_code.co_filename}} reads {{key}}")
    return real(environment, key)

os._Environ.__getitem__ = watched
for name in {modules}:
    importlib.import_module(name)
threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
print(json.dumps({{"read": read, "threads": threads}}))
"""


def watched_import(modules: list[str], root: Path, outside: list[str]) -> object:
    paths = f"import sys; sys.path.insert(0, {str(root)!r})\n"
    parts = {"modules": modules, "root": f"{root}/", "outside": outside, "passed_through": PASSED_THROUGH}
    return run(paths + WATCH.format(**parts))


def test_importing_a_module_reads_no_environment_and_starts_no_thread() -> None:
    modules = [name_of(file) for file in files("engine", "chat", "training")]
    assert watched_import(modules, ROOT, ["torch", "flask", "waitress"]) == {"read": [], "threads": []}


@pytest.mark.parametrize("reading", ['os.environ["PATH"]', 'os.getenv("PATH")', 'os.environ.get("PATH")'])
def test_the_watch_sees_every_way_of_reading(tmp_path: Path, reading: str) -> None:
    (tmp_path / "curious.py").write_text(f"import os\n{reading}\n")
    assert watched_import(["curious"], tmp_path, []) == {
        "read": [f"{tmp_path}/curious.py reads PATH"],
        "threads": [],
    }
