"""``python -m windowbench capacity``: how much an engine sustains on this machine."""

from __future__ import annotations

import argparse

from config import Loaded, config_parser, load
from windowbench.campaigns.capacity import Request, search_capacity
from windowbench.capacity.objective import parse_objective
from windowbench.judge.measures.steady_state import LEAST_POINTS
from windowbench.runs.files.capacity import Plan
from windowbench.settings.knobs import require

_DESCRIPTION = "Find the highest rate that an engine sustains: exact, in time, and within every objective."
_EPILOG = """\
Probes are runs of --profile capacity, unless you name another; --rate is where the search starts. All settings of a run
apply. A full run confirms the rate that was found.

examples:
  python -m windowbench capacity --engine spark
  python -m windowbench capacity --engine flink --slo 'excess_p90_ms<=1500' --slo 'excess_max_ms<=3000'
  python -m windowbench capacity --engine reference --rate 5000 --highest-rate 50000

exit codes:
  0 found and confirmed   2 usage   3 environment   10 engine   11 broker   12 producers
  20 generator, broker or wrong rows stood in the way of every rate   21 nothing confirmed
  22 no rate is sustainable   99 no rate meets the objectives   130/143 interrupted
"""


def body(argv: list[str] | None) -> int:
    """Run the command."""
    parser = config_parser("python -m windowbench capacity", _DESCRIPTION, epilog=_EPILOG)
    search = parser.add_argument_group("search")
    search.add_argument(
        "--slo",
        action="append",
        default=[],
        metavar="STATISTIC<=MS",
        help="an objective, such as 'excess_p90_ms<=1500'; may be given several times [default: none]",
    )
    for flag, kind, default, text in (
        ("--lowest-rate", float, 100.0, "events/s below which nothing is tried"),
        ("--highest-rate", float, 1_000_000.0, "events/s above which nothing is tried"),
        ("--tolerance", float, 0.03, "width of the bracket, as a share of the rate, at which the search is over"),
        ("--most-probes", int, 14, "short probes at most"),
        # Below 12 minutes: the full run of a rate next to the limit was seen to take 36 s longer than probes foretold.
        ("--time-limit", float, 660.0, "seconds for everything, the confirmation included"),
        ("--full-warmup", float, 30.0, "warm-up of a full run, and of the first probe of an engine that is cold"),
        ("--full-duration", float, 60.0, "measured phase of a full run"),
    ):
        search.add_argument(flag, type=kind, default=default, metavar="N", help=f"{text} [default: {default:g}]")
    loaded = load(parser, argv, prepare=_with_profile)
    return search_capacity(loaded, request_of(loaded))


def _with_profile(namespace: argparse.Namespace) -> None:
    namespace.profile = namespace.profile or "capacity"


def request_of(loaded: Loaded) -> Request:
    """Return what the arguments ask for.

    Raises
    ------
    ConfigError
        When they contradict each other or the settings.
    """
    given, config = loaded.arguments, loaded.config
    start = float(config.load.total_rate)
    require(0 < given.lowest_rate <= start, f"--lowest-rate must be above 0 and at most the start rate, {start:g}")
    require(given.highest_rate >= start, f"--highest-rate must be at least the start rate, {start:g}")
    require(0.001 <= given.tolerance < 1, "--tolerance must be at least 0.001 and below 1")
    require(given.most_probes >= 1, "--most-probes must be at least 1")
    require(given.time_limit > 0, "--time-limit must be positive")
    require(given.full_warmup >= 0 and given.full_duration > 0, "a full run needs a positive duration")
    windows = (round(config.load.duration_seconds * 1000) - config.windows.size_ms) // config.windows.slide_ms + 1
    require(
        windows >= LEAST_POINTS,
        f"a probe of {windows} windows cannot show whether the excess grows, which takes {LEAST_POINTS}:"
        " give a longer --duration or shorter windows",
    )
    values = config.flat()
    for place in config.engine.PLACES:
        require(values[place] is None, f"{place} cannot be set: every probe has its own")
    require(not config.kafka.keep_broker, "keep_broker cannot be set: the broker serves every probe and then ends")
    objectives = tuple(parse_objective(text) for text in given.slo)
    require(
        config.observes_visible_time or not any(objective.statistic.is_visible for objective in objectives),
        "nobody notes when rows become visible, which an objective bounds: add --visible-time",
    )
    return Request(
        plan=Plan(
            start=start,
            lowest=given.lowest_rate,
            highest=given.highest_rate,
            tolerance=given.tolerance,
            most_probes=given.most_probes,
        ),
        objectives=objectives,
        time_limit_s=given.time_limit,
        full_warmup_s=given.full_warmup,
        full_duration_s=given.full_duration,
    )
