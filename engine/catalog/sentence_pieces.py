"""llama2.c's tokenizer.bin: pieces of text with their scores, in the order of their ids.

Format: https://github.com/karpathy/llama2.c, tokenizer.py: the longest piece's length, then for each piece a float32
score, its length and its bytes, spaces being spaces. Ids 0 to 2 are <unk>, <s> and </s>; then come bytes as <0x00>.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from pathlib import Path

from engine.catalog.info import TokenizerSpec, Vocabulary
from engine.errors import CheckpointProblem

LONGEST_FILE, MOST_PIECES = 64 * 1024 * 1024, 1_000_000
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
FIRST = ("<unk>", "<s>", "</s>")
SPACE = "\u2581"


def spec(file: Path, source: str, rows: int) -> TokenizerSpec | None:
    """The tokenizer, or None when the file does not have exactly `rows` pieces: it is another model's."""
    stat = file.stat()
    return _remembered(file, source, rows, stat.st_ino, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _remembered(file: Path, source: str, rows: int, inode: int, changed: int, size: int) -> TokenizerSpec | None:
    pieces = _pieces(file)
    if len(pieces) != rows or rows < len(FIRST):
        return None
    texts = [*FIRST, *(text.replace(" ", SPACE) for text, _ in pieces[len(FIRST) :])]
    kinds = [BYTE if re.fullmatch(r"<0x[0-9A-F]{2}>", text) else NORMAL for text in texts]
    kinds[: len(FIRST)] = UNKNOWN, CONTROL, CONTROL
    return TokenizerSpec(
        source=source,
        vocabulary=Vocabulary("llama", "default", tuple(texts), tuple(score for _, score in pieces), tuple(kinds), ()),
        special_tokens={"bos_token": "<s>", "eos_token": "</s>"},
        bos_id=1,
        stop_ids=(1, 2),
        add_bos=True,
    )


def _pieces(file: Path) -> list[tuple[str, float]]:
    if file.stat().st_size > LONGEST_FILE:
        return []
    data, place, found = file.read_bytes(), 4, []
    try:
        while place < len(data) and len(found) < MOST_PIECES:
            score, length = struct.unpack_from("<fI", data, place)
            text = data[place + 8 : place + 8 + length]
            if len(text) < length:
                raise ValueError("the last piece breaks off")
            found.append((text.decode(), score))
            place += 8 + length
    except (struct.error, ValueError) as error:
        raise CheckpointProblem(
            f"{file.name} cannot be read as llama2.c's tokenizer: {error}",
            code="tokenizer_broken",
            hint="Export the tokenizer again.",
        ) from error
    return found
