import pytest

from windowbench.engines.spark.progress import BatchLog, cause_of, is_committed, is_waiting
from windowbench.load.numbering import Numbering


def report(batch_id, **changes):
    """Return a progress report as Spark writes it, with the fields that matter."""
    whole = {
        "batchId": batch_id,
        "numInputRows": 10,
        "inputRowsPerSecond": 25.5,
        "durationMs": {"addBatch": 80, "commitOffsets": 10, "triggerExecution": 120},
        "eventTime": {"watermark": "2025-10-09T08:53:20.123Z"},
        "stateOperators": [{"numRowsDroppedByWatermark": 2}],
        "sources": [{"endOffset": {"events": {"0": 7, "1": 9}, "other": {"0": 1}}}],
        "observedMetrics": {"guard": {"rejected": 3, "ends": 0}},
    }
    return whole | changes


def idle(batch_id):
    return report(batch_id, durationMs={"latestOffset": 5, "triggerExecution": 5}, observedMetrics={})


def log():
    return BatchLog(Numbering(topics=("events",), each=2), "guard")


def test_a_report_becomes_a_message():
    assert log().take([report(4)]) == [
        {
            "type": "progress",
            "position": {"0": 7, "1": 9},
            "batch_id": 4,
            "batch_ms": 120,
            "watermark_ms": 1_760_000_000_123,
            "input_rows": 10,
            "input_rows_per_second": 25.5,
            "rejected": 3,
            "dropped": 2,
            "state_rows": None,
            "state_bytes": None,
            "checkpoint_ms": 10.0,
            "phases_ms": {"addBatch": 80, "commitOffsets": 10, "triggerExecution": 120},
        }
    ]


def test_state_is_that_of_all_operators_and_a_checkpoint_is_all_that_is_written_for_recovery():
    phases = {"walCommit": 7, "addBatch": 80, "commitOffsets": 10, "triggerExecution": 120}
    one = {"numRowsTotal": 300, "memoryUsedBytes": 5_000, "commitTimeMs": 21, "allUpdatesTimeMs": 900}
    other = {"numRowsTotal": 4, "memoryUsedBytes": 60, "commitTimeMs": 1}
    (message,) = log().take([report(0, durationMs=phases, stateOperators=[one, other])])
    assert (message["state_rows"], message["state_bytes"]) == (304, 5_060)
    assert message["checkpoint_ms"] == 7 + 10 + 21 + 1


def test_a_query_without_state_keeps_none_and_still_commits():
    (message,) = log().take([report(0, stateOperators=[])])
    assert (message["state_rows"], message["state_bytes"], message["checkpoint_ms"]) == (None, None, 10)


def test_an_empty_state_is_none_kept_and_not_unknown():
    (message,) = log().take([report(0, stateOperators=[{"numRowsTotal": 0, "memoryUsedBytes": 0}])])
    assert (message["state_rows"], message["state_bytes"]) == (0, 0)


def test_rejected_and_dropped_add_up_over_batches_and_over_calls():
    batches = log()
    assert [message["rejected"] for message in batches.take([report(0), report(1)])] == [3, 6]
    (last,) = batches.take([report(2)])
    assert (last["rejected"], last["dropped"]) == (9, 6)


def test_what_several_guards_reject_adds_up_and_counts_of_another_kind_do_not():
    guards = {"guard of clicks": {"rejected": 3}, "guard of views": {"rejected": 4, "ends": 1}, "mine": {"rejected": 9}}
    (message,) = log().take([report(0, observedMetrics=guards)])
    assert message["rejected"] == 7


def test_a_batch_that_comes_again_is_neither_reported_nor_counted_twice():
    batches = log()
    batches.take([report(0), report(1)])
    (message,) = batches.take([report(0), report(1), report(2)])
    assert (message["batch_id"], message["rejected"]) == (2, 9)
    assert batches.take([report(2)]) == []


def test_batches_come_in_their_order_whatever_the_order_of_the_reports():
    assert [message["batch_id"] for message in log().take([report(2), report(0), report(1)])] == [0, 1, 2]


def test_the_report_of_an_idle_query_is_not_the_batch_whose_number_it_carries():
    batches = log()
    batches.take([report(0)])
    assert batches.take([idle(1)]) == []
    assert batches.last_batch == 0
    assert [message["batch_id"] for message in batches.take([idle(1), report(1)])] == [1]


def test_only_a_batch_that_ran_is_committed():
    assert is_committed(report(0))
    assert not is_committed(idle(0))
    assert not is_committed({"batchId": 0})


def test_what_spark_leaves_out_is_none_or_zero():
    bare = {"batchId": 0, "durationMs": {"addBatch": 1}, "sources": [{"endOffset": None}]}
    (message,) = log().take([bare])
    assert message["position"] == {}
    assert (message["watermark_ms"], message["batch_ms"], message["input_rows_per_second"]) == (None, None, None)
    assert (message["input_rows"], message["rejected"], message["dropped"]) == (0, 0, 0)


@pytest.mark.parametrize("rate", ["NaN", "Infinity", None])
def test_a_rate_that_is_no_number_is_none(rate):
    (message,) = log().take([report(0, inputRowsPerSecond=rate)])
    assert message["input_rows_per_second"] is None


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00.000Z", None),
        ("1970-01-01T00:00:00.001Z", 1),
        ("2025-10-09T08:53:20.000Z", 1_760_000_000_000),
        ("2099-12-31T23:59:57.000Z", 4_102_444_797_000),
    ],
)
def test_a_watermark_is_in_ms_and_none_before_the_first(text, ms):
    (message,) = log().take([report(0, eventTime={"watermark": text})])
    assert message["watermark_ms"] == ms


@pytest.mark.parametrize(
    ("status", "waiting"),
    [
        ("Initializing sources", False),
        ("Getting offsets from KafkaV2[Subscribe[events]]", False),
        ("Processing new data", False),
        ("Waiting for data to arrive", True),
        ("Waiting for next trigger", True),
    ],
)
def test_a_query_waits_only_after_it_asked_for_offsets(status, waiting):
    assert is_waiting(status) is waiting


class JavaError:
    """Stands for an exception in the JVM."""

    def __init__(self, *texts):
        self._texts = texts

    def toString(self):  # noqa: N802 - the name it has in Java
        return self._texts[0]

    def getCause(self):  # noqa: N802
        return JavaError(*self._texts[1:]) if self._texts[1:] else None


class FromJvm(Exception):
    def __init__(self, text, *java):
        super().__init__(text)
        self._origin = JavaError(*java) if java else None


TASK = (
    "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 5.0 failed 1 times, most recent"
    " failure: Lost task 0.0 in stage 5.0 (TID 5) (127.0.0.1 executor driver): java.io.IOException: disk full\n"
    "\tat org.apache.spark.Somewhere(Somewhere.scala:1)"
)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ValueError("plain\nand more"), "plain"),
        (FromJvm("outer", "a.Outer: outer", "b.Inner: why\n\tat c.D(E.java:1)"), "b.Inner: why"),
        (FromJvm("outer", "a.Outer: outer", TASK), "java.io.IOException: disk full"),
        (FromJvm("only here"), "only here"),
        (FromJvm(""), "unknown cause"),
        (FromJvm("outer", "a.Outer: outer", ""), "a.Outer: outer"),
    ],
)
def test_the_cause_of_a_failure_is_its_innermost_first_line(error, cause):
    assert cause_of(error) == cause


def test_the_cause_is_known_though_the_jvm_is_gone():
    class Gone:
        def toString(self):  # noqa: N802
            raise ConnectionRefusedError

    error = FromJvm("the connection broke")
    error._origin = Gone()
    assert cause_of(error) == "the connection broke"
