"""Where settings come from, which of them wins, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat.settings import Settings, SettingsError, read_settings
from chat.wiring import engine_options

MISSING = Path("there-is-no-such-file.toml")


def settings_from(file: Path, text: str, flags: tuple[str, ...] = (), **environment: str) -> Settings:
    file.write_text(text)
    return read_settings(flags, environment, file)


def test_without_anything_the_defaults_hold():
    assert read_settings([], {}, MISSING) == Settings()
    assert (Settings().host, Settings().port) == ("127.0.0.1", 5001)


def test_flags_win_over_the_environment_which_wins_over_the_file(tmp_path: Path):
    file, text = tmp_path / "parley.toml", "port = 1\nthreads = 1\nmax_streams = 1\n"
    settings = settings_from(file, text, ("--port", "3"), PARLEY_PORT="2", PARLEY_THREADS="2")
    assert (settings.port, settings.threads, settings.max_streams) == (3, 2, 1)


WANTED = {
    "host": ("127.0.0.2", "127.0.0.2"), "port": (0, 0), "auth": (False, False), "allowed_hosts": (["Lab"], ("lab",)),
    "cors_origins": (["https://Lab"], ("https://lab",)), "trusted_proxy": ("127.0.0.1", "127.0.0.1"),
    "requests_per_minute": (7, 7), "tokens_per_minute": (8, 8), "streams_per_caller": (9, 9), "session_days": (3, 3),
    "checkpoints": ("models", Path("models")), "device": ("cpu", "cpu"), "precision": ("int8", "int8"),
    "threads": (3, 3), "memory_budget": ("1GiB", 2**30), "cache_directory": ("kept", Path("kept")),
    "speculation": (False, False), "step_limit_seconds": (60, 60), "load_limit_seconds": (70, 70),
    "max_streams": (5, 5), "max_body_bytes": (1000, 1000), "open_browser": (True, True),
    "log_level": ("debug", "debug"),
    "log_format": ("json", "json"), "log_prompts": (True, True), "log_directory": ("logs2", Path("logs2")),
    "data_directory": ("kept2", Path("kept2")), "database_url": ("postgresql://me@there/x", "postgresql://me@there/x"),
    "secret_file": ("hidden", Path("hidden")), "runs_directory": ("logs3", Path("logs3")),
}  # fmt: skip
SWITCHES = {
    "auth": "--no-auth",
    "open_browser": "--open",
    "log_prompts": "--log-prompts",
    "speculation": "--no-speculation",
}


def test_every_setting_can_be_given_in_every_way(tmp_path: Path):
    assert set(WANTED) == set(Settings.__dataclass_fields__)
    given = {name: pair[0] for name, pair in WANTED.items()}
    texts = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in given.items()}
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in given.items()
    ]
    flags = [
        [SWITCHES[name]] if name in SWITCHES else ["--" + name.replace("_", "-"), text] for name, text in texts.items()
    ]
    from_file = settings_from(tmp_path / "parley.toml", "\n".join(lines))
    assert from_file == Settings(**{name: pair[1] for name, pair in WANTED.items()})
    assert read_settings([], {f"PARLEY_{name.upper()}": text for name, text in texts.items()}, MISSING) == from_file
    assert read_settings([part for flag in flags for part in flag], {}, MISSING) == from_file


def test_a_switch_can_be_turned_off_again(tmp_path: Path):
    assert settings_from(tmp_path / "parley.toml", "open_browser = true", ("--no-open",)).open_browser is False


def test_an_unknown_flag_is_refused_with_the_nearest_one(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"--memory-budgt is none.*nearest is --memory-budget"):
        read_settings(["--memory-budgt=8GiB"], {}, tmp_path / "no.toml")


@pytest.mark.parametrize("name", ["PARLEY_PROT", "PARLEY_LOG_DIRECTRY"])
def test_a_variable_that_looks_like_a_slip_is_refused_with_the_nearest_one(tmp_path: Path, name: str):
    with pytest.raises(SettingsError, match=f"{name} is none.*nearest is PARLEY_(PORT|LOG_DIRECTORY)"):
        read_settings([], {name: "5001"}, tmp_path / "no.toml")


@pytest.mark.parametrize(
    "name", ["PARLEY_PYTHON", "PARLEY_NO_STARTER", "PARLEY_SERVICE_HOST", "PARLEY_PORT_5001_TCP", "PROT"]
)
def test_variables_of_other_programs_are_left_alone(tmp_path: Path, name: str):
    assert read_settings([], {name: "x"}, tmp_path / "no.toml") == Settings()


def test_an_unknown_key_is_refused_with_the_nearest_one(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"'prot'.*nearest is 'port'"):
        settings_from(tmp_path / "parley.toml", "prot = 5001")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("port = 70000", "between 0 and 65535"),
        ('port = "many"', "whole number"),
        ("port = true", "whole number"),
        ("port = 1.5", "whole number"),
        ('host = ""', "not empty"),
        ("host = 5", "a text"),
        ('precision = "int4"', "one of auto, float32"),
        ('memory_budget = "lots"', "number of bytes"),
        ("memory_budget = 0", "number of bytes"),
        ("memory_budget = true", "number of bytes"),
        ('open_browser = "perhaps"', "true or false"),
        ("allowed_hosts = [1]", "list of names"),
        ("allowed_hosts = 1", "list of names"),
        ('log_level = "loud"', "one of debug"),
    ],
)
def test_a_bad_value_is_refused_by_name_and_place(tmp_path: Path, line: str, reason: str):
    with pytest.raises(SettingsError, match=reason) as refusal:
        settings_from(tmp_path / "parley.toml", line)
    assert line.split()[0] in str(refusal.value)
    assert "parley.toml" in str(refusal.value)


def test_a_bad_value_names_the_flag_or_the_variable_it_came_by():
    with pytest.raises(SettingsError, match="--port must be"):
        read_settings(["--port", "x"], {}, MISSING)
    with pytest.raises(SettingsError, match="PARLEY_PORT must be"):
        read_settings([], {"PARLEY_PORT": "x"}, MISSING)


def test_a_bad_value_that_may_be_a_secret_is_not_repeated():
    with pytest.raises(SettingsError) as refusal:
        read_settings([], {"PARLEY_DATABASE_URL": "   "}, MISSING)
    assert str(refusal.value) == "PARLEY_DATABASE_URL must be a text that is not empty"


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be read"):
        settings_from(tmp_path / "parley.toml", "port 5001")


@pytest.mark.parametrize(("text", "count"), [("500", 500), ("2k", 2000), ("1.5 MB", 1_500_000), ("8GiB", 8 * 2**30)])
def test_bytes_may_have_a_unit(text: str, count: int):
    assert read_settings(["--memory-budget", text], {}, MISSING).memory_budget == count


def test_the_engine_gets_its_part():
    options = engine_options(Settings(checkpoints=Path("models"), threads=2, memory_budget=7, precision="float32"))
    assert (options.checkpoints, options.threads, options.memory_budget_bytes) == (Path("models"), 2, 7)
    assert options.precision == "float32"


def test_the_engine_hears_how_long_it_may_wait_and_whether_it_may_guess():
    options = engine_options(Settings(speculation=False, step_limit_seconds=5, load_limit_seconds=6))
    assert (options.speculation, options.patience.step_seconds, options.patience.loading_seconds) == (False, 5, 6)
