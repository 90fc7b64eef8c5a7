"""Making .venv: the steps as they are said, what failures mean, and starts that cross each other."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.scripts.house import House, build


def test_the_first_start_makes_the_environment_and_says_each_step_in_one_line(house: House) -> None:
    code, out, err = house.run("web-chat", "--no-starter", "--port", "0")
    assert code == 0
    assert out.endswith(f"in {house.root}: -m chat --port 0\n")
    making, installing = err.splitlines()
    assert making.startswith("Making .venv with python3.12 … ")
    assert installing.startswith("Installing requirements.txt")
    assert all(line.endswith(" s") for line in (making, installing))


def test_changed_requirements_are_installed_again(house: House) -> None:
    house.run("web-chat", "--no-starter")
    (house.root / "requirements.txt").write_text("flask==4\n")
    house.run("web-chat", "--no-starter")
    assert len(house.calls("pip install")) == 2
    assert len(house.calls("-m venv")) == 1


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


def test_an_environment_is_not_trusted_after_a_failed_change_to_it(house: House) -> None:
    house.run("--no-starter")
    wanted = (house.root / "requirements.txt").read_text()
    (house.root / "requirements.txt").write_text("flask==4\n")
    house.environment["FAKE_PIP_SAYS"] = "no"
    house.run("--no-starter")
    (house.root / "requirements.txt").write_text(wanted)
    assert house.run("--no-starter")[0] == 1


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
    house.wait_for_call("pip install")
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


@pytest.mark.parametrize("without", [(), ("flock",)], ids=["with flock", "without flock"])
def test_a_running_server_keeps_nobody_from_preparing(tmp_path: Path, without: tuple[str, ...]) -> None:
    house = build(tmp_path, without=without)
    house.environment["FAKE_RUN_SECONDS"] = "15"
    server = house.start("--no-starter")
    house.wait_for_call("-m chat")
    del house.environment["FAKE_RUN_SECONDS"]
    code, _, err = house.run("test")
    assert server.poll() is None
    server.kill()
    server.communicate(timeout=20)
    assert code == 0
    assert "waiting for it" not in err


def test_a_lock_left_behind_by_a_start_that_died_holds_nobody_up(tmp_path: Path) -> None:
    house = build(tmp_path, without=("flock",))
    dead = house.start("help")
    dead.communicate(timeout=20)
    lock = house.root / ".cache" / "start.lock.folder"
    lock.mkdir(parents=True)
    (lock / "pid").write_text(f"{dead.pid}\n")
    assert house.run("--no-starter")[0] == 0
    assert not lock.exists()
