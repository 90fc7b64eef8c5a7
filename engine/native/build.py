"""Compile kernels.c for this very processor and keep the result. Without a compiler there is none, and that is said."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("kernels.c")  # It takes in the headers beside it.
COMPILERS = ("cc", "gcc", "clang")
# Sums stay in the order they are written in: reordered ones take more registers than there are, and a row must give the
# same numbers whatever stands beside it.
OPTIMISE = ("-O3", "-fPIC", "-fno-math-errno", "-fno-trapping-math", "-fno-tree-reassoc")
# How to compile and how to link, best first. Linked without OpenMP, the library uses the threads that torch has
# loaded already; a second set of threads beside those would fight them for the cores.
VARIANTS: Sequence[tuple[Sequence[str], Sequence[str]]] = (
    (("-march=native", "-fopenmp"), ()),
    (("-mcpu=native", "-fopenmp"), ()),
    (("-march=native", "-fopenmp"), ("-fopenmp",)),
    (("-march=native",), ()),
    ((), ()),
)
PROCESSOR = Path("/proc/cpuinfo")
SECONDS_TO_COMPILE = 120


class BuildFailed(Exception):
    """The kernels could not be compiled or loaded; the message says why."""


@lru_cache(maxsize=4)
def library(cache_directory: Path | None) -> ctypes.CDLL:
    """The compiled kernels, from the cache or compiled now. Raises BuildFailed."""
    compiler = find_compiler()
    if compiler is None:
        raise BuildFailed(f"no C compiler was found ({', '.join(COMPILERS)})")
    folder = Path(tempfile.mkdtemp()) if cache_directory is None else cache_directory / "native"
    folder.mkdir(parents=True, exist_ok=True)
    reasons = []
    for compile_flags, link_flags in VARIANTS:
        kept = folder / f"kernels-{_identity(compiler, compile_flags, link_flags)}.so"
        try:
            if not kept.exists():
                _compile(compiler, compile_flags, link_flags, kept)
            return ctypes.CDLL(str(kept))
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(_reason(error))
    raise BuildFailed(f"{compiler} could not compile the kernels: {'; '.join(reasons)}")


def find_compiler() -> str | None:
    """The path of a C compiler, or None."""
    return next((path for name in COMPILERS if (path := shutil.which(name))), None)


def _compile(compiler: str, compile_flags: Sequence[str], link_flags: Sequence[str], target: Path) -> None:
    """Compile next to the target and move it there whole, so that two workers may do so at once."""
    logger.info("compiling the kernels for this processor with %s", " ".join((compiler, *compile_flags)))
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        compiled, linked = Path(folder) / "kernels.o", Path(folder) / "kernels.so"
        _run(compiler, *OPTIMISE, *compile_flags, "-c", str(SOURCE), "-o", str(compiled))
        _run(compiler, "-shared", *link_flags, str(compiled), "-lm", "-o", str(linked))
        os.replace(linked, target)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS_TO_COMPILE)


def _identity(compiler: str, *flags: Sequence[str]) -> str:
    """Names what the result depends on: source, compiler, flags and processor."""
    version = subprocess.run((compiler, "--version"), capture_output=True, check=False).stdout
    sources = (path.read_bytes() for path in sorted([SOURCE, *SOURCE.parent.glob("*.h")]))
    parts = (*sources, version, repr(flags).encode(), _processor().encode())
    return sha256(b"\0".join(parts)).hexdigest()[:24]


def _processor() -> str:
    try:
        lines = PROCESSOR.read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"  # Not Linux.
    names = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(names)}))


def _reason(error: Exception) -> str:
    output = getattr(error, "stderr", None)
    return output.decode(errors="replace").strip()[:500] if output else str(error)
