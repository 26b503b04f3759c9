"""What Flink makes of cases: all jobs in one process of Flink's environment."""

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.parity.cases import ORIGIN_MS, RUN_ID
from windowbench.broker.jars import default_cache_dir
from windowbench.broker.java import find_java
from windowbench.orchestration.flink_environment import ROOT, ensure_environment

ROW_FIELDS = (
    "key", "run_id", "campaign_id", "window_start", "window_end", "views", "clicks", "purchases", "events",
    "max_produce_time", "max_event_time_ns", "ctr", "ctr_smoothed",
)  # fmt: skip
IN_RECORD = "record_time TIMESTAMP_LTZ(3)"


@dataclass(frozen=True)
class FlinkJob:
    """A bounded table of files, and what is asked of it: result rows, or the names of files whose record counts."""

    files: dict
    size_ms: int = 10_000
    slide_ms: int = 10_000
    delay_ms: int = 0
    record_time: str = IN_RECORD
    names: bool = False


def line_of(payload, record_ms):
    """Return a record as a line, its own timestamp among its fields."""
    time = datetime.fromtimestamp(record_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return json.dumps(payload | {"record_time": f"{time}.{record_ms % 1000:03d}Z"}).encode()


def run_jobs(jobs, directory):
    """Return the rows of each job, as dicts."""
    wanted = []
    for number, job in enumerate(jobs):
        place = directory / str(number)
        place.mkdir(parents=True)
        for name, data in job.files.items():
            (place / name).write_bytes(data)
        said = {name: getattr(job, name) for name in ("size_ms", "slide_ms", "delay_ms", "record_time", "names")}
        wanted.append({"directory": str(place), "run_id": RUN_ID, "now_ms": ORIGIN_MS, **said})
    python = ensure_environment(None, print)
    environment = {
        **os.environ,
        "JAVA_HOME": str(find_java(default_cache_dir()).path),
        "JVM_ARGS": "-Xmx700m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData",
        "PYTHONPATH": str(ROOT),
        "FLINK_LOG_DIR": str(directory),
    }
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("flink_worker.py"))],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    return [
        [row[0] for row in rows] if job.names else [dict(zip(ROW_FIELDS, row, strict=True)) for row in rows]
        for job, rows in zip(jobs, answers, strict=True)
    ]
