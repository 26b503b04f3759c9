import numpy as np
import pytest

from tests.unit.synthetic_run import small_config
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.judge.verdict.generator import AckSamples, GeneratorLedger
from windowbench.load.schedule import Schedule
from windowbench.runs.files.load import TopicFigures

MS = 1_000_000
S = 1_000_000_000
SCHEDULE = Schedule(epoch_ns=0, base_time_ns=10 * S, measure_end_ns=20 * S, load_end_ns=25 * S)


def figures(due, sent, *, acks=None, recorded=None, parts=1):
    ledger = GeneratorLedger(small_config(), SCHEDULE, {0: acks} if acks else {})
    for piece in np.array_split(np.arange(len(due)), parts):
        n = len(piece)
        ledger.add(
            ScheduledEvents(
                producer=0,
                first=int(piece[0]) if n else 0,
                due_ns=np.array(due, dtype=np.int64)[piece],
                event_time_ns=np.array(due, dtype=np.int64)[piece],
                sent_ns=np.array(sent, dtype=np.int64)[piece],
                partition=np.zeros(n, dtype=np.int32),
            )
        )
    return ledger.figures(TopicFigures(), recorded)


@pytest.mark.parametrize(
    ("due", "measured"),
    [
        pytest.param(10 * S - 1, 0, id="one ns before the measured phase"),
        pytest.param(10 * S, 1, id="exactly at its start"),
        pytest.param(20 * S - 1, 1, id="one ns before its end"),
        pytest.param(20 * S, 0, id="exactly at its end"),
    ],
)
def test_an_event_belongs_to_the_measured_phase_by_its_due_time(due, measured):
    found = figures([due], [due + MS])
    assert (found.scheduled, found.scheduled_measured, found.sent_measured) == (1, measured, measured)
    assert found.lateness_max_ms == (1.0 if measured else None)
    assert found.lateness_max_all_ms == 1.0


@pytest.mark.parametrize(("after_ms", "in_time"), [(50, 1), (51, 0)])
def test_an_event_sent_after_the_phase_counts_within_the_lateness_a_valid_run_may_show(after_ms, in_time):
    assert figures([20 * S - 1], [20 * S + after_ms * MS]).sent_measured == in_time


@pytest.mark.parametrize(
    ("sent", "early"),
    [
        pytest.param(15 * S + 5 * MS, 0, id="within the ms it is due"),
        pytest.param(15 * S + 5 * MS - 1, 1, id="one ns before that ms"),
    ],
)
def test_early_is_decided_by_floored_ms(sent, early):
    assert figures([15 * S + 5 * MS + 999_999], [sent]).early == early


def test_unsent_events_are_scheduled_and_neither_late_nor_early():
    found = figures([15 * S, 16 * S], [15 * S, UNSENT])
    assert (found.scheduled, found.sent, found.sent_measured, found.early) == (2, 1, 1, 0)
    assert found.lateness_max_ms == 0.0
    assert found.last_sent_ns == 15 * S


def test_recorded_sends_beyond_the_schedule_count_as_sent():
    found = figures([15 * S], [15 * S], recorded=4)
    assert (found.sent, found.sent_measured) == (4, 4)


def test_acknowledgements_are_those_of_sampled_events_of_the_measured_phase():
    due = [9 * S, 11 * S, 12 * S, 13 * S]
    acks = AckSamples(numbers=np.array([3, 0, 1]), waited_ns=np.array([7, 900, 5]) * MS)
    for parts in (1, 2, 4):
        found = figures(due, due, acks=acks, parts=parts)
        assert (found.ack_p50_ms, found.ack_max_ms) == (pytest.approx(5.0, abs=0.0011), 7.0)


def test_a_load_without_events_has_no_lateness():
    found = figures([], [])
    assert (found.scheduled, found.lateness_p99_ms, found.ack_p99_ms, found.last_sent_ns) == (0, None, None, None)
