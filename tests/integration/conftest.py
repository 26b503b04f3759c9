"""A real PostgreSQL for the tests of this directory, in a place that its user may enter."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from windowbench.postgres.server import EmbeddedPostgres


@pytest.fixture(scope="session")
def open_directory():
    """Give a directory that everybody may enter, unlike pytest's own: started by root, PostgreSQL is not root."""
    path = Path(tempfile.mkdtemp(prefix="windowbench-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def database(open_directory):
    """Give a server that runs; a test that stops it starts it again."""
    with EmbeddedPostgres(open_directory / "shared") as server:
        server.ready()
        yield server
