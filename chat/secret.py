"""The server's secret: a file that only its user can read, made at the first need. With it keys are digested.

Keys and session tokens are long and random, so a fast keyed hash is enough; passwords go another way.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

SECRET_BYTES = 32
KEY_PREFIX = "sk-parley-"


class SecretProblem(Exception):
    """The file of the secret cannot be used; the message says why and what to do."""


def read_secret(file: Path) -> bytes:
    """What the file holds. Raises FileNotFoundError where there is none, and SecretProblem."""
    try:
        text = file.read_text(encoding="ascii").strip()
        secret = bytes.fromhex(text)
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        raise FileNotFoundError(*error.args) from error  # A file stands where its folder would be: there is none.
    except (OSError, ValueError) as error:
        raise SecretProblem(f"the secret in {file} cannot be read: {error}. Put back the file as it was.") from error
    if len(secret) != SECRET_BYTES:
        raise SecretProblem(f"the secret in {file} is not {2 * SECRET_BYTES} hexadecimal digits. Put back the file.")
    return secret


def read_or_make_secret(file: Path) -> bytes:
    """What the file holds, after making it where there is none. Raises SecretProblem."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_secret(file)
    except OSError as error:
        why = f"the secret {file} cannot be made: {error.strerror}. --secret-file names another place."
        raise SecretProblem(why) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as made:
        made.write(secrets.token_hex(SECRET_BYTES) + "\n")
    return read_secret(file)


def digest(secret: bytes, token: str) -> str:
    """What is kept of a key or of a session's token: 64 hexadecimal digits."""
    return hashlib.blake2b(token.encode(errors="replace"), key=secret, digest_size=32).hexdigest()


def new_key() -> str:
    """An API key: 256 random bits, recognisable by its beginning."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_token() -> str:
    """A token of a session, or of the link that a server prints: 256 random bits."""
    return secrets.token_urlsafe(32)
