"""`python -m chat users`: make, list and remove accounts, and set passwords, which come from the terminal or stdin.

`adopt` hands an account what was said before anybody signed in.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence

from chat import passwords
from chat.commands.house import START_AGAIN, House, act, day, table
from chat.setting_sources import add_flags
from chat.settings import Settings
from chat.store.accounts import Account
from engine import InvalidRequest


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for; the exit code."""
    asked = _parser().parse_args(arguments)
    return act(asked, ACTS[asked.act])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chat users", description=__doc__, allow_abbrev=False)
    acts = parser.add_subparsers(dest="act", required=True)
    add = acts.add_parser("add", help="make an account")
    add.add_argument("name")
    add.add_argument("--admin", action="store_true", help="may also load, unload, export and train")
    listed = acts.add_parser("list", help="the accounts there are")
    remove = acts.add_parser("remove", help="forget an account, its keys and its sessions")
    remove.add_argument("name")
    remove.add_argument("--with-conversations", action="store_true", help="delete its conversations too")
    password = acts.add_parser("password", help="set another password, which ends all sessions of the account")
    password.add_argument("name")
    adopt = acts.add_parser("adopt", help="hand an account the conversations and presets from before anybody signed in")
    adopt.add_argument("name")
    for each in (add, listed, remove, password, adopt):
        add_flags(each, Settings)
    return parser


def _add(house: House, asked: argparse.Namespace) -> int:
    if house.store.accounts.find(asked.name) is not None:
        raise InvalidRequest(f"there is an account {asked.name!r} already")
    made = house.store.accounts.add(asked.name, passwords.hashed(_read_password()), is_admin=asked.admin)
    sys.stdout.write(f"{made.name} may sign in.\n")
    sys.stderr.write(START_AGAIN)
    return 0


def _list(house: House, _: argparse.Namespace) -> int:
    found = house.store.accounts.all()
    table(("NAME", "MAY", "MADE"), [(a.name, "admin" if a.is_admin else "chat", day(a.created_at)) for a in found])
    return 0


def _remove(house: House, asked: argparse.Namespace) -> int:
    account = _found(house, asked.name)
    house.store.accounts.remove(account.id, with_conversations=asked.with_conversations)
    kept = "deleted" if asked.with_conversations else "kept in the database, for nobody"
    sys.stdout.write(f"{account.name} may not sign in any more; what was said is {kept}.\n")
    return 0


def _password(house: House, asked: argparse.Namespace) -> int:
    account = _found(house, asked.name)
    house.store.accounts.set_password(account.id, passwords.hashed(_read_password()))
    house.store.sessions.end_all(account.id)
    sys.stdout.write(f"{account.name} has another password and is signed out everywhere.\n")
    return 0


def _adopt(house: House, asked: argparse.Namespace) -> int:
    account = _found(house, asked.name)
    conversations, presets = house.store.accounts.adopt(account.id)
    sys.stdout.write(f"{account.name} has {conversations} conversations and {presets} presets more.\n")
    return 0


def _found(house: House, name: str) -> Account:
    account = house.store.accounts.find(name)
    if account is None:
        raise InvalidRequest(f"there is no account {name!r}; `python -m chat users list` shows those there are")
    return account


def _read_password() -> str:
    """From the terminal, twice and unseen, or the first line of what is piped in; never from the arguments."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise InvalidRequest("those were two different passwords")
    return password


ACTS = {"add": _add, "list": _list, "remove": _remove, "password": _password, "adopt": _adopt}
