"""Flink, as the harness sees it."""

from __future__ import annotations

from windowbench.engines.contract import Engine, Source, Term, our_program
from windowbench.engines.flink.environment import check_flink, check_gateway, install_flink, prepare_flink
from windowbench.engines.flink.tuning import PARTS
from windowbench.settings.engine import PYTHON_WORKER

ENGINE = Engine(
    command=our_program("FlinkJob.py"),
    succession=True,
    java=True,
    jars=("flink",),
    parts=lambda _config: PARTS,
    install=install_flink,
    prepare=prepare_flink,
    checks=(check_flink, check_gateway),
    terms={
        Term.RESULT_ACKS: Source(reported=("sink.properties.acks",), default="all"),
        # What the Kafka client takes that its connector brings, 4.2.
        Term.RESULT_LINGER: Source(reported=("sink.properties.linger.ms",), default="5"),
        Term.DELIVERY: Source(reported=("sink.sink.delivery-guarantee",), default="at-least-once"),
        Term.TRIGGER: Source(reported=("pipeline.auto-watermark-interval",), default="200 ms"),
        Term.IDLE_PARTITIONS: Source(reported=("table.exec.source.idle-timeout",), default="hold the watermark back"),
        Term.NETWORK_BUFFER: Source(reported=("execution.buffer-timeout.interval",), default="100 ms"),
        Term.PARALLELISM: Source(reported=("parallelism.default",), default="1"),
        Term.AGGREGATION_PARALLELISM: Source(reported=("parallelism.default",), default="1"),
        Term.CHECKPOINT_INTERVAL: Source(reported=("execution.checkpointing.interval",), default="no checkpoints"),
        Term.PYTHON_WORKER: Source(reported=(PYTHON_WORKER,), default="none"),
        Term.STATE_STORE: Source(reported=("state.backend.type",), default="hashmap"),
    },
)
