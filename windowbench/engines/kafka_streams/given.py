"""What the Java program is given: one file of JSON, and a command line.

``Settings.java`` has the same fields and says what they mean. The file holds the user's credentials, so nobody else may
read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from config import ConfigError, JobConfig
from windowbench.engines.kafka_streams.settings import KafkaStreamsSettings
from windowbench.kafka.settings import bootstrap_of, java_settings
from windowbench.load.schedule import END_EVENT_TIME_NS, GUARD_FUTURE_MS, GUARD_PAST_MS
from windowbench.settings.windows import MUST_COUNT_MARGIN_MS
from windowbench.workloads.product_ctr.settings import ProductCtrQuery

_CLOCK_MS = 50
"""What is sent a little late or out of turn within one source."""
WORKLOADS = ("ad_ctr", "product_ctr")
"""Those whose query ``Query.java`` holds."""
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "ad_clicks": "a click finds its impression in another topic within a time, which the windows here do not do",
        "web_analytics": "its sessions, rankings and rates are joined across windows of several kinds",
    }
)
"""The others, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The fields of ``Settings.java``."""

    workload: str
    runId: str  # noqa: N815 - as the Java program calls it
    inputs: tuple[str, ...]
    output: str
    partitions: int
    countingPartitions: int  # noqa: N815
    sizeMs: int  # noqa: N815
    slideMs: int  # noqa: N815
    delayMs: int  # noqa: N815
    latenessMs: int  # noqa: N815
    skewMs: int  # noqa: N815
    idleMs: int  # noqa: N815
    endEventTimeNs: int  # noqa: N815
    guardPastMs: int  # noqa: N815
    guardFutureMs: int  # noqa: N815
    properties: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write the file, for this user's eyes only."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def check_workload(workload: str) -> None:
    """Make sure that there is a query for a workload.

    Raises
    ------
    ConfigError
        When there is none; with the reason.
    """
    if workload not in WORKLOADS:
        reason = REFUSED.get(workload, "nobody has written it")
        raise ConfigError(
            f"kafka_streams has no query for the workload {workload}: {reason}; there are {', '.join(WORKLOADS)}"
        )


def given(config: JobConfig, properties: Mapping[str, str], state_dir: Path) -> Given:
    """Return what the program is given for a configuration.

    Parameters
    ----------
    config : JobConfig
        Has the run id.
    properties : mapping of str to str
        Of Kafka Streams and its clients, as far as they do not tell of this run.
    state_dir : Path
        Where it keeps its stores.

    Raises
    ------
    ConfigError
        When there is no query for the workload, or no broker is named.
    """
    check_workload(config.engine.workload)
    own, windows = config.workload, config.windows
    return Given(
        workload=config.engine.workload,
        runId=config.run.run_id or "",
        inputs=tuple(config.input_topics),
        output=config.kafka.result_topic,
        partitions=config.kafka.partitions,
        countingPartitions=config.kafka.partitions,
        sizeMs=windows.size_ms,
        slideMs=windows.slide_ms,
        delayMs=windows.delay_ms,
        latenessMs=own.lateness_ms if isinstance(own, ProductCtrQuery) else 0,
        skewMs=MUST_COUNT_MARGIN_MS - _CLOCK_MS,
        idleMs=KafkaStreamsSettings.of(config.engine).idle_timeout_ms,
        endEventTimeNs=END_EVENT_TIME_NS,
        guardPastMs=GUARD_PAST_MS,
        guardFutureMs=GUARD_FUTURE_MS,
        properties={
            **java_settings(config),
            "bootstrap.servers": bootstrap_of(config),
            "application.id": f"windowbench-{config.run.run_id}",
            "state.dir": str(state_dir),
            **properties,
        },
    )
