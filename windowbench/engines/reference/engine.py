"""The reference engine, as the harness sees it: the floor for every engine, and a second opinion."""

from __future__ import annotations

from config import Config
from windowbench.engines.contract import Engine, Source, Term, our_program
from windowbench.engines.reference.settings import ReferenceSettings


def _idle(config: Config) -> str:
    return f"{ReferenceSettings.of(config.engine).idle_timeout_ms} ms"


ENGINE = Engine(
    command=our_program("ReferenceJob.py"),
    terms={
        Term.RESULT_ACKS: Source(reported=("acks",)),
        Term.RESULT_LINGER: Source(reported=("linger.ms",)),
        Term.DELIVERY: Source(fixed="at-least-once"),
        Term.TRIGGER: Source(fixed="with every read of the topic"),
        Term.IDLE_PARTITIONS: Source(configured=_idle),
        Term.NETWORK_BUFFER: Source(fixed="none"),
        Term.PARALLELISM: Source(reported=("consumers",)),
        Term.AGGREGATION_PARALLELISM: Source(fixed="1"),
        Term.CHECKPOINT_INTERVAL: Source(fixed="no checkpoints"),
        Term.PYTHON_WORKER: Source(fixed="the engine itself is Python"),
        Term.STATE_STORE: Source(fixed="memory of the process"),
    },
)
