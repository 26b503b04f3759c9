"""How long a batch of the Spark job takes with its settings, and with Spark's own.

    python -m benchmarks.spark_batches [--rate R] [--seconds S]

Each set of settings gets fresh topics, a fresh job and the same even load on the same embedded broker. The job's own
reports give the batch times; the first half of them, while classes are loaded and compiled, does not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.table import Figure, show
from config import Config
from data_generation import PayloadEncoder, event_blocks
from topic_creation import create_topics
from windowbench.arrivals import arrival_offsets
from windowbench.broker.embedded import installed_broker
from windowbench.kafka.admin import cluster_id
from windowbench.kafka.sender import KafkaSender
from windowbench.schedule import NS_PER_MS, NS_PER_S, plan

ROOT = Path(__file__).resolve().parents[1]
_SPARKS_OWN = {
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.LocalFs",
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "true",
    "spark.locality.wait": "3s",
    "spark.sql.shuffle.partitions": "2",
}
VARIANTS: dict[str, dict[str, str]] = {
    "ours": {},
    "optimising compiler": {"spark.driver.extraJavaOptions": "-XX:+UseParallelGC"},
    "Spark's own": {**_SPARKS_OWN, "spark.driver.extraJavaOptions": "-XX:+UseG1GC"},
}


def send_load(config: Config, seconds: float) -> None:
    """Send an even load for some seconds."""
    sender = KafkaSender(config, config.kafka.events_topic)
    schedule = plan(config, time.time_ns())
    encoder = PayloadEncoder(config)
    offsets = arrival_offsets(config, 0)
    for block in event_blocks(config, 0, offsets, round(seconds * NS_PER_S)):
        for payload, due, partition in zip(
            encoder.encode(block, schedule), block.due_offset_ns, block.partition, strict=True
        ):
            wait = schedule.epoch_ns + int(due) - time.time_ns()
            if wait > 0:
                sender.poll()
                time.sleep(wait / NS_PER_S)
            now_ms = time.time_ns() // NS_PER_MS
            sender.send(payload + b"%d}" % now_ms, b"", int(partition), now_ms)
    assert sender.flush(30) == 0


def messages(job: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """Yield what the job says."""
    assert job.stdout is not None
    yield from (json.loads(line) for line in job.stdout if line.startswith("{"))


def measure(config: Config, settings: dict[str, str], seconds: float) -> dict[str, float]:
    """Run one job under load; return its start-up time and the median of its later batches."""
    create_topics(config)
    flags = [f"--spark-conf={name}={value}" for name, value in settings.items()]
    kafka = config.kafka
    flags += [f"--bootstrap-servers={kafka.bootstrap_servers}", f"--events-topic={kafka.events_topic}"]
    flags += [f"--result-topic={kafka.result_topic}", "--window-size-sec=2", "--watermark-delay-sec=1"]
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, str(ROOT / "SparkJob.py"), f"--runs-dir={directory}", *flags]
        started = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as job:
            said = messages(job)
            next(message for message in said if message["type"] == "ready")
            ready = time.monotonic() - started
            send_load(config, seconds)
            job.terminate()
            batches = [message for message in said if message.get("input_rows")]
    assert batches[-1]["rejected"] == 0
    times = [message["batch_ms"] for message in batches]
    return {"ready": ready, "batch_ms": statistics.median(times[len(times) // 2 :])}


def figures(*, rate: float = 2_000, seconds: float = 25) -> list[Figure]:
    """Return batch and start-up times of each set of settings, and their ratios."""
    found = {}
    with tempfile.TemporaryDirectory() as directory, installed_broker(Path(directory), cluster_id) as broker:
        address = broker.ready()
        for number, (name, settings) in enumerate(VARIANTS.items()):
            config = Config().replace(
                bootstrap_servers=address,
                events_topic=f"events-{number}",
                result_topic=f"results-{number}",
                rate=rate,
                events_per_producer=None,
                num_producers=1,
                data_generator="uniform",
            )
            found[name] = measure(config, settings, seconds)
    ours = found["ours"]
    lines = [Figure(f"Spark batch at {rate:,.0f} events/s, ms: {n}", round(f["batch_ms"])) for n, f in found.items()]
    lines += [
        Figure(f"batch time, {name} to ours", round(f["batch_ms"] / ours["batch_ms"], 2))
        for name, f in found.items()
        if name != "ours"
    ]
    lines += [Figure(f"Spark job ready after, s: {name}", round(f["ready"], 1)) for name, f in found.items()]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=2_000)
    parser.add_argument("--seconds", type=float, default=25)
    arguments = parser.parse_args()
    show(figures(rate=arguments.rate, seconds=arguments.seconds))


if __name__ == "__main__":
    main()
