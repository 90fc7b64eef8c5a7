"""docs/settings.md says what the code says."""

from __future__ import annotations

from pathlib import Path

from chat.settings_table import DOCUMENT, document

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_page_of_settings_is_what_the_code_says():
    remedy = "run `python -m chat config --write-table`"
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == document(), remedy
