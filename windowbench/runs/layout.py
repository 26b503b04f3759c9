"""Where each file of a run is, and what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from config import Config

MEASURED = "measured"
"""How ``windows.csv`` and ``rows.parquet`` name the phase whose windows are measured."""


@dataclass(frozen=True, slots=True)
class RunPaths:
    """The paths below a run's directory.

    Attributes
    ----------
    path : Path
        The directory.
    """

    path: Path

    @property
    def run_id(self) -> str:
        """Name of the run, which is the directory's name."""
        return self.path.name

    def file(self, name: str) -> Path:
        """Path of any file of the run by its name relative to the directory."""
        return self.path / name

    # --- written before and during the run ----------------------------------------------------------------------------

    @property
    def config(self) -> Path:
        """``config.json``, exact and complete."""
        return self.path / "config.json"

    @property
    def schedule(self) -> Path:
        """``schedule.json``, written when broker and engine are ready."""
        return self.path / "schedule.json"

    @property
    def origins(self) -> Path:
        """``origins.json``: which layer set each setting."""
        return self.path / "origins.json"

    @property
    def environment(self) -> Path:
        """``environment.json``: machine and versions."""
        return self.path / "environment.json"

    @property
    def timeline(self) -> Path:
        """``timeline.json``: start and end of every phase."""
        return self.path / "timeline.json"

    @property
    def progress(self) -> Path:
        """``progress.jsonl``: every JSON line of the engine with the time it was received."""
        return self.path / "progress.jsonl"

    @property
    def producers(self) -> Path:
        """``producers.json``: counts of every producer."""
        return self.path / "producers.json"

    @property
    def events_topic(self) -> Path:
        """``events_topic.json``: what reading the events topic again found."""
        return self.path / "events_topic.json"

    @property
    def topics(self) -> Path:
        """``topics.json``: what became of every offset of the topics of events and results."""
        return self.path / "topics.json"

    @property
    def drain(self) -> Path:
        """``drain.json``: how the engine finished after the end of load."""
        return self.path / "drain.json"

    @property
    def external_clock(self) -> Path:
        """``external_clock.json``: clock offset of an external broker."""
        return self.path / "external_clock.json"

    @property
    def status(self) -> Path:
        """``status.json``: how the run ended."""
        return self.path / "status.json"

    @property
    def logs(self) -> Path:
        """Directory of the services' logs."""
        return self.path / "logs"

    def log(self, service: str) -> Path:
        """Log file of a service."""
        return self.logs / f"{service}.log"

    @property
    def engine(self) -> Path:
        """What the engine was given, and what it wrote: its checkpoint, its own logs."""
        return self.path / "engine"

    # --- samples ------------------------------------------------------------------------------------------------------

    @property
    def samples(self) -> Path:
        """Directory of the raw samples."""
        return self.path / "samples"

    def producer_samples(self, producer: int) -> Path:
        """``sent_ns`` of every event of a producer; row n is event n."""
        return self.samples / f"producer-{producer}.parquet"

    def ack_samples(self, producer: int) -> Path:
        """``n`` and ``ack_us`` (hand-over to acknowledgement) of the events whose acknowledgement was timed."""
        return self.samples / f"acks-{producer}.parquet"

    @property
    def result_samples(self) -> Path:
        """The results topic, read whole after the engine stopped."""
        return self.samples / "results.parquet"

    @property
    def visible_samples(self) -> Path:
        """When each result became visible, where that was asked for."""
        return self.samples / "visible.parquet"

    @property
    def visible_calibration(self) -> Path:
        """When records in no transaction were visible, which shows what the observer itself takes."""
        return self.samples / "visible_calibration.parquet"

    @property
    def host_samples(self) -> Path:
        """Clocks, CPU, memory and disk, about once a second."""
        return self.samples / "host.parquet"

    @property
    def judged_rows(self) -> Path:
        """One line per judged result row, written by the judge."""
        return self.samples / "rows.parquet"

    @property
    def load_series(self) -> Path:
        """The load second by second, scheduled and sent, written by the judge."""
        return self.samples / "load.parquet"

    # --- written by the judge -----------------------------------------------------------------------------------------

    @property
    def windows_csv(self) -> Path:
        """``windows.csv``: one line per window."""
        return self.path / "windows.csv"

    def latency_report(self, config: Config) -> Path:
        """``latency_report_{producers}_{events}_{distribution}.csv``."""
        load = config.load
        return self.path / f"latency_report_{load.num_producers}_{load.events_label}_{load.data_generator}.csv"

    @property
    def summary(self) -> Path:
        """``summary.json``: every reported number."""
        return self.path / "summary.json"

    @property
    def verdict(self) -> Path:
        """``verdict.json``: verdict and reasons."""
        return self.path / "verdict.json"
