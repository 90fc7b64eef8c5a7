"""The door: what it says, what it fetches and what it hands over. No network, no real Python behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts.house import House, build


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


def test_tests_get_the_development_tools_and_their_own_arguments(house: House) -> None:
    assert house.run("test", "-k", "two words")[1].endswith(": -m pytest -k two words\n")
    assert "requirements-dev.txt" in house.calls("pip install")[0]
    house.run("web-chat", "--no-starter")
    assert len(house.calls("pip install")) == 1


def test_all_tests_run_at_once_and_those_that_failed_once_more_alone(house: House) -> None:
    assert house.run("test")[0] == 0
    assert not house.calls("--last-failed")
    house.environment["FAKE_TESTS_STATUS"] = "1"
    assert house.run("test")[0] == 0
    (again,) = house.calls("--last-failed")
    assert "-n " not in again


def test_tests_that_could_not_be_run_are_not_run_again(house: House) -> None:
    house.environment["FAKE_TESTS_STATUS"] = "2"
    assert house.run("test")[0] == 2
    assert not house.calls("--last-failed")


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
    assert house.run("demo", *words, cwd=tmp_path)[1].endswith(f"-m scripts.demo --checkpoints {tmp_path}/runs\n")
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


def test_work_on_a_checkpoint_is_done_from_where_the_user_is(house: House) -> None:
    said = house.run("export", "run/final.pt", "out", cwd=house.folder)[1]
    assert said.endswith(f": -m engine.tasks export --checkpoints {house.root}/checkpoints run/final.pt out\n")
    assert f" in {house.folder}:" in said
    assert house.run("check", "a")[1].endswith(f"-m engine.tasks check --checkpoints {house.root}/checkpoints a\n")
    assert house.run("list", "--json")[1].endswith(f"-m engine.catalog --default {house.root}/checkpoints --json\n")
