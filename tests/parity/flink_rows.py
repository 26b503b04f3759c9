"""What Flink makes of cases: all jobs in one process of Flink's environment."""

import itertools
import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from config import WindowSettings
from tests.parity.cases import ORIGIN_MS, RUN_ID
from tests.patience import PATIENCE
from windowbench.engines.contract import ROOT
from windowbench.engines.flink.environment import ensure_environment
from windowbench.toolchain.jars import default_cache_dir
from windowbench.toolchain.java import find_java
from windowbench.workloads.ad_ctr import flink as workload

ROW_FIELDS = (
    "key", "run_id", "campaign_id", "window_start", "window_end", "views", "clicks", "purchases", "events",
    "max_produce_time", "max_event_time_ns", "ctr", "ctr_smoothed",
)  # fmt: skip
IN_RECORD = "record_time TIMESTAMP_LTZ(3)"
ANSWER = "rows: "
"""Begins the line of the worker that answers; PyFlink may print others."""
FILE_NAME = "file_name STRING NOT NULL METADATA FROM 'file.name'"


@dataclass(frozen=True)
class FlinkJob:
    """A bounded table ``records`` of files, and what is asked of it, as SQL."""

    files: dict
    columns: str
    query: str
    statements: tuple = ()
    settings: dict = field(default_factory=dict)


def counting(files, size_ms, slide_ms, delay_ms):
    """Return the job that gives the result rows of the first workload."""
    windows = WindowSettings(window_size_sec=size_ms / 1000, slide_sec=slide_ms / 1000)
    return FlinkJob(
        files=files,
        columns=workload.EVENTS.columns(RUN_ID, delay_ms, IN_RECORD),
        query=workload.result_query("records", windows, RUN_ID),
    )


def naming(files):
    """Return the job that gives the names of files whose record counts."""
    columns = workload.EVENTS.columns(RUN_ID, 0, FILE_NAME)
    # One time for all records: a computed column cannot use another one.
    columns = columns.replace("record_time", f"TO_TIMESTAMP_LTZ({ORIGIN_MS}, 3)")
    return FlinkJob(files=files, columns=columns, query=f"SELECT file_name FROM records WHERE {workload.ACCEPTED}")


def line_of(payload, record_ms):
    """Return a record as a line, its own timestamp among its fields."""
    time = datetime.fromtimestamp(record_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return json.dumps(payload | {"record_time": f"{time}.{record_ms % 1000:03d}Z"}).encode()


def row_of(values):
    """Return a row of a counting job as a dict."""
    return dict(zip(ROW_FIELDS, values, strict=True))


class FlinkWorker:
    """A process of Flink's environment that does one job after another; its JVM starts once."""

    def __init__(self, directory):
        self._directory = directory
        self._numbers = itertools.count()
        environment = {
            **os.environ,
            "JAVA_HOME": str(find_java(default_cache_dir()).path),
            "TMPDIR": str(directory),
            "JVM_ARGS": f"-Djava.io.tmpdir={directory} -Xmx700m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
            " -XX:-UsePerfData",
            "PYTHONPATH": str(ROOT),
            "FLINK_LOG_DIR": str(directory),
        }
        self._errors = directory / "stderr.txt"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [str(ensure_environment(None, print)), str(Path(__file__).with_name("flink_worker.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env=environment,
            )

    def run(self, jobs):
        """Return the rows of each job, as lists."""
        wanted = []
        for job in jobs:
            place = self._directory / str(next(self._numbers))
            place.mkdir()
            for name, data in job.files.items():
                (place / name).write_bytes(data)
            said = {name: getattr(job, name) for name in ("columns", "query", "statements", "settings")}
            wanted.append({"directory": str(place), **said})
        print(json.dumps(wanted), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
        raise AssertionError(self._errors.read_text()[-3000:])

    def stop(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(PATIENCE)
