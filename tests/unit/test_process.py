"""What the process module knows without starting anything."""

from __future__ import annotations

import os

from windowbench.processes.process import tail
from windowbench.processes.process_table import TAG, start_mark, tagged_processes
from windowbench.settings.knobs import ENV_PREFIX
from windowbench.settings.masking import hide_values


def test_every_secret_value_is_masked():
    redact = hide_values(["hunter2", "s3cret"])
    assert redact("password=hunter2 token=s3cret hunter2") == "password=****** token=****** ******"


def test_a_value_inside_a_longer_one_does_not_spoil_its_mask():
    assert hide_values(["pass", "password1"])("x=password1") == "x=******"


def test_an_empty_value_masks_nothing():
    assert hide_values([""])("a line") == "a line"


def test_the_tail_of_a_missing_log_is_empty(tmp_path):
    assert tail(tmp_path / "none.log", 5) == ()


def test_the_tail_has_the_last_lines_in_order(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {n}\n" for n in range(100)))
    assert tail(log, 3) == ("line 97", "line 98", "line 99")
    assert tail(log, 0) == ()


def test_a_tail_survives_bytes_that_are_not_text(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"good\n\xff\xfe bad\n")
    assert tail(log, 2)[0] == "good"


def test_the_tail_of_a_huge_log_reads_only_its_end(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("x" * 200_000 + "\nlast\n")
    lines = tail(log, 10)
    assert lines[-1] == "last"
    assert sum(map(len, lines)) < 70_000


def test_a_start_mark_stays_the_same_and_is_not_another_processes():
    assert start_mark(os.getpid()) == start_mark(os.getpid())
    assert start_mark(os.getpid()) != start_mark(1)


def test_a_process_that_does_not_exist_has_no_start_mark():
    assert start_mark(2**22 + 1) is None  # above the greatest pid of Linux


def test_nobody_carries_a_tag_that_was_never_given():
    assert tagged_processes("never given") == []


def test_the_tag_of_a_child_is_not_taken_for_a_setting():
    assert not TAG.startswith(ENV_PREFIX)
