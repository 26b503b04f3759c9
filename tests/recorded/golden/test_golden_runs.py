"""Kept runs of every engine, workload and output mode are judged and shown as before, byte for byte.

A change that is meant to change what is written or shown writes the expected texts anew, in its own commit:
``python -m tests.recorded.golden.record``. The diff of that commit says what changed.
"""

from __future__ import annotations

import json

import pytest

from tests.recorded.golden.kept_run import names
from tests.recorded.golden.outputs import EXPECTED, differences, of_run


@pytest.mark.parametrize("name", names())
def test_a_kept_run_is_judged_and_shown_as_before(name, tmp_path):
    found = differences(of_run(name, tmp_path), EXPECTED / "judged" / name)
    assert not found, found


def test_every_kept_run_is_judged_but_those_whose_engine_failed():
    codes = {}
    for name in names():
        verdict = json.loads((EXPECTED / "judged" / name / "verdict.json").read_bytes())
        codes[name] = [reason["code"] for reason in verdict["reasons"] if reason["party"] == "judge"]
    failed = {"command-ad_ctr-failed": ["judge_failed"], "command-ad_ctr-no_start": ["no_schedule"]}
    assert {name: found for name, found in codes.items() if found} == failed
