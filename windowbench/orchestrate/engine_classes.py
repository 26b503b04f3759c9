"""Making the class archive of an engine: one small job on one small broker, whose JVM keeps the classes it loaded.

Made once by ``setup --class-archive``, like the archive of the broker. Where none can be made (a runtime without a base
archive, settings of the user's own beside the engine's) only time is lost at each start.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from config import Config
from data_generation import encoder_of, event_blocks
from windowbench.broker.archive import make_once
from windowbench.broker.embedded import installed_broker
from windowbench.engines.contract import ClassArchive, Machine, engine_command
from windowbench.errors import EngineFailed
from windowbench.kafka.admin import Admin, cluster_id, planned_topics
from windowbench.kafka.sender import KafkaSender
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.numbering import input_partitions
from windowbench.load.schedule import NS_PER_MS, plan
from windowbench.orchestrate.drain import EndWriter
from windowbench.orchestrate.services import JsonLineService
from windowbench.processes.surroundings import surroundings
from windowbench.processes.waiting import wait_until
from windowbench.runs.store import RunDirectory

_READY_SECONDS = 120.0
_ROWS_SECONDS = 60.0
_KEEP_SECONDS = 60.0
_EVENTS = 200


def make_classes(machine: Machine, archive: ClassArchive) -> bool:
    """Run a small job and keep the classes its JVM loaded; as :func:`windowbench.broker.archive.make_once`."""
    return make_once(archive.path(machine), lambda scratch, fresh: _run_job(scratch, machine, archive, fresh))


def _run_job(scratch: Path, machine: Machine, archive: ClassArchive, fresh: Path) -> None:
    """Let a job see some events and END on a broker of its own; its JVM writes the archive when it ends."""
    with installed_broker(scratch, cluster_id, cache_dir=machine.cache_dir, heap_mb=256) as broker:
        config = Config().replace(
            engine=machine.config.engine.engine,
            run_id="classes",
            runs_dir=str(scratch),
            cache_dir=str(machine.cache_dir),
            bootstrap_servers=broker.ready(),
            window_size_sec=1.0,
        )
        config = archive.keeping(config, fresh)
        assert machine.java is not None
        run = RunDirectory.create(scratch / "classes")
        run.write_config(config)
        admin = Admin(config)
        for topic in planned_topics(config):
            admin.create(topic)
        job = JsonLineService(
            "job",
            engine_command(config, run.path),
            log_path=run.log("engine"),
            failure=EngineFailed,
            env=machine.java.environment(surroundings(os.environ) | {"TMPDIR": str(scratch)}),
        )
        with contextlib.ExitStack() as stack:
            stack.callback(job.stop, _KEEP_SECONDS)
            job.start()
            job.await_message("ready", _READY_SECONDS, abort=job.check)
            _send_events(config)
            EndWriter(config).write()
            wait_until(lambda: admin.records(config.kafka.result_topic), _ROWS_SECONDS, "rows", abort=job.check)


def _send_events(config: Config) -> None:
    schedule = plan(config, time.time_ns())
    block = next(event_blocks(config, 0, arrival_offsets(config, 0), schedule.load_length_ns)).part(0, _EVENTS)
    sender, encoder = KafkaSender(config, input_partitions(config)), encoder_of(config)
    now_ms = time.time_ns() // NS_PER_MS
    events = zip(encoder.keys(block), encoder.encode(block, schedule), block.partition.tolist(), strict=True)
    for key, payload, partition in events:
        sender.send(payload + b"%d}" % now_ms, key, partition, now_ms)
    sender.flush(_ROWS_SECONDS)
