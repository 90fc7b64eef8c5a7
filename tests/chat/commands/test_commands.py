"""Keys and accounts from the command line, and where settings came from."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chat import create_app, secret
from chat.commands import config, keys, users
from chat.settings import Settings
from tests.chat.wire import refused
from tests.doubles import ScriptedEngine

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Does a command over one data directory, with this on its stdin: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def command(run: Callable[[list[str]], int], *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_a_key_is_shown_once_and_kept_as_a_digest(command: Command, tmp_path: Path):
    code, out, _ = command(keys.run, "add", "lab")
    key = out.strip()
    assert code == 0
    assert key.startswith(secret.KEY_PREFIX)
    listed = command(keys.run, "list")[1]
    assert "lab" in listed
    assert key not in listed
    assert key.encode() not in (tmp_path / "data" / "parley.db").read_bytes()
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_server_asks_from_its_next_start_on_and_the_key_opens_it(command: Command):
    settings = Settings(port=0)
    assert create_app(settings, ScriptedEngine()).test_client().get("/api/models").status_code == 200
    key = command(keys.run, "add", "lab")[1].strip()
    client = create_app(settings, ScriptedEngine()).test_client()
    refused(client.get("/api/models"), 401)
    assert client.get("/api/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert command(keys.run, "remove", "lab")[0] == 0
    assert create_app(settings, ScriptedEngine()).test_client().get("/api/models").status_code == 200


def test_without_the_secret_no_key_opens_anything(command: Command, tmp_path: Path):
    command(keys.run, "add", "lab")
    (tmp_path / "data" / "secret").write_text("broken")
    with pytest.raises(secret.SecretProblem, match="Put back"):
        create_app(Settings(port=0), ScriptedEngine())


@pytest.mark.parametrize("url", [None, "sqlite:///data/parley.db"])
def test_a_secret_that_is_gone_opens_the_door_to_nobody(command: Command, tmp_path: Path, url: str | None):
    command(keys.run, "add", "lab")
    (tmp_path / "data" / "secret").unlink()
    with pytest.raises(secret.SecretProblem, match="is missing"):
        create_app(Settings(port=0, database_url=url), ScriptedEngine())
    assert command(keys.run, "list")[0] == 0
    refused(create_app(Settings(port=0), ScriptedEngine()).test_client().get("/api/models"), 401)


def test_whoever_says_no_auth_is_not_asked(command: Command):
    command(keys.run, "add", "lab")
    client = create_app(Settings(port=0, auth=False), ScriptedEngine()).test_client()
    assert client.get("/api/models").status_code == 200


def test_an_account_comes_with_a_password_from_stdin_and_goes_with_its_keys(command: Command):
    assert command(users.run, "add", "Ann", "--admin", stdin="correct horse\n")[0] == 0
    assert command(users.run, "add", "ann", stdin="another one\n")[0] == 1
    assert command(keys.run, "add", "ann's", "--user", "ANN")[0] == 0
    assert command(keys.run, "add", "bob's", "--user", "bob") == (
        1, "", "there is no account 'bob'; `python -m chat users list` shows those there are\n"
    )  # fmt: skip
    assert "ann   admin" in command(users.run, "list")[1]
    client = create_app(Settings(port=0), ScriptedEngine()).test_client()
    asked = {"name": "ann", "password": "correct horse"}
    assert client.post("/api/session", json=asked).status_code == 200
    assert command(users.run, "password", "ann", stdin="battery staple\n")[0] == 0
    refused(client.get("/api/models"), 401)
    refused(client.post("/api/session", json=asked), 401)
    assert command(users.run, "remove", "ann")[0] == 0
    assert "ann" not in command(keys.run, "list")[1]


def test_what_was_said_before_there_were_accounts_is_handed_to_one(command: Command):
    before = create_app(Settings(port=0), ScriptedEngine()).test_client()
    talk = before.post("/api/conversations", json={"title": "Before"}).json["id"]
    for name in ("mine", "shared"):
        before.put(f"/api/presets/{name}", json={"parameters": {"temperature": 1.5}})
    command(users.run, "add", "ann", stdin="correct horse\n")
    client = create_app(Settings(port=0), ScriptedEngine()).test_client()
    client.post("/api/session", json={"name": "ann", "password": "correct horse"})
    client.put("/api/presets/shared", json={"parameters": {"temperature": 0.1}})
    assert client.get("/api/conversations").json["conversations"] == []
    assert command(users.run, "adopt", "Ann")[:2] == (0, "ann has 1 conversations and 1 presets more.\n")
    assert [each["id"] for each in client.get("/api/conversations").json["conversations"]] == [talk]
    presets = {each["name"]: each["parameters"] for each in client.get("/api/presets").json["presets"]}
    assert (presets["mine"], presets["shared"]) == ({"temperature": 1.5}, {"temperature": 0.1})
    assert command(users.run, "adopt", "ann")[1] == "ann has 0 conversations and 0 presets more.\n"
    assert command(users.run, "adopt", "bob")[0] == 1


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_password_has_a_length(command: Command, password: str):
    code, _, err = command(users.run, "add", "ann", stdin=password + "\n")
    assert (code, err) == (1, "a password has 8 to 1024 characters\n")


def test_a_password_cannot_be_an_argument(command: Command, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        command(users.run, "add", "ann", "correct horse")
    with pytest.raises(SystemExit):
        command(users.run, "add", "ann", "--password", "correct horse")


@pytest.mark.parametrize("run", [keys.run, users.run])
def test_removing_what_is_not_there_is_said(command: Command, run: Callable[[list[str]], int]):
    code, _, err = command(run, "remove", "nobody")
    assert code == 1
    assert "'nobody'" in err


def test_config_tells_each_value_and_its_origin_and_no_password(command: Command, tmp_path: Path, monkeypatch):
    (tmp_path / "parley.toml").write_text("threads = 3\n")
    monkeypatch.setenv("PARLEY_DATABASE_URL", "postgresql://me:hidden@there/parley")
    code, out, _ = command(config.run, "--port", "7")
    told = {line.split()[0]: line.split(maxsplit=2)[1:] for line in out.splitlines()}
    assert code == 0
    assert told["port"] == ["7", "the flag --port"]
    assert told["threads"] == ["3", "parley.toml"]
    assert told["database_url"] == ["postgresql://me:***@there/parley", "the variable PARLEY_DATABASE_URL"]
    assert told["host"] == ["127.0.0.1", "default"]
    assert set(told) == set(Settings.__dataclass_fields__)


def test_config_refuses_what_the_server_would_refuse(command: Command, tmp_path: Path):
    (tmp_path / "parley.toml").write_text("prot = 3\n")
    code, out, err = command(config.run)
    assert (code, out) == (2, "")
    assert "nearest is 'port'" in err
