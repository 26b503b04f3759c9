"""What the report of a run is made of: plain data, wherever it comes from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from data_generation_mmpp import MmppPath
from windowbench.judge.measures.resources import Span
from windowbench.load.schedule import Schedule
from windowbench.report.curves import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContent:
    """A run as its report sees it. Of a run that ended early most is missing, and each part may be.

    `summary`, `status` and `environment` are the content of the files of that name, `windows` and `host` the columns of
    ``windows.csv`` and ``samples/host.parquet``, `load` is the load second by second.
    """

    run_id: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    """Each setting by name."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Which layer set each."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    phases: Sequence[Span] = ()
    path: MmppPath | None = None
    """Of the states of bursty load."""
    windows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    latencies_ms: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Of the rows of measured windows, by name."""
    load: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    host: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    progress: Progress | None = None
    problems: Sequence[str] = ()
    """What could not be read."""
