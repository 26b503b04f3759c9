"""A run as its directory shows it. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.runs.files.summary import Summary
from windowbench.runs.files.verdict import Status

Sample = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Values of a latency in ns, and the window of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRun:
    """A run as its directory shows it.

    Attributes
    ----------
    run_id : str
    directory : str
        As the user named it.
    status : str
        How it ended: "completed", "failed", "aborted", "running", "damaged", "unknown".
    verdict : Status
    reason : str or None
        Why it is not eligible for a comparison.
    exit_code : int
        What a command over several runs has to say of it.
    config : Config or None
        None where it cannot be read.
    summary : Summary or None
        None where it was not judged.
    environment : dict
        Content of ``environment.json``, empty where there is none.
    started_ns : int or None
        Epoch of its load.
    samples : dict of str to Sample
        Latencies of measured windows by name; of an eligible run alone.
    """

    run_id: str
    directory: str
    status: str
    verdict: Status
    reason: str | None
    exit_code: int
    config: Config | None = None
    summary: Summary | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    started_ns: int | None = None
    samples: Mapping[str, Sample] = field(default_factory=dict)

    @property
    def eligible(self) -> bool:
        """Whether its figures may stand beside those of others."""
        return self.reason is None

    def named(self, run_id: str) -> ReadRun:
        """Return the run under another name."""
        return dataclasses.replace(self, run_id=run_id)
