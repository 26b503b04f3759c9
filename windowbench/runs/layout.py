"""Where each file of a run is, and what it holds.

Those that :mod:`windowbench.runs.store` reads and writes by their names alone: ``format.json``, ``origins.json`` (which
layer set each setting), ``environment.json``, ``timeline.json`` (the phases), ``producers.json`` (counts of each),
``events_topic.json`` (what reading it again found), ``mmpp_path.json``, ``salt.json`` (of a blind run, when it is over),
``drain.json``, ``external_clock.json``, ``consumer.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from config import Config


class _Below:
    """A path below a run's directory, by its name relative to that."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, paths: RunPaths, _kind: type[RunPaths]) -> Path:
        return paths.path / self._name


@dataclass(frozen=True, slots=True)
class RunPaths:
    """The paths below a run's directory."""

    path: Path

    # written before and during the run
    config = _Below("config.json")
    """Exact and complete."""
    schedule = _Below("schedule.json")
    """Written when broker and engine are ready."""
    progress = _Below("progress.jsonl")
    """Every JSON line of the engine with the time it was received."""
    status = _Below("status.json")
    """How the run ended."""
    topics = _Below("topics.json")
    """What became of every offset of the topics of events and results."""
    engine = _Below("engine")
    """What the engine was given, and what it wrote: its checkpoint, its own logs."""
    logs = _Below("logs")
    """Directory of the services' logs."""

    # samples
    samples = _Below("samples")
    """Directory of the raw samples."""
    result_samples = _Below("samples/results.parquet")
    """The results topic, read whole after the engine stopped."""
    visible_samples = _Below("samples/visible.parquet")
    """When each result became visible, where that was asked for."""
    visible_calibration = _Below("samples/visible_calibration.parquet")
    """When records in no transaction were visible, which shows what the observer itself takes."""
    host_samples = _Below("samples/host.parquet")
    """Clocks, CPU, memory and disk, about once a second."""
    judged_rows = _Below("samples/rows.parquet")
    """One line per judged result row, written by the judge."""
    load_series = _Below("samples/load.parquet")
    """The load second by second, scheduled and sent, written by the judge."""

    # written by the judge
    windows_csv = _Below("windows.csv")
    """One line per window."""
    summary = _Below("summary.json")
    """Every reported number."""
    verdict = _Below("verdict.json")
    """Verdict and reasons."""

    @property
    def run_id(self) -> str:
        """Name of the run, which is the directory's name."""
        return self.path.name

    def file(self, name: str) -> Path:
        """Path of any file of the run by its name relative to the directory."""
        return self.path / name

    def log(self, service: str) -> Path:
        """Log file of a service."""
        return self.logs / f"{service}.log"

    def producer_samples(self, producer: int) -> Path:
        """``sent_ns`` of every event of a producer; row n is event n."""
        return self.samples / f"producer-{producer}.parquet"

    def ack_samples(self, producer: int) -> Path:
        """``n`` and ``ack_us`` (hand-over to acknowledgement) of the events whose acknowledgement was timed."""
        return self.samples / f"acks-{producer}.parquet"

    def latency_report(self, config: Config) -> Path:
        """``latency_report_{producers}_{events}_{distribution}.csv``."""
        load = config.load
        return self.path / f"latency_report_{load.num_producers}_{load.events_label}_{load.data_generator}.csv"
