"""Finding a tokenizer for weights that bring none in the same file: tokenizer.json near them, nanoGPT's meta.pkl, …

tokenizer.json itself is read when the model is loaded; here only its size is checked and its special tokens are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.catalog import byte_ranks, sentence_pieces, sentencepiece_model, slow_tokenizers
from engine.catalog.documents import read_object, read_object_if_there
from engine.catalog.info import TokenizerSpec
from engine.catalog.special_tokens import SPECIAL_TOKENS, STOP_TOKENS, token_text, whole_ids
from engine.catalog.torch_pickle import read_bare
from engine.errors import CheckpointProblem

FOLDERS_UP = 3
LONGEST_CHARACTERS = 16 * 1024 * 1024
LONGEST_BEGINNING = 512 * 1024
COUNTS_REMEMBERED = 256
JSON_GAP = re.compile(r"[\s{:,]*")
# Rows of the embeddings -> whose tokenizer that many tokens usually are.
LIKELY: Mapping[int, str] = {
    50257: "GPT-2",
    50304: "GPT-2",
    50277: "GPT-NeoX",
    50432: "GPT-NeoX",
    32000: "Llama 2",
    128256: "Llama 3",
    151936: "Qwen 2 or 3",
    6400: "minimind",
    49152: "SmolLM",
    100277: "cl100k",
}


def near(path: Path, rows: int, dataset: str | None = None) -> TokenizerSpec | None:
    """The tokenizer of a checkpoint file, looked for beside it and in the folders above, three at most.

    `dataset` is the name that nanoGPT gives to its data. One with more tokens than the embeddings have rows, or with
    far fewer, is another model's and is passed over.
    """
    for file in places(path, rows, dataset):
        if not file.is_file():
            continue
        found = _read(file, path, rows)
        if found is not None and (found.vocabulary is not None or _fits(_size(found), rows)):
            return found
    return None


def _read(file: Path, path: Path, rows: int) -> TokenizerSpec | None:
    source = shown(file, path.parent)
    if file.suffix == ".bin":
        return sentence_pieces.spec(file, source, rows)
    if file.name == "meta.pkl":
        return _characters(file, path)
    if file.suffix in (".pkl", ".model"):
        found = byte_ranks.of_encoding(file, source) if file.suffix == ".pkl" else _of_model(file, source)
        is_its_own = found is not None and _fits(len(found.vocabulary.tokens), rows)
        return found if is_its_own else None
    return spec(file, path.parent, {})


def _of_model(file: Path, source: str) -> TokenizerSpec | None:
    """What is called tokenizer.model: sentencepiece's, or the lines of Llama 3."""
    if not sentencepiece_model.looks_like_one(file):
        return byte_ranks.of_lines(file, source)
    return slow_tokenizers.spec(file, source, {})


def places(path: Path, rows: int, dataset: str | None = None) -> list[Path]:
    """Where a tokenizer is looked for, in this order."""
    found: list[Path] = []
    for folder in _folders(path):
        found += [folder / "tokenizer.json", folder / "tokenizer" / "tokenizer.json", folder / "meta.pkl"]
        found += [folder / name for name in ("tokenizer/tokenizer.pkl", "tokenizer.pkl", "tokenizer.model")]
        found += [folder / name for name in ("tokenizer.bin", f"tok{rows}.bin", f"data/tok{rows}.bin")]
        # A name, not a path: what is written in a checkpoint does not lead out of the folders above it.
        if dataset and re.fullmatch(r"[\w-]{1,80}", dataset):
            found.append(folder / "data" / dataset / "meta.pkl")
    return found


def _folders(path: Path) -> list[Path]:
    return [path.parent, *path.parent.parents][: FOLDERS_UP + 1]


def absent(path: Path, rows: int) -> CheckpointProblem:
    """The problem of a checkpoint without a tokenizer: where it was looked for and which one it probably is."""
    likely = LIKELY.get(rows)
    whose = f", probably {likely}'s" if likely else ""
    folders = len(_folders(path))
    return CheckpointProblem(
        f"no tokenizer for a vocabulary of {rows} tokens{whose}: looked for tokenizer.json, tokenizer.bin and "
        f"meta.pkl beside {path.name} and in the folders above it ({folders} folders)",
        code="tokenizer_not_found",
        hint=f"Put {f'the tokenizer.json of {likely}' if likely else 'its tokenizer.json'} beside the file.",
    )


def kind(found: TokenizerSpec) -> str:
    """What kind of tokenizer it is, for people."""
    if found.vocabulary is not None:
        return "unigram" if found.vocabulary.model == "unigram" else "bpe"
    return "characters" if found.file is None else "tokenizer.json"


def in_folder(folder: Path) -> Path | None:
    """The tokenizer's file in this folder: tokenizer.json before those that have to be built."""
    file = folder / "tokenizer.json"
    return file if file.is_file() else slow_tokenizers.place(folder)


def has_to_be_built(file: Path) -> bool:
    """Whether it is a tokenizer.model or a vocab.json, whatever stands before the ending, and no tokenizer.json."""
    return file.suffix == ".model" or file.name == "vocab.json"


def of_file(file: Path, home: Path, settings: Mapping[str, Any]) -> TokenizerSpec:
    """The tokenizer in a file that `in_folder` found or somebody named, with what `settings`, a config.json, tell."""
    return (
        (slow_tokenizers.spec(file, shown(file, home), settings))
        if has_to_be_built(file)
        else spec(file, home, settings)
    )


def spec(file: Path, home: Path, settings: Mapping[str, Any]) -> TokenizerSpec:
    """A tokenizer.json with the special tokens that the files beside it and `settings`, a config.json, tell."""
    own = read_object_if_there(file.parent / "tokenizer_config.json")
    own = {**read_object_if_there(file.parent / "special_tokens_map.json"), **own}
    special = {name: text for name in SPECIAL_TOKENS if (text := token_text(own.get(name)))}
    ids = _added_tokens(file)
    stops = {*whole_ids(settings.get("eos_token_id"))}
    stops |= {ids[text] for text in (*STOP_TOKENS, special.get("eos_token")) if text in ids}
    return TokenizerSpec(
        source=shown(file, home),
        file=file,
        special_tokens=special,
        bos_id=ids.get(special.get("bos_token", ""), next(iter(whole_ids(settings.get("bos_token_id"))), None)),
        stop_ids=tuple(sorted(stops)),
    )


def _characters(file: Path, path: Path) -> TokenizerSpec | None:
    """nanoGPT's meta.pkl: one token for each character that the data had. Other characters are left out of a text.

    None for a file of that name that is something else, as many are.
    """
    if file.stat().st_size > LONGEST_CHARACTERS:
        return None
    try:
        meta = read_bare(file.read_bytes())
    except CheckpointProblem:
        return None
    ids = meta.get("stoi") if isinstance(meta, dict) else None
    if not isinstance(ids, dict) or not ids or not all(_is_character(*entry) for entry in ids.items()):
        return None
    known = "".join(re.escape(character) for character in ids)
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Replace", "pattern": {"Regex": f"[^{known}]"}, "content": ""},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False},
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": next(iter(ids))},
    }
    return TokenizerSpec(source=shown(file, path.parent), json=json.dumps(tokenizer))


def _is_character(text: Any, token_id: Any) -> bool:
    is_id = isinstance(token_id, int) and not isinstance(token_id, bool) and token_id >= 0
    return isinstance(text, str) and len(text) == 1 and not 0xD800 <= ord(text) < 0xE000 and is_id


def _size(found: TokenizerSpec) -> int:
    """How many tokens there are, as far as the file's vocabulary tells."""
    if found.json is not None or found.file is None:
        return _count(json.loads(found.json or "{}"))
    stat = found.file.stat()
    return _count_in(found.file, stat.st_ino, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=COUNTS_REMEMBERED)
def _count_in(file: Path, inode: int, changed: int, size: int) -> int:
    """The checkpoints of a run ask one after the other for what takes a hundredth of a second to count."""
    return _count(read_object(file))


def _count(document: Mapping[str, Any]) -> int:
    model = document.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    ids = [len(vocabulary) - 1] if isinstance(vocabulary, list) else []
    if isinstance(vocabulary, dict):
        ids = [each for each in vocabulary.values() if isinstance(each, int)]
    return 1 + max((*ids, *_added_ids(document).values()), default=-1)


def _fits(size: int, rows: int) -> bool:
    """Rows are often padded up to a multiple of 64 or 128, seldom by more."""
    return 0 < size <= rows and rows - size < max(512, rows // 50)


def _added_tokens(file: Path) -> dict[str, int]:
    """The added tokens of a tokenizer.json. They stand at its beginning, before the vocabulary that makes it long."""
    with file.open("rb") as stream:
        beginning = stream.read(LONGEST_BEGINNING).decode("utf-8", errors="ignore")
    try:
        return _added_ids({"added_tokens": _value_at_the_beginning(beginning, "added_tokens")})
    except (ValueError, RecursionError):
        return _added_ids(read_object(file))


def _value_at_the_beginning(text: str, wanted: str) -> Any:
    """The value of a key of a JSON object of which only the beginning is there. Raises ValueError if it is not."""
    decoder, place = json.JSONDecoder(), JSON_GAP.match(text).end()
    while place < len(text) and text[place] != "}":
        key, place = decoder.raw_decode(text, place)
        value, place = decoder.raw_decode(text, JSON_GAP.match(text, place).end())
        if key == wanted:
            return value
        place = JSON_GAP.match(text, place).end()
    raise ValueError(f"no {wanted} at the beginning")


def _added_ids(document: Mapping[str, Any]) -> dict[str, int]:
    added = document.get("added_tokens")
    entries = added if isinstance(added, list) else []
    known = [entry for entry in entries if isinstance(entry, dict)]
    return {
        entry["content"]: entry["id"]
        for entry in known
        if isinstance(entry.get("content"), str) and isinstance(entry.get("id"), int)
    }


def shown(file: Path, home: Path) -> str:
    """The file as it is reached from the checkpoint's folder."""
    up = 0
    while home not in file.parents and home != home.parent:
        home, up = home.parent, up + 1
    return "../" * up + file.relative_to(home).as_posix()
