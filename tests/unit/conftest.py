"""What several tests of `pipeline.fetch` stand on: a server of files on this machine, and places of their own."""

import pytest

from pipeline.fetch.settings import Places
from tests.fetch_server import serving


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def places(tmp_path) -> Places:
    return Places(tmp_path / "raw", tmp_path / "sources.lock.yaml")
