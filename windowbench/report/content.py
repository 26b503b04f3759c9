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

    Attributes
    ----------
    run_id : str
    summary : mapping
        Content of ``summary.json``.
    status : mapping
        Content of ``status.json``: how the run ended.
    config, origins : mapping
        Each setting by name, and which layer set it.
    environment : mapping
        Content of ``environment.json``.
    schedule : Schedule or None
        None of a run whose load never began.
    phases : sequence of Span
    path : MmppPath or None
        State path of bursty load.
    windows : mapping of str to sequence
        Columns of ``windows.csv``, numbers as numbers, None where there is none.
    latencies_ms : mapping of str to array
        Latencies of the rows of measured windows, by name.
    load : mapping of str to array
        The load second by second.
    host : mapping of str to array
        Columns of ``samples/host.parquet``.
    progress : Progress or None
        What the engine said while it ran.
    problems : sequence of str
        What could not be read.
    """

    run_id: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    phases: Sequence[Span] = ()
    path: MmppPath | None = None
    windows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    latencies_ms: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    load: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    host: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    progress: Progress | None = None
    problems: Sequence[str] = ()
