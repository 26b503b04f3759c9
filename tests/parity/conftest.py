"""What tests of parity share in a process."""

import pytest

from tests.parity.flink_rows import FlinkWorker


@pytest.fixture(scope="session")
def run_jobs(tmp_path_factory):
    """Give a function that returns the rows of each of some jobs of Flink."""
    worker = FlinkWorker(tmp_path_factory.mktemp("flink"))
    yield worker.run
    worker.stop()
