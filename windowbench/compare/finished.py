"""A run as its directory shows it. Pure."""

from __future__ import annotations

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
    """A run as its directory shows it; `config` is None where it cannot be read, `summary` where it was not judged."""

    run_id: str
    directory: str
    """As the user named it."""
    status: str
    """How it ended: "completed", "failed", "aborted", "running", "damaged", "unknown"."""
    verdict: Status
    reason: str | None
    """Why it is not eligible for a comparison."""
    exit_code: int
    """What a command over several runs has to say of it."""
    config: Config | None = None
    salt: str | None = None
    """Of a blind run, where its directory has it."""
    summary: Summary | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Content of ``environment.json``."""
    started_ns: int | None = None
    """Epoch of its load."""
    samples: Mapping[str, Sample] = field(default_factory=dict)
    """Latencies of measured windows by name; of an eligible run alone."""

    @property
    def eligible(self) -> bool:
        """Whether its figures may stand beside those of others."""
        return self.reason is None

    @property
    def standing(self) -> str:
        """Its verdict, or how it ended where it has none."""
        return self.verdict if self.status == "completed" else self.status
