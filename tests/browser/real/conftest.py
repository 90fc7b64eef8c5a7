"""The whole of it: browser, server, worker process and the starter model. No double anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.serving import serving
from tests.starter import starter_file


@pytest.fixture(scope="session")
def server_url(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real server over the starter model."""
    folder = tmp_path_factory.mktemp("real")
    checkpoints = str(starter_file().parents[1])
    with serving("chat", folder, "--checkpoints", checkpoints, "--cache-directory", str(folder / "cache")) as address:
        yield address
