"""Runs in Flink's environment, as a process of its own: jobs in on standard input as JSON, their rows out.

Each job is a bounded table of JSON files; see ``flink_rows.py``, which starts this.
"""

import json
import sys
from pathlib import Path

from config import Config, WindowSettings
from windowbench.factor import in_force
from windowbench.flink.tuning import FACTORS, RUN_SETTINGS, RUN_SOURCE_OPTIONS
from windowbench.workloads.ad_ctr import flink as workload


def main():
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    configuration = Configuration()
    # A watermark after every event, so that what is late does not depend on the clock.
    own = {
        "parallelism.default": "1",
        "pipeline.auto-watermark-interval": "0 ms",
        "table.exec.source.idle-timeout": "1 s",
    }
    tuned = in_force(FACTORS, Config().engine)
    for name, value in {**RUN_SETTINGS, **tuned.settings, **own}.items():
        configuration.set_string(name, value)
    chosen = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    tables = TableEnvironment.create(chosen)
    print(json.dumps([rows_of(tables, number, job) for number, job in enumerate(json.load(sys.stdin))]))


def rows_of(tables, number, job):
    columns = workload.event_columns(job["run_id"], job["delay_ms"], job["record_time"])
    if job["names"]:  # one time for all records: a computed column cannot use another one
        columns = columns.replace("record_time", f"TO_TIMESTAMP_LTZ({job['now_ms']}, 3)")
    options = {"connector": "filesystem", "path": job["directory"], "format": "json"}
    options |= {
        name.removeprefix("value."): value for name, value in RUN_SOURCE_OPTIONS.items() if name.startswith("value.")
    }
    options["json.timestamp-format.standard"] = "SQL"
    clause = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
    tables.execute_sql(f"CREATE TEMPORARY TABLE events_{number} ({columns}) WITH ({clause})")
    if job["names"]:
        query = f"SELECT file_name FROM events_{number} WHERE {workload.ACCEPTED}"
    else:
        windows = WindowSettings(window_size_sec=job["size_ms"] / 1000, slide_sec=job["slide_ms"] / 1000)
        query = workload.result_query(f"events_{number}", windows, job["run_id"])
    with tables.execute_sql(query).collect() as rows:
        return [list(row) for row in rows]


if __name__ == "__main__":
    assert Path("config.py").exists(), "started elsewhere than in the root"
    main()
