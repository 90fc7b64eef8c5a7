"""What a browser is sent to at the start of a server: the page, or a file that signs it in."""

from __future__ import annotations

import stat
from pathlib import Path

from chat.browser import FILE, way_in

ADDRESS = "http://127.0.0.1:5001"
LINK = f"{ADDRESS}/login#token=a-b_c"


def test_a_server_that_asks_nobody_opens_its_page(tmp_path: Path):
    with way_in(ADDRESS, None, tmp_path) as opened:
        assert opened == ADDRESS
    assert list(tmp_path.iterdir()) == []


def test_the_link_that_signs_in_stands_in_a_file_for_this_user_alone_until_the_end(tmp_path: Path):
    (tmp_path / FILE).write_text("of an earlier start")
    with way_in(ADDRESS, LINK, tmp_path) as opened:
        assert opened == (tmp_path / FILE).as_uri()
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
        assert f"url={LINK}" in (tmp_path / FILE).read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_elsewhere_in_its_place_is_not_followed(tmp_path: Path):
    (tmp_path / FILE).symlink_to(tmp_path / "other")
    with way_in(ADDRESS, LINK, tmp_path):
        assert not (tmp_path / "other").exists()


def test_without_a_place_for_the_file_the_page_is_opened(tmp_path: Path):
    with way_in(ADDRESS, LINK, tmp_path / "gone") as opened:
        assert opened == ADDRESS
