"""Turning what a user asked for into the exact configuration of one run, and its directory."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from config import MUST_COUNT_MARGIN_MS, Config, ConfigError
from windowbench.engines.contract import ROOT, engine_of
from windowbench.errors import EnvironmentProblem
from windowbench.kafka.admin import Admin, TopicPlan
from windowbench.runs.store import RunDirectory, first_unused


def usual_name(config: Config) -> str:
    """Return how a run is called that the user gave no name."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{config.engine.engine}-{config.load.data_generator}-s{config.run.seed}"


def run_directory(config: Config) -> RunDirectory:
    """Make the directory of a run: of the name that the user gave it, or else of one that no other has.

    Raises
    ------
    RunDirectoryProblem
        When it cannot be made.
    """
    runs = Path(config.run.runs_dir)
    if config.run.run_id is not None:
        return RunDirectory.create(runs / config.run.run_id)
    return first_unused(usual_name(config), lambda name: RunDirectory.create(runs / name))


def with_run_topics(config: Config, origins: Mapping[str, str]) -> Config:
    """Append the run id to topic names on an external broker, except to names the user chose.

    An embedded broker lives with the run, so its names are used as they are.
    """
    if config.kafka.embedded:
        return config
    values = config.flat()
    names = {
        name: f"{values[name]}-{config.run.run_id}" for name in config.topic_settings if origins.get(name) == "default"
    }
    return config.replace(**names)


def check_judgeable(config: Config) -> None:
    """Refuse a run that could not be valid whatever the engine does.

    An engine may close a window as soon as the watermark delay after its end is over. An event that is sent later than
    that would be dropped by chance, so lateness of the delay less the margin makes a run invalid; here that is all.

    Raises
    ------
    ConfigError
        When the watermark delay does not exceed the margin, or the engine could not run in its mode.
    """
    engine_of(config).check(config)
    if config.windows.delay_ms <= MUST_COUNT_MARGIN_MS:
        msg = (
            f"watermark_delay_sec must be above {MUST_COUNT_MARGIN_MS / 1000:g} in a run that is judged,"
            f" not {config.windows.watermark_delay_sec:g}: any lateness in sending would decide what counts"
        )
        raise ConfigError(msg)


def planned_bytes(config: Config) -> int:
    """Return about how much the events of a run take in the broker's log."""
    size = max(config.workload.EVENT_BYTES, config.events.payload_bytes + 100)
    return int(config.load_seconds * float(config.load.total_rate) * size)


def prepare_topic(admin: Admin, plan: TopicPlan, *, clear: bool) -> None:
    """Make sure a topic exists and is empty.

    Raises
    ------
    EnvironmentProblem
        When it holds records and `clear` is not set, or exists with other settings.
    """
    if admin.ensure(plan):
        return
    held = admin.records(plan.name)
    if held and not clear:
        msg = f"topic {plan.name} already holds {held} records"
        raise EnvironmentProblem(
            msg, remedy="name a fresh topic, leave the name out, or give --clear-topics to delete its records"
        )
    admin.clear(plan.name)


def producer_command(config_path: Path, schedule_path: Path) -> list[str]:
    """Return the command line of the producers of a run."""
    return [sys.executable, str(ROOT / "producer.py"), "--config", str(config_path), "--schedule", str(schedule_path)]


def observer_command(config_path: Path) -> list[str]:
    """Return the command line of what notes when results become visible."""
    return [sys.executable, str(ROOT / "visible_time.py"), "--config", str(config_path)]
