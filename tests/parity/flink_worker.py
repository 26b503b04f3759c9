"""Runs in Flink's environment, as a process of its own: a line of jobs in as JSON, a line with their rows out.

Each job is a bounded table of JSON files; see ``flink_rows.py``, which starts this.
"""

import json
import sys
from pathlib import Path

from config import Config
from windowbench.engines.flink.tuning import PARTS, RUN_SETTINGS, RUN_SOURCE_OPTIONS
from windowbench.engines.parts import in_force


def environment_of(settings):
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    configuration = Configuration()
    # A watermark after every event, so that what is late does not depend on the clock.
    own = {
        "parallelism.default": "1",
        "pipeline.auto-watermark-interval": "0 ms",
        "table.exec.source.idle-timeout": "1 s",
    }
    tuned = in_force(PARTS, Config().engine)
    for name, value in {**RUN_SETTINGS, **settings, **tuned.settings, **own}.items():
        configuration.set_string(name, value)
    chosen = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    return TableEnvironment.create(chosen)


def rows_of(job):
    tables = environment_of(job["settings"])
    options = {"connector": "filesystem", "path": job["directory"], "format": "json"}
    options |= {
        name.removeprefix("value."): value for name, value in RUN_SOURCE_OPTIONS.items() if name.startswith("value.")
    }
    options["json.timestamp-format.standard"] = "SQL"
    clause = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
    for statement in (f"CREATE TEMPORARY TABLE records ({job['columns']}) WITH ({clause})", *job["statements"]):
        tables.execute_sql(statement)
    with tables.execute_sql(job["query"]).collect() as rows:
        return [list(row) for row in rows]


if __name__ == "__main__":
    assert Path("config.py").exists(), "started elsewhere than in the root"
    for line in sys.stdin:
        print("rows:", json.dumps([rows_of(job) for job in json.loads(line)]), flush=True)
