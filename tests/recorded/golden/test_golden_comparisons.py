"""Kept runs beside each other are compared, ranked and listed as before, byte for byte; see ``test_golden_runs``."""

from __future__ import annotations

import pytest

from tests.recorded.golden.kept_run import names
from tests.recorded.golden.outputs import COMPARISONS, EXPECTED, differences, of_comparison, of_list


@pytest.mark.parametrize("name", COMPARISONS)
def test_kept_runs_are_compared_as_before(name, tmp_path):
    found = differences(of_comparison(name, tmp_path), EXPECTED / "comparisons" / name)
    assert not found, found


def test_kept_runs_are_listed_as_before(tmp_path):
    found = differences(of_list(names(), tmp_path), EXPECTED / "list")
    assert not found, found
