"""Every help text is as before, and every load: the same seed gives the same bytes; see ``test_golden_runs``."""

from __future__ import annotations

import pytest

from tests.recorded.golden.outputs import EXPECTED, WORKLOADS, differences, of_help, of_load


def test_every_help_text_is_as_before(tmp_path):
    found = differences(of_help(tmp_path), EXPECTED / "help")
    assert not found, found


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_same_seed_gives_the_same_load_as_before(workload):
    found = differences(of_load(workload), EXPECTED / "loads" / workload)
    assert not found, found
