import pytest

from config import ConfigError
from windowbench.campaigns import capacity_command
from windowbench.campaigns.capacity import Request
from windowbench.capacity.search import Plan
from windowbench.errors import ExitCode


@pytest.fixture
def requested(monkeypatch):
    """Return what a command line would have searched for."""
    found = []

    def searched(loaded, request):
        found.append((loaded, request))
        return ExitCode.OK

    monkeypatch.setattr(capacity_command, "search_capacity", searched)

    def parse(*flags):
        capacity_command.body(list(flags))
        return found[-1]

    return parse


def test_without_flags_it_starts_at_the_rate_of_its_own_profile_and_ends_within_12_minutes(requested):
    loaded, request = requested()
    assert loaded.config.windows.window_size_sec == 2.0
    assert request == Request(
        plan=Plan(start=10_000.0, lowest=100.0, highest=1_000_000.0, tolerance=0.03, most_probes=14),
        objectives=(),
        time_limit_s=660.0,
        full_warmup_s=30.0,
        full_duration_s=60.0,
    )
    assert request.time_limit_s <= 12 * 60


def test_flags_of_the_search_and_of_a_run_go_together(requested):
    loaded, request = requested(
        "--engine=reference", "--rate=5000", "--slo=excess_p90_ms<=1500", "--slo", "e2e_max_ms<9000"
    )
    assert loaded.config.engine.engine == "reference"
    assert request.plan.start == 5_000
    assert [str(objective) for objective in request.objectives] == ["excess_p90_ms<=1500", "e2e_max_ms<9000"]


def test_when_rows_become_visible_can_be_bounded_where_somebody_notes_it(requested):
    bound = "--slo=visible_excess_p90_ms<=1500"
    for flags in (("--visible-time",), ("--engine=flink", "--flink-delivery=exactly-once")):
        assert [str(o) for o in requested(bound, *flags)[1].objectives] == ["visible_excess_p90_ms<=1500"]


def test_another_profile_replaces_that_of_probes(requested):
    assert requested("--profile=bench")[0].config.load.duration_seconds == 120


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--tolerance=0",), "--tolerance must be"),
        (("--tolerance=1",), "--tolerance must be"),
        (("--tolerance=wide",), "invalid float value"),
        (("--rate=50",), "--lowest-rate must be above 0 and at most the start rate, 50"),
        (("--lowest-rate=0",), "--lowest-rate must be above 0"),
        (("--rate=2000000",), "--highest-rate must be at least the start rate"),
        (("--most-probes=0",), "--most-probes must be"),
        (("--time-limit=0",), "--time-limit must be"),
        (("--full-duration=0",), "a full run needs"),
        (("--duration=9.9",), "a probe of 4 windows cannot show whether the excess grows, which takes 5"),
        (("--checkpoint-dir=c",), "checkpoint_dir cannot be set"),
        (("--keep-broker",), "keep_broker cannot be set"),
        (("--slo=excess_p90<=5",), "there is no statistic"),
        (("--slo=visible_excess_p90_ms<=5",), "add --visible-time"),
        (("--most-probe=3",), "did you mean --most-probes?"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_message(requested, flags, words):
    with pytest.raises(ConfigError) as caught:
        requested(*flags)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--duration=20",), id="of 2 s"),
        pytest.param(("--duration=4", "--window-size-sec=0.4"), id="of 0.4 s"),
        pytest.param(("--duration=11", "--slide-sec=1"), id="of 2 s that slide by 1 s"),
    ],
)
def test_the_shortest_probe_has_10_windows(requested, flags):
    assert requested(*flags)[0].config.load.duration_seconds > 0
