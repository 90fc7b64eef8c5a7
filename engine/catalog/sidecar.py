"""parley.toml beside checkpoints: what their owner says of them, which goes before all that the files tell.

One in a folder speaks for every checkpoint in it and below it, and `[files."final.pt"]` in it for one file. The nearest
wins. It is only looked for inside the checkpoints folder.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.catalog import tokenizer_files
from engine.catalog.info import ChatTemplate
from engine.errors import CheckpointProblem

FILE = "parley.toml"
LARGEST = 256 * 1024
LARGEST_TEMPLATE = 256 * 1024
# What is said in one word, and what config.json calls it.
SETTINGS: Mapping[str, str] = {
    "family": "model_type",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "experts_per_token": "num_experts_per_tok",
    "context_length": "max_position_embeddings",
    "rope_style": "rope_style",
}
ROPE_STYLES = ("half", "interleaved")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What was said. `settings` are keys of config.json; `files` are those that were read, the nearest last."""

    title: str | None = None
    run: str | None = None
    hidden: bool = False
    stage: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: Path | None = None
    template: ChatTemplate | None = None
    stop: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def sidecar(path: Path, root: Path) -> Sidecar:
    """What is said of a checkpoint, from the outermost folder inwards. Raises CheckpointProblem, `sidecar_invalid`."""
    said = Sidecar()
    is_folder = path.is_dir()
    for folder in _folders(path if is_folder else path.parent, root):
        file = folder / FILE
        if not file.is_file():
            continue
        entries = _read(file)
        own = entries.pop("files", {})
        is_own_folder = is_folder and folder == path
        said = _with(said, entries, file, root, names_the_checkpoint=is_own_folder)
        about = own.get(path.name) if isinstance(own, dict) else own
        if about is not None:
            said = _with(said, about, file, root, names_the_checkpoint=True)
        said = replace(said, files=(*said.files, _shown(file, root)))
    return said


def _folders(folder: Path, root: Path) -> Iterator[Path]:
    """The root first, then down to the folder; nothing for a folder that is not inside."""
    inside = [folder, *folder.parents]
    if root in inside:
        yield from reversed(inside[: inside.index(root) + 1])


def _read(file: Path) -> dict[str, Any]:
    if file.stat().st_size > LARGEST:
        raise _invalid(f"{file.name} has more than {LARGEST} bytes")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(f"{file.name} in {file.parent.name} cannot be read: {error}") from error


def _with(said: Sidecar, entries: object, file: Path, root: Path, *, names_the_checkpoint: bool) -> Sidecar:
    if not isinstance(entries, dict):
        raise _invalid(f'{file.name}: [files."name"] must be a table')
    readers: dict[str, Callable[[Any], dict[str, Any]]] = {
        "title": lambda value: {"title" if names_the_checkpoint else "run": _text(value)},
        "hidden": lambda value: {"hidden": _flag(value)},
        "stage": lambda value: {"stage": _text(value).lower()},
        "tokenizer": lambda value: {"tokenizer": _tokenizer(value, file, root)},
        "template": lambda value: {"template": _template(value, file, root)},
        "stop": lambda value: {"stop": _texts(value)},
        "config": lambda value: {"settings": {**said.settings, **_table(value)}},
        **{name: lambda value, key=key: {"settings": {**said.settings, key: _setting(key, value)}}
           for name, key in SETTINGS.items()},
    }  # fmt: skip
    for key, value in entries.items():
        if key not in readers:
            nearest = difflib.get_close_matches(key, readers, n=1, cutoff=0.0)[0]
            raise _invalid(f"{file.name} has the key {key!r}, which is not known; the nearest is {nearest!r}")
        try:
            said = replace(said, **readers[key](value))
        except ValueError as error:
            raise _invalid(f"{file.name}: {key} {error}") from error
    return said


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 1000:
        raise ValueError("must be a text of at most 1000 characters")
    return value.strip()


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) and each for each in values):
        raise ValueError("must be a text or a list of texts")
    return tuple(values)


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a table of keys of config.json")
    return MappingProxyType(value)


def _setting(key: str, value: Any) -> Any:
    if key == "model_type":
        return _text(value)
    if key == "rope_style":
        if value not in ROPE_STYLES:
            raise ValueError(f"must be one of {', '.join(ROPE_STYLES)}")
        return value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("must be a whole number above zero")
    return value


def _tokenizer(value: Any, file: Path, root: Path) -> Path:
    """A tokenizer's file, or the one in a folder."""
    named = _place(value, file, root)
    found = tokenizer_files.in_folder(named) if named.is_dir() else named
    if found is None:
        raise ValueError(f"names a folder without tokenizer.json, tokenizer.model or vocab.json: {value!r}")
    if not tokenizer_files.has_to_be_built(found) and found.suffix != ".json":
        raise ValueError(f"must name a tokenizer.json, a tokenizer.model, a vocab.json or a folder, not {value!r}")
    return found


def _file(value: Any, file: Path, root: Path) -> Path:
    found = _place(value, file, root)
    if not found.is_file():
        raise ValueError(f"names a file that is not there: {value!r}")
    return found


def _place(value: Any, file: Path, root: Path) -> Path:
    """What is named from the sidecar's folder, inside the checkpoints folder or a folder that was linked into it."""
    found = (file.parent / _text(value)).resolve()
    if not {root.resolve(), file.parent.resolve()} & {found, *found.parents}:
        raise ValueError(f"leads out of the checkpoints folder: {value!r}")
    if not found.exists():
        raise ValueError(f"names a file that is not there: {value!r}")
    return found


def _template(value: Any, file: Path, root: Path) -> ChatTemplate:
    """A Jinja template, or the name of the file that has it."""
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        return ChatTemplate(value, file.name)
    found = _file(value, file, root)
    if found.stat().st_size > LARGEST_TEMPLATE:
        raise ValueError(f"names a file of more than {LARGEST_TEMPLATE} bytes")
    return ChatTemplate(found.read_text(encoding="utf-8", errors="replace"), f"{file.name}: {value}")


def _shown(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _invalid(message: str) -> CheckpointProblem:
    return CheckpointProblem(
        message, code="sidecar_invalid", hint=f"Mend {FILE}; docs/checkpoints.md lists what may stand in it."
    )
