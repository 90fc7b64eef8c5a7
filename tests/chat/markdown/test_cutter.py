"""Blocks end where Markdown says so, and a finished one is never touched again."""

from __future__ import annotations

import pytest

from chat.markdown.cutter import MAX_LIST, Cutter


def cut(text: str) -> list[str]:
    cutter = Cutter()
    chunks = [chunk for line in text.split("\n") for chunk in cutter.add(line)]
    return [chunk.source for chunk in [*chunks, *cutter.finish()]]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("a\nb\n\n\nc", ["a\nb", "c"]),
        ("a\n# b\nc", ["a", "# b", "c"]),
        ("a\n- b\n- c\n\n- d\n\ne", ["a", "- b\n- c\n\n- d", "e"]),
        ("- a\n\n  b\n\n    c\n\nd", ["- a\n\n  b\n\n    c", "d"]),
        ("- a\nlazy\n\nb", ["- a\nlazy", "b"]),
        ("a\n2. b", ["a\n2. b"]),
        ("a\n1. b", ["a", "1. b"]),
        ("a\n---\nb", ["a\n---\nb"]),
        ("a\n* * *", ["a\n* * *"]),
        ("- a\n* * *\nb", ["- a", "* * *\nb"]),
        ("```\na\n\nb\n```\nc", ["a\n\nb", "c"]),
        ("a\n```\nb", ["a", "b"]),
        ("````\n```\n````", ["```"]),
        ("```\n~~~\n```", ["~~~"]),
        ("``` a`b\nc", ["``` a`b\nc"]),
        ("  ```\n    a\n  b\n```", ["  a\nb"]),
        ("- a\n  ```\n\n  b\n  ```\n\n  c", ["- a\n  ```\n\n  b\n  ```\n\n  c"]),
        ("- a\n```\nb\n```\n- c", ["- a", "b", "- c"]),
        ("    a\n\n    b\nc", ["    a\n\n    b", "c"]),
        ("$$\na\n- b\n$$\nc", ["$$\na\n- b\n$$", "c"]),
        ("$$a$$\nb", ["$$a$$", "b"]),
        ("$$a$$ and b\nc", ["$$a$$ and b\nc"]),
        ("\\begin{align}\na\n\\end{align}\nb", ["\\begin{align}\na\n\\end{align}", "b"]),
        ("$$\na\n\nb", ["$$\na", "b"]),
    ],
)
def test_text_is_cut_where_a_block_ends(text: str, blocks: list[str]) -> None:
    assert cut(text) == blocks


def test_a_long_list_is_cut_between_two_items() -> None:
    items = [f"- {'word ' * 50}{number}" for number in range(40)]
    blocks = cut("\n".join(items))
    assert len(blocks) > 2
    assert "\n".join(blocks) == "\n".join(items)
    assert max(map(len, blocks)) < MAX_LIST + 400


def test_the_language_is_the_first_word_after_the_fence() -> None:
    cutter = Cutter()
    assert list(cutter.add("```python title=x")) == []
    (chunk,) = cutter.add("```")
    assert chunk.language == "python"
