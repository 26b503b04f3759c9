"""What Flink asks of a workload: its query, as SQL. Nothing here loads PyFlink."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from config import JobConfig
from windowbench.workloads.contract import Part


def no_settings(config: JobConfig) -> dict[str, str]:
    """Need no settings of the job."""
    del config
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class FlinkQuery(Part):
    """How Flink computes a workload, with built-in functions alone: no rows pass a Python worker.

    Attributes
    ----------
    statements : callable
        Returns the statements of the job, of which the last starts it. Gets the configuration, the run id, and the
        options of the table of each topic of events and of results, as SQL.
    settings : callable
        Returns the settings of the job without which the query does not mean what it says.
    """

    PLACE: ClassVar[str] = "flink.QUERY"

    statements: Callable[[JobConfig, str, Sequence[str], Sequence[str]], list[str]]
    settings: Callable[[JobConfig], Mapping[str, str]] = no_settings
