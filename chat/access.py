"""Who is let in where keys or accounts exist: keys, passwords, the link printed at the start, and sessions.

Whatever cannot be looked up, because the database is away, lets nobody in.
"""

from __future__ import annotations

import hmac
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from chat import passwords
from chat.errors import NotSignedIn, StoreProblem
from chat.guard.throttle import SignInThrottle
from chat.guard.visitors import Visitor
from chat.secret import KEY_PREFIX, SecretProblem, digest, new_token, read_secret
from chat.settings import Settings
from chat.store.opening import Store, StoreDoor

MISSING = (
    "the secret {file} is missing, though there are keys or accounts. Put it back; or let `python -m chat keys list` "
    "make a new one, with which the passwords are valid but no key is; or say --no-auth to let everyone in."
)


class Access:
    """The doorkeeper of a server that asks who calls. Any thread may ask it."""

    def __init__(
        self, door: StoreDoor, secret: bytes, session_days: int, clock: Callable[[], float] = time.time
    ) -> None:
        self.link_token = new_token()
        self.session_days = session_days
        self._door, self._secret = door, secret
        self._throttle = SignInThrottle(clock)

    def by_key(self, key: str) -> Visitor | None:
        """Whose key that is. Raises StoreProblem."""
        if not key.startswith(KEY_PREFIX) or len(key) > 200:
            return None
        found = self._store.keys.find(digest(self._secret, key))
        if found is None:
            return None
        owner = found.account_id or f"key-{found.id}"
        return Visitor(f"key:{found.name}", found.account or found.name, owner, found.is_admin)

    def by_session(self, token: str) -> Visitor | None:
        """Who signed in and got that token. Raises StoreProblem."""
        found = self._store.sessions.find(digest(self._secret, token)) if 20 <= len(token) <= 200 else None
        if found is None:
            return None
        if found.account_id is None:
            return Visitor("link", "", None, True, is_session=True)
        shown = found.account or ""
        return Visitor(f"user:{shown}", shown, found.account_id, bool(found.is_admin), is_session=True)

    def sign_in(self, name: str, password: str, address: str) -> str:
        """A new session's token. Raises NotSignedIn, TooManyRequests while it is throttled, StoreProblem."""
        store, subjects = self._store, self._throttle.subjects(name, address)
        self._throttle.check(store.sessions, subjects)
        account = store.accounts.find(name)
        # Counted before the slow comparison, so that attempts at the same moment count too.
        self._throttle.failed(store.sessions, subjects)
        if not passwords.is_right(password, account.password_hash if account else None) or account is None:
            raise NotSignedIn(
                "name or password is wrong", code="wrong_password", hint="python -m chat users password sets a new one."
            )
        self._throttle.succeeded(store.sessions, subjects)
        return self._begin(account.id)

    def sign_in_by_link(self, token: str) -> str:
        """A new session's token for whoever has the link that the server printed. Raises NotSignedIn, StoreProblem."""
        if not hmac.compare_digest(token.encode(errors="replace"), self.link_token.encode()):
            said = "this link is not of this start of the server"
            raise NotSignedIn(said, code="wrong_link", hint="The server prints a new one at each start.")
        return self._begin(None)

    def sign_out(self, token: str) -> None:
        """End a session. Raises StoreProblem."""
        self._store.sessions.end(digest(self._secret, token))

    @property
    def _store(self) -> Store:
        return self._door.open()

    def _begin(self, account_id: str | None) -> str:
        token = new_token()
        self._store.sessions.begin(digest(self._secret, token), account_id, self.session_days)
        return token


def access_of(settings: Settings, door: StoreDoor) -> Access | None:
    """The doorkeeper, where the settings want one and there is a key or an account; else None: all are let in.

    Raises SecretProblem and StoreProblem: who was let in before must not turn into everyone.
    """
    if not settings.auth:
        return None
    try:
        secret = read_secret(settings.secret)
    except FileNotFoundError:
        if _somebody_is_known(settings, door):
            raise SecretProblem(MISSING.format(file=settings.secret)) from None
        return None
    store = door.open()
    if not store.keys.all() and not store.accounts.all():
        return None
    return Access(door, secret, settings.session_days)


def _somebody_is_known(settings: Settings, door: StoreDoor) -> bool:
    """Whether the database holds a key or an account. One that cannot be read, and never had a secret, holds none."""
    if settings.database_url is not None:
        try:
            store = door.open()
        except StoreProblem:
            return False
        return bool(store.keys.all() or store.accounts.all())
    file = settings.data_directory.absolute() / "parley.db"
    if not file.is_file():
        return False
    # Without SQLAlchemy, whose import every start of a server that asks nobody would wait for.
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            query = "SELECT EXISTS (SELECT 1 FROM api_keys) OR EXISTS (SELECT 1 FROM accounts)"
            return bool(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return False
