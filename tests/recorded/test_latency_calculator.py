import json

import pytest

import latency_calculator
from tests.unit.synthetic_run import MS, small_config, synthetic_run
from windowbench.judge.tables import latency_csv
from windowbench.judge.topics import judge_pair
from windowbench.load.record import Record
from windowbench.load.schedule import GUARD_FUTURE_MS, GUARD_PAST_MS
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.verdict import Status

# --- a run directory --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [
        (lambda _run, _dir: None, 0, "valid"),
        (lambda run, _dir: run.results.pop(), 20, "invalid"),
        (lambda _run, directory: directory.schedule.unlink(), 21, "unknown"),
    ],
)
def test_exit_code_is_that_of_the_verdict(tmp_path, capsys, spoil, code, word):
    run = synthetic_run()
    if word == "invalid":
        spoil(run, None)
    directory = run.write(tmp_path)
    if word != "invalid":
        spoil(run, directory)
    assert latency_calculator.main([str(directory.path)]) == code
    captured = capsys.readouterr()
    assert captured.out.startswith(f"verdict: {word}")
    assert captured.err == ""


def test_exit_code_of_an_unsustainable_run(tmp_path, capsys):
    run = synthetic_run()
    for result in run.results:
        result.append_ms += max(0, (result.row["window_end"] * MS - run.schedule.base_time_ns) // (20 * MS))
    assert latency_calculator.main([str(run.write(tmp_path).path)]) == 22
    assert "verdict: unsustainable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "name a run directory, or a pair of topics"),
        (["/nowhere/at/all"], 3, "there is no run directory /nowhere/at/all"),
        (["{here}"], 3, "has no config.json"),
        (["{here}", "--rate", "5"], 2, "a run directory has its own settings"),
        (["--rat", "5"], 2, "did you mean --rate?"),
        (["--bootstrap-servers"], 2, "--bootstrap-servers"),
    ],
)
def test_bad_arguments_give_one_message_and_no_traceback(tmp_path, capsys, arguments, code, words):
    assert latency_calculator.main([a.format(here=tmp_path) for a in arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert "Traceback" not in captured.err


def test_a_damaged_configuration_is_bad_usage(tmp_path, capsys):
    directory = synthetic_run().write(tmp_path)
    directory.config.write_text('{"rate": ')
    assert latency_calculator.main([str(directory.path)]) == 2
    assert "config.json is not valid JSON" in capsys.readouterr().err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        latency_calculator.main(["--help"])
    out = capsys.readouterr().out
    assert "python latency_calculator.py runs/" in out
    assert "--events-topic" in out


# --- a pair of topics -------------------------------------------------------------------------------------------------


def record(value, stamp_ms, offset=0, partition=0, timestamp_type=0):
    return Record(partition, offset, timestamp_type, stamp_ms, b"k", value)


def events_of(run):
    slide_ns = run.config.windows.slide_ms * MS
    found = []
    for event in sorted(run.events, key=lambda e: e.sent):
        payload = {
            "event_type": event.kind,
            "campaign_id": event.campaign,
            "event_time_ns": event.time,
            "window_id": (event.time - run.schedule.base_time_ns) // slide_ns,
            "produce_time": event.sent // MS,
        }
        found.append(record(json.dumps(payload).encode(), event.sent // MS, partition=event.partition))
    return found


def results_of(run):
    ordered = sorted(run.results, key=lambda r: r.append_ms)
    return [record(r.record(), r.append_ms, i, timestamp_type=1) for i, r in enumerate(ordered)]


def judged(run, events, results, **settings):
    config = small_config(run_id=None, **settings)
    summary, report = judge_pair(config, [events[:700], [], events[700:]], [results])
    return summary.verdict, as_json(summary), report


def test_a_pair_of_topics_is_unknown_and_shows_what_it_holds():
    run = synthetic_run()
    verdict, summary, report = judged(run, events_of(run), results_of(run))
    assert verdict.status is Status.UNKNOWN
    assert verdict.warnings == ()
    assert summary["run_id"] == "synthetic"
    assert summary["rows"]["exact"] == summary["rows"]["expected"] == 51
    assert summary["topics"]["events"] == len(run.events)
    assert [window for window, _ in report] == list(range(len(report)))
    start = run.schedule.base_time_ns // MS
    rows = [r for r in run.results if r.row["window_start"] == start]
    assert report[0] == (0, max(r.append_ms - r.row["max_produce_time"] for r in rows))
    assert latency_csv(report[:1]).startswith("window_id,max_latency_ms\n0,")


def test_errors_in_the_rows_of_a_pair_are_warnings():
    run = synthetic_run(slide_sec=1.0)
    run.result(3, 0).row["clicks"] += 1
    run.results.remove(run.result(4, 1))
    verdict, summary, _ = judged(run, events_of(run), results_of(run), slide_sec=1.0)
    assert (summary["rows"]["wrong_value"], summary["rows"]["missing"]) == (1, 1)
    assert verdict.warnings == (
        "1 rows differ from the events in the topic",
        "1 windows and campaigns with events have no row",
    )


def test_campaign_ids_may_be_any_integers():
    run = synthetic_run()
    events = []
    for item in events_of(run):
        payload = json.loads(item.value)
        payload["campaign_id"] = payload["campaign_id"] * 10**12 - 5
        events.append(record(json.dumps(payload).encode(), item.timestamp_ms, partition=item.partition))
    for result in run.results:
        result.row["campaign_id"] = result.row["campaign_id"] * 10**12 - 5
    _, summary, _ = judged(run, events, results_of(run))
    assert summary["rows"]["exact"] == 51
    assert summary["rows"]["unexpected"] == 0


@pytest.mark.parametrize(
    ("ahead_ms", "accepted"),
    [(GUARD_FUTURE_MS, True), (GUARD_FUTURE_MS + 1, False), (-GUARD_PAST_MS, True), (-GUARD_PAST_MS - 1, False)],
)
def test_events_are_accepted_as_engines_accept_them(ahead_ms, accepted):
    stamp = 1_760_000_000_000
    payload = {
        "event_type": "view",
        "campaign_id": 0,
        "event_time_ns": (stamp + ahead_ms) * MS,
        "window_id": 0,
        "produce_time": stamp,
    }
    summary, _ = judge_pair(small_config(run_id=None), [[record(json.dumps(payload).encode(), stamp)]], [])
    assert summary.topics.events == (1 if accepted else 0)
    assert summary.topics.rejected == (0 if accepted else 1)


def test_poison_in_either_topic_is_counted_and_spoils_nothing():
    run = synthetic_run()
    poison = [None, b"", b"{", b"\xff\xfe", b"[1]", b'{"event_type":"END","run_id":"other"}', b"x" * 900_000]
    stamp = events_of(run)[0].timestamp_ms
    events = events_of(run) + [record(value, stamp) for value in poison]
    results = results_of(run) + [record(value, stamp, 10**6 + i) for i, value in enumerate(poison)]
    _, summary, _ = judged(run, events, results)
    assert summary["topics"]["rejected"] == len(poison)
    assert summary["rows"]["exact"] == 51
    assert summary["rows"]["foreign"] == len(poison)


def test_two_empty_topics_are_unknown_and_nothing_fails():
    config = small_config(run_id=None)
    found, report = judge_pair(config, [], [])
    verdict, summary = found.verdict, as_json(found)
    assert verdict.status is Status.UNKNOWN
    assert report == []
    assert summary["latencies_ms"]["e2e"]["p50"] is None


def test_rows_of_windows_of_another_size_name_the_flag(monkeypatch, capsys):
    run = synthetic_run()

    def topics(config, topic):
        return iter([events_of(run) if topic == config.kafka.events_topic else results_of(run)])

    monkeypatch.setattr("windowbench.kafka.reader.read_topic", topics)
    assert latency_calculator.main(["--bootstrap-servers", "nowhere:1"]) == 2
    assert "give --window-size-sec 2" in capsys.readouterr().err


def test_the_program_reads_both_topics_and_writes_where_it_is_told(monkeypatch, capsys, tmp_path):
    run = synthetic_run()

    def topics(config, topic):
        return iter([events_of(run) if topic == config.kafka.events_topic else results_of(run)])

    monkeypatch.setattr("windowbench.kafka.reader.read_topic", topics)
    arguments = ["--bootstrap-servers", "nowhere:1", "--window-size-sec", "2", "--watermark-delay-sec", "1"]
    assert latency_calculator.main([*arguments, "--output", str(tmp_path / "out")]) == 21
    out = capsys.readouterr().out
    assert out.startswith("verdict: unknown   run synthetic")
    assert "e2e_ms" in out
    assert "excess_ms" not in out
    assert max(map(len, out.split("files in")[0].splitlines())) <= 80
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "latency_report_2_20000_poisson.csv",
        "summary.json",
    ]
