import json

import numpy as np
import pytest

from config import ConfigError
from tests.unit.synthetic_run import NOW_NS, small_config
from windowbench.errors import ExitCode
from windowbench.load.schedule import plan
from windowbench.runs.samples import (
    SampleWriter,
    iter_column,
    iter_records,
    read_columns,
    read_table,
    row_count,
    write_parquet,
)
from windowbench.runs.store import SCHEMA_VERSION, RunDirectory, RunDirectoryProblem


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "run-1")


# --- the directory ----------------------------------------------------------------------------------------------------


def test_created_directory_has_its_parts_and_its_version(run):
    assert run.run_id == "run-1"
    assert run.logs.is_dir()
    assert run.samples.is_dir()
    assert run.read_json("format.json") == {"schema_version": SCHEMA_VERSION}


def test_a_directory_that_is_there_is_refused_whether_it_holds_something_or_not(tmp_path):
    with pytest.raises(RunDirectoryProblem, match="exists") as caught:
        RunDirectory.create(tmp_path)
    assert caught.value.exit_code == ExitCode.ENVIRONMENT


def test_a_place_that_cannot_be_written_is_named_with_a_remedy(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunDirectoryProblem, match="cannot write") as caught:
        RunDirectory.create(tmp_path / "file" / "run")
    assert "--runs-dir" in caught.value.remedy


def test_open_wants_a_run_directory(tmp_path, run):
    with pytest.raises(RunDirectoryProblem, match="no run directory"):
        RunDirectory.open(tmp_path / "absent")
    with pytest.raises(RunDirectoryProblem, match=r"no config\.json"):
        RunDirectory.open(tmp_path)
    run.write_config(small_config())
    assert RunDirectory.open(run.path) == run


def test_open_refuses_another_layout(run):
    run.write_config(small_config())
    run.write_json("format.json", {"schema_version": SCHEMA_VERSION + 1})
    with pytest.raises(RunDirectoryProblem, match=f"layout {SCHEMA_VERSION + 1}"):
        RunDirectory.open(run.path)


def test_configuration_and_schedule_come_back_as_they_were(run):
    config = small_config()
    schedule = plan(config, NOW_NS)
    assert run.read_schedule() is None
    run.write_config(config)
    run.write_schedule(schedule)
    assert run.read_config() == config
    assert run.read_schedule() == schedule


def test_latency_report_is_named_by_producers_events_and_distribution(run):
    config = small_config(num_producers=3, rate=900.0, duration_seconds=60.0, data_generator="mmpp")
    assert run.latency_report(config).name == "latency_report_3_18000_mmpp.csv"


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_a_write_that_fails_leaves_what_was_there_and_no_other_file(run):
    run.write_json("verdict.json", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write_json("verdict.json", {"a": float("nan")})
    run.file("verdict.json.part").mkdir()
    with pytest.raises(RunDirectoryProblem, match=r"verdict\.json"):
        run.write_json("verdict.json", {"a": 2})
    assert run.read_json("verdict.json") == {"a": 1}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1]", b"null"])
def test_a_damaged_json_file_is_named(run, content):
    run.file("producers.json").write_bytes(content)
    with pytest.raises(RunDirectoryProblem, match=r"run-1: producers\.json is damaged"):
        run.read_json("producers.json")


def test_a_missing_json_file_is_named_or_none(run):
    with pytest.raises(RunDirectoryProblem, match=r"cannot read drain\.json"):
        run.read_json("drain.json")
    assert run.read_json_if_present("drain.json") is None


@pytest.mark.parametrize("values", [{}, {"epoch_ns": "x"}, {"epoch_ns": None}])
def test_a_damaged_schedule_is_named(run, values):
    run.write_json("schedule.json", values)
    with pytest.raises(RunDirectoryProblem, match=r"schedule\.json is damaged"):
        run.read_schedule()


def test_a_damaged_configuration_is_a_configuration_error(run):
    run.config.write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json"):
        run.read_config()


def test_json_lines_leave_out_a_last_line_that_was_cut_off(run):
    run.write_text("progress.jsonl", '{"a": 1}\n\n[5]\n{"a": 2}\n{"a": ')
    assert list(run.iter_json_lines("progress.jsonl")) == [{"a": 1}, {"a": 2}]
    assert list(run.iter_json_lines("absent.jsonl")) == []


def test_json_lines_name_a_damaged_line_in_the_middle(run):
    run.write_text("progress.jsonl", '{"a": 1}\n{"a": \n{"a": 2}\n')
    with pytest.raises(RunDirectoryProblem, match=r"line 2 of progress\.jsonl"):
        list(run.iter_json_lines("progress.jsonl"))


# --- samples ----------------------------------------------------------------------------------------------------------


def test_samples_appear_under_their_name_only_when_finished(run):
    path = run.producer_samples(0)
    writer = SampleWriter(path, {"sent_ns": "int64"}, row_group_rows=4)
    for start in range(0, 10, 3):
        writer.append(sent_ns=np.arange(start, start + 3))
    assert not path.exists()
    writer.close()
    writer.close()
    assert writer.rows == row_count(path) == 12
    assert read_columns(path)["sent_ns"].tolist() == list(range(12))
    assert [p.name for p in run.samples.iterdir()] == ["producer-0.parquet"]


def test_samples_in_pieces_are_the_samples(run):
    path = run.producer_samples(0)
    with SampleWriter(path, {"sent_ns": "int64"}, row_group_rows=5) as writer:
        writer.append(sent_ns=np.arange(23))
    pieces = list(iter_column(path, "sent_ns", batch_rows=4))
    assert max(len(piece) for piece in pieces) <= 4
    assert np.concatenate(pieces).tolist() == list(range(23))


def test_an_exception_while_writing_leaves_no_file(run):
    def interrupted():
        with SampleWriter(run.host_samples, {"wall_ns": "int64"}) as writer:
            writer.append(wall_ns=[1])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(run.samples.iterdir()) == []


def test_an_empty_file_of_samples_can_be_read(run):
    with SampleWriter(run.ack_samples(0), {"n": "int64", "ack_us": "int64"}) as writer:
        writer.append(n=[], ack_us=[])
    assert read_table(run.ack_samples(0)).num_rows == 0
    assert list(iter_column(run.ack_samples(0), "n")) == []


def test_append_wants_every_column(run):
    with SampleWriter(run.ack_samples(0), {"n": "int64"}) as writer, pytest.raises(ValueError, match="columns"):
        writer.append(m=[1])


def test_binary_columns_keep_null_and_empty_apart(run):
    values = [b"", None, b"\x00\xff", b"x"]
    write_parquet(run.result_samples, {"offset": np.arange(4), "value": values})
    pieces = list(iter_records(run.result_samples, ["offset"], "value", batch_rows=3))
    assert [value for _, piece in pieces for value in piece] == values
    assert np.concatenate([numbers["offset"] for numbers, _ in pieces]).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "read",
    [
        read_table,
        read_columns,
        row_count,
        lambda path: list(iter_column(path, "sent_ns")),
        lambda path: list(iter_records(path, ["offset"], "value")),
    ],
)
def test_damaged_and_missing_samples_are_named(run, read):
    path = run.producer_samples(3)
    with pytest.raises(RunDirectoryProblem, match=r"run-1: samples/producer-3\.parquet is missing"):
        read(path)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(RunDirectoryProblem, match=r"samples/producer-3\.parquet is damaged"):
        read(path)


def test_a_file_without_the_column_is_damaged(run):
    write_parquet(run.producer_samples(0), {"other": np.arange(3)})
    with pytest.raises(RunDirectoryProblem, match="damaged"):
        list(iter_column(run.producer_samples(0), "sent_ns"))
    with pytest.raises(RunDirectoryProblem, match="damaged"):
        list(iter_records(run.producer_samples(0), ["sent_ns"], "other"))


def test_a_long_run_of_send_times_takes_few_bytes_each(run):
    rng = np.random.default_rng(1)
    sent = 1_760_000_000_000_000_000 + np.cumsum(rng.integers(0, 200_000, 200_000))
    with SampleWriter(run.producer_samples(0), {"sent_ns": "int64"}) as writer:
        writer.append(sent_ns=sent)
    assert run.producer_samples(0).stat().st_size < 3.5 * len(sent)


def test_json_of_a_run_is_plain_json(run):
    path = run.write_json("summary.json", {"a": [1, None, "ä"]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": [1, None, "ä"]}


def test_a_run_directory_is_nobody_elses(tmp_path):
    assert RunDirectory.create(tmp_path / "r").path.stat().st_mode & 0o777 == 0o700
