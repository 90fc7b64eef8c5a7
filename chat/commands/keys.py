"""`python -m chat keys`: make, list and remove API keys. A key is shown once, when it is made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from chat import secret
from chat.commands.house import START_AGAIN, House, act, day, table
from chat.setting_sources import add_flags
from chat.settings import Settings
from engine import InvalidRequest

SCOPES = ("chat", "admin")


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for; the exit code."""
    asked = _parser().parse_args(arguments)
    return act(asked, {"add": _add, "list": _list, "remove": _remove}[asked.act])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chat keys", description=__doc__, allow_abbrev=False)
    acts = parser.add_subparsers(dest="act", required=True)
    add = acts.add_parser("add", help="make a key and show it once")
    add.add_argument("name", help="what to call it, to remove it by later")
    add.add_argument("--scope", choices=SCOPES, default="chat", help="admin may also load, unload, export and train")
    add.add_argument("--user", help="the account whose conversations the key sees; else it has its own")
    listed = acts.add_parser("list", help="the keys there are, without what opens the door")
    remove = acts.add_parser("remove", help="let a key open nothing from now on")
    remove.add_argument("name")
    for each in (add, listed, remove):
        add_flags(each, Settings)
    return parser


def _add(house: House, asked: argparse.Namespace) -> int:
    account = house.store.accounts.find(asked.user) if asked.user else None
    if asked.user and account is None:
        raise InvalidRequest(f"there is no account {asked.user!r}; `python -m chat users list` shows those there are")
    key = secret.new_key()
    account_id = account.id if account else None
    digest = secret.digest(house.secret, key)
    house.store.keys.add(asked.name, digest, is_admin=asked.scope == "admin", account_id=account_id)
    sys.stdout.write(f"{key}\n")
    sys.stderr.write(f"This key is shown this once. Send it as the header Authorization: Bearer KEY.\n{START_AGAIN}")
    return 0


def _list(house: House, _: argparse.Namespace) -> int:
    rows = [
        (key.name, "admin" if key.is_admin else "chat", key.account or "-", day(key.created_at), day(key.last_used_at))
        for key in house.store.keys.all()
    ]
    table(("NAME", "SCOPE", "USER", "MADE", "LAST USED"), rows)
    return 0


def _remove(house: House, asked: argparse.Namespace) -> int:
    if not house.store.keys.remove(asked.name):
        raise InvalidRequest(f"there is no key {asked.name!r}; `python -m chat keys list` shows those there are")
    sys.stdout.write(f"The key {asked.name} opens nothing any more.\n")
    return 0
