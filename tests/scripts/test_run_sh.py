"""The door: what it says, what it prepares, what it hands over. No network, no real Python behind it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.scripts.house import House, build


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build(tmp_path)


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_lists_the_commands_and_prepares_nothing(house: House, word: str) -> None:
    code, out, err = house.run(word)
    assert (code, err, house.calls()) == (0, "", [])
    assert all(f"\n  {command} " in out for command in ("web-chat", "demo", "starter", "test", "lint", "fix"))


def test_the_bench_is_offered_only_where_there_is_one(house: House) -> None:
    assert "\n  bench " not in house.run("help")[1]
    assert house.run("bench")[0] == 2
    (house.root / "bench").mkdir()
    (house.root / "bench" / "__main__.py").touch()
    assert "\n  bench " in house.run("help")[1]
    assert "-m bench --quick\n" in house.run("bench", "--quick")[1]


def test_an_unknown_command_is_named_and_ends_with_2(house: House) -> None:
    code, out, err = house.run("wbe-chat")
    assert (code, out, house.calls()) == (2, "", [])
    assert "there is no command called wbe-chat" in err
    assert "Usage:" in err


def test_the_first_start_makes_the_environment_and_says_each_step_in_one_line(house: House) -> None:
    code, out, err = house.run("web-chat", "--no-starter", "--port", "0")
    assert code == 0
    assert out.endswith(f"in {house.root}: -m chat --port 0\n")
    making, installing = err.splitlines()
    assert making.startswith("Making .venv with python3.12 … ")
    assert installing.startswith("Installing requirements.txt")
    assert all(line.endswith(" s") for line in (making, installing))


def test_the_second_start_calls_nothing_but_what_was_asked_for(house: House) -> None:
    house.run("web-chat", "--no-starter")
    before = len(house.calls())
    assert house.run("web-chat", "--no-starter")[2] == ""
    assert house.calls()[before:] == ["-m chat"]


def test_without_a_command_the_server_starts(house: House) -> None:
    assert house.run("--no-starter", "--port", "1")[1].endswith("-m chat --port 1\n")


def test_the_process_becomes_python_so_that_signals_reach_it(house: House) -> None:
    process = house.start("web-chat", "--no-starter")
    out, _ = process.communicate(timeout=20)
    assert out.startswith(f"process {process.pid} ")


def test_changed_requirements_are_installed_again(house: House) -> None:
    house.run("web-chat", "--no-starter")
    (house.root / "requirements.txt").write_text("flask==4\n")
    house.run("web-chat", "--no-starter")
    assert len(house.calls("pip install")) == 2
    assert len(house.calls("-m venv")) == 1


def test_tests_get_the_development_tools_and_their_own_arguments(house: House) -> None:
    assert house.run("test", "-k", "two words")[1].endswith(": -m pytest -k two words\n")
    assert "requirements-dev.txt" in house.calls("pip install")[0]
    house.run("web-chat", "--no-starter")
    assert len(house.calls("pip install")) == 1


def test_lint_looks_and_fix_cures(house: House) -> None:
    house.run("lint")
    assert house.calls("ruff") == ["-m ruff check", "-m ruff format --check"]
    house.run("fix")
    assert house.calls("ruff")[2:] == ["-m ruff check --fix", "-m ruff format"]


def test_the_door_opens_from_any_folder_and_through_symbolic_links(house: House, tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(house.door)
    (tmp_path / "second").symlink_to("first")
    code, out, _ = house.run("--no-starter", door=tmp_path / "second", cwd=tmp_path)
    assert code == 0
    assert f"in {house.root}: -m chat" in out


def test_a_folder_with_a_blank_in_its_name_is_no_obstacle(tmp_path: Path) -> None:
    assert build(tmp_path / "my models").run("--no-starter")[0] == 0


@pytest.mark.parametrize("words", [("--checkpoints", "runs"), ("--checkpoints=runs",)])
def test_a_relative_checkpoints_folder_counts_from_where_the_user_is(
    house: House, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert house.run("demo", *words, cwd=tmp_path)[1].endswith(f"scripts/demo.py --checkpoints {tmp_path}/runs\n")
    assert house.calls("starter.py") == []


def test_an_empty_checkpoints_folder_gets_the_starter_model(house: House) -> None:
    assert "Fetching the starter model" in house.run("web-chat")[2]
    assert len(house.calls("starter.py")) == 1


@pytest.mark.parametrize("name", ["run/model.safetensors", "small.gguf", "final.pt"])
def test_a_folder_with_a_model_of_its_own_gets_none(house: House, name: str) -> None:
    file = house.root / "checkpoints" / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    house.run("web-chat")
    assert house.calls("starter.py") == []


@pytest.mark.parametrize(
    "said",
    [{"PARLEY_NO_STARTER": "1"}, {"PARLEY_CHECKPOINTS": "elsewhere"}],
    ids=lambda said: next(iter(said)),
)
def test_the_environment_can_decline_the_starter_model(house: House, said: dict[str, str]) -> None:
    house.environment |= said
    house.run("web-chat")
    assert house.calls("starter.py") == []


def test_a_checkpoints_folder_named_in_the_settings_file_declines_it_too(house: House) -> None:
    (house.root / "parley.toml").write_text('port = 1\ncheckpoints = "/models"\n')
    house.run("web-chat")
    assert house.calls("starter.py") == []


def test_without_the_starter_model_the_server_starts_and_says_how_to_add_one(house: House) -> None:
    house.environment["FAKE_STARTER_STATUS"] = "1"
    code, out, err = house.run("web-chat")
    assert code == 0
    assert out.endswith("-m chat\n")
    assert "Starting without a model" in err
    assert str(house.root / "checkpoints") in err


def test_asking_for_help_of_the_server_fetches_no_model(house: House) -> None:
    assert house.run("web-chat", "--help")[1].endswith("-m chat --help\n")
    assert house.calls("starter.py") == []


def test_a_python_that_is_too_old_is_named_with_what_is_needed(tmp_path: Path) -> None:
    house = build(tmp_path, pythons=("python3",))
    house.environment["FAKE_VERSION"] = "3.9"
    code, _, err = house.run("web-chat")
    assert code == 1
    assert "needs Python 3.11 or newer" in err
    assert f"{house.programs}/python3, which is Python 3.9" in err


def test_no_python_at_all_is_said_plainly(tmp_path: Path) -> None:
    code, _, err = build(tmp_path, pythons=()).run("web-chat")
    assert code == 1
    assert "looked for: python3.13 python3.12 python3.11 python3" in err


def test_the_python_that_was_asked_for_replaces_another(tmp_path: Path) -> None:
    house = build(tmp_path, pythons=("python3.12", "python3.11"))
    house.run("--no-starter")
    house.environment["PARLEY_PYTHON"] = "python3.11"
    assert "Making .venv with python3.11" in house.run("--no-starter")[2]
    assert house.run("--no-starter")[2] == ""


FAILURES = {
    "[Errno -3] Temporary failure in name resolution": "There is no network",
    "ReadTimeoutError: Read timed out.": "There is no network",
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]": "its certificate is not trusted",
    "OSError: [Errno 28] No space left on device": "The disk is full",
    "ERROR: No matching distribution found for torch==2.13.0": "no build of a package for this Python",
    "[Errno 13] Permission denied: 'x'": "cannot be written by",
    "something never seen before": "The whole output is in",
}


@pytest.mark.parametrize(("said", "meaning"), FAILURES.items())
def test_a_failed_installation_shows_the_end_of_the_log_and_what_it_means(
    house: House, said: str, meaning: str
) -> None:
    house.environment["FAKE_PIP_SAYS"] = said
    code, out, err = house.run("web-chat")
    assert (code, out) == (1, "")
    assert "failed after" in err
    assert f"    {said}\n" in err
    assert meaning in err


def test_a_python_without_venv_is_told_which_package_brings_it(house: House) -> None:
    house.environment["FAKE_VENV_SAYS"] = "The virtual environment was not created because ensurepip is not available."
    code, _, err = house.run("web-chat")
    assert code == 1
    assert "apt install python3-venv" in err


def test_a_failed_installation_is_tried_again_at_the_next_start(house: House) -> None:
    house.environment["FAKE_PIP_SAYS"] = "no"
    house.run("--no-starter")
    del house.environment["FAKE_PIP_SAYS"]
    assert house.run("--no-starter")[0] == 0
    assert len(house.calls("-m venv")) == 1


def test_a_half_made_environment_is_made_anew(house: House) -> None:
    (house.root / ".venv" / "bin").mkdir(parents=True)
    assert "Making .venv" in house.run("--no-starter")[2]


def test_an_environment_whose_pip_does_not_start_is_made_anew(house: House) -> None:
    house.run("--no-starter")
    (house.root / ".venv" / "installed-1").unlink()
    house.environment["FAKE_PIP_IS_MISSING"] = "yes"
    assert "Making .venv" in house.run("--no-starter")[2]


def test_an_interrupted_installation_says_so_and_the_next_start_goes_on(house: House) -> None:
    house.environment["FAKE_PIP_SECONDS"] = "10"
    process = house.start("--no-starter")
    deadline = time.monotonic() + 10
    while not house.calls("pip install") and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted" in err
    house.environment["FAKE_PIP_SECONDS"] = "0"
    assert house.run("--no-starter")[0] == 0
    assert len(house.calls("pip install")) == 2


@pytest.mark.parametrize("without", [(), ("flock",)], ids=["with flock", "without flock"])
def test_two_starts_at_once_install_once(tmp_path: Path, without: tuple[str, ...]) -> None:
    house = build(tmp_path, without=without)
    house.environment["FAKE_PIP_SECONDS"] = "0.5"
    starts = [house.start("--no-starter"), house.start("--no-starter")]
    said = [process.communicate(timeout=20)[1] for process in starts]
    assert [process.returncode for process in starts] == [0, 0]
    assert len(house.calls("pip install")) == 1
    assert sum("waiting for it" in text for text in said) == 1


def test_a_lock_left_behind_by_a_start_that_died_holds_nobody_up(tmp_path: Path) -> None:
    house = build(tmp_path, without=("flock",))
    dead = house.start("help")
    dead.communicate(timeout=20)
    lock = house.root / ".cache" / "start.lock.folder"
    lock.mkdir(parents=True)
    (lock / "pid").write_text(f"{dead.pid}\n")
    assert house.run("--no-starter")[0] == 0
    assert not lock.exists()
