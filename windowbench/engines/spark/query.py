"""What Spark asks of a workload: its query. Nothing here loads PySpark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from config import JobConfig
from windowbench.workloads.contract import Part

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OBSERVATION = "guard"
"""Name under which a streaming query's progress carries how many records its guard rejected."""


def nothing_more(config: JobConfig) -> dict[str, str]:
    """Need no further settings."""
    del config
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class SparkQuery(Part):
    """How Spark computes a workload: data frames of Kafka records in, one of Kafka records out.

    Attributes
    ----------
    results : callable
        Returns the result rows of its sources.
    records : callable
        Returns those rows as Kafka records: ``key``, ``value``, and ``topic`` where there are several.
    apart : bool
        Whether each input topic is a source of its own; else one source reads all of them.
    python_worker : bool
        Whether rows pass a Python worker on their way.
    settings : mapping of str to str
        Settings of Spark without which there is no such query.
    tuned : callable
        Settings that the preset ``tuned`` adds to the session for this query.
    """

    PLACE: ClassVar[str] = "spark.QUERY"

    results: Callable[[Sequence[DataFrame], JobConfig], DataFrame]
    records: Callable[[DataFrame], DataFrame]
    apart: bool = False
    python_worker: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    tuned: Callable[[JobConfig], Mapping[str, str]] = nothing_more


def of_one_source(
    results: Callable[[DataFrame, JobConfig], DataFrame],
) -> Callable[[Sequence[DataFrame], JobConfig], DataFrame]:
    """Return the results of the one source that there is."""
    return lambda sources, config: results(sources[0], config)
