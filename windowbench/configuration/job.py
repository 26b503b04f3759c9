"""What an engine is given: the topics, the windows, the query and the settings of its own.

Neither the load nor the seed is in it, nor where the run keeps its files: an engine that knew them could make its
results without reading a topic.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

from windowbench.configuration.known import SETTINGS, USUAL
from windowbench.engines import ENGINES
from windowbench.settings.engine import EngineSettings, OutputMode
from windowbench.settings.kafka import TopicSettings
from windowbench.settings.knobs import Pairs
from windowbench.settings.run import JobSettings
from windowbench.settings.windows import WindowSettings
from windowbench.settings.workload import QuerySettings
from windowbench.workloads import WORKLOADS


@dataclass(frozen=True, kw_only=True, slots=True)
class JobConfig:
    """The settings of an engine's job; a :class:`config.Config` is one that has those of the load as well."""

    GROUPS: ClassVar[tuple[str, ...]] = tuple(USUAL.job_groups)

    run: JobSettings = field(default_factory=JobSettings)
    workload: QuerySettings = field(default_factory=WORKLOADS[USUAL.workload].QUERY)
    windows: WindowSettings = field(default_factory=WindowSettings)
    kafka: TopicSettings = field(default_factory=TopicSettings)
    engine: EngineSettings = field(default_factory=ENGINES[USUAL.engine])

    @property
    def real_time(self) -> bool:
        """Whether rows leave the engine one by one, within batches that last for a fixed time."""
        return self.engine.real_time_batch_s is not None

    @property
    def output_mode(self) -> OutputMode:
        """What a result row is: ``append``, the one row of its key; ``update``, the newest of several."""
        return self.engine.output_mode

    @property
    def input_topics(self) -> tuple[str, ...]:
        """Names of the topics that hold the events."""
        return (self.kafka.events_topic, *(getattr(self.workload, name) for name in self.workload.FURTHER_TOPICS))

    @property
    def result_topics(self) -> tuple[str, ...]:
        """Names of the topics that take the rows."""
        return (self.kafka.result_topic, *(getattr(self.workload, name) for name in self.workload.FURTHER_RESULTS))

    @property
    def expected_rate(self) -> float:
        """Events per second that the engine is to be prepared for; 0 where nobody says."""
        return self.engine.expected_rate or 0.0

    @property
    def expected_warmup_seconds(self) -> float:
        """How long the engine may get ready before latency counts; 0 where nobody says."""
        return self.engine.expected_warmup_seconds or 0.0

    def flat(self) -> dict[str, Any]:
        """Return every setting by name, in the form a JSON file holds."""
        out: dict[str, Any] = {}
        for group in self.GROUPS:
            for name, value in dataclasses.asdict(getattr(self, group)).items():
                out[name] = dict(value) if SETTINGS[name].type == Pairs else value
        return out
