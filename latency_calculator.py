"""Judge a run: from raw samples to the class of every row, percentiles, per-window maxima and a verdict.

Of a run directory everything is derived again from its raw samples and written beside them. A pair of topics without a
run has no schedule: latencies and rows are shown, and the verdict stays unknown.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import dataclasses
import sys
from pathlib import Path

from config import Config, ConfigError, Loaded, config_parser, load
from windowbench.errors import run_program

_EPILOG = """\
examples:
  python latency_calculator.py runs/20260101-120000-42
  python latency_calculator.py --bootstrap-servers localhost:9092 --events-topic events_spark \\
      --result-topic results_spark --window-size-sec 2

Writes windows.csv, latency_report_{producers}_{events}_{distribution}.csv (window_id,max_latency_ms),
summary.json, verdict.json and samples/rows.parquet into the run directory.

exit code: 0 valid, 20 invalid, 21 unknown, 22 unsustainable; 2 and 3 for bad arguments and unreadable runs
"""


def main(argv: list[str] | None = None) -> int:
    """Judge what the arguments name, print the report and return the exit code of the verdict."""
    return run_program(_judge, argv)


def _judge(argv: list[str] | None) -> int:
    parser = config_parser("latency_calculator.py", (__doc__ or "").split("\n\n")[0], epilog=_EPILOG)
    parser.add_argument("run_dir", nargs="?", metavar="RUN_DIR", help="directory of a finished run")
    parser.add_argument(
        "--output", metavar="DIR", help="for a pair of topics: write the latency report and summary there"
    )
    parser.add_argument("--long", action="store_true", help="show all of the report, not only what matters first")
    loaded = load(parser, argv)
    if loaded.arguments.run_dir is not None:
        return _judge_directory(loaded)
    from windowbench.load.salt import salted
    from windowbench.runs.store import salt_beside

    if loaded.config.kafka.bootstrap_servers is None:
        raise ConfigError(
            "name a run directory, or a pair of topics by --bootstrap-servers, --events-topic and --result-topic"
        )
    config = salted(loaded.config, salt_beside(loaded.file) if loaded.config.run.blind else None)
    return _judge_topics(config, loaded.arguments.output, long=loaded.arguments.long)


def _judge_directory(loaded: Loaded) -> int:
    from windowbench.judge.judgement import judge_run
    from windowbench.processes.runlock import check_unused
    from windowbench.report.run_files import run_text
    from windowbench.runs.store import RunDirectory

    given = [name for name, origin in loaded.origins.items() if origin == "command line"]
    if given or loaded.arguments.output or loaded.arguments.config or loaded.arguments.profile:
        also = ", ".join(given) or "another source of settings"
        raise ConfigError(f"a run directory has its own settings; it cannot be judged with {also}")
    run = RunDirectory.open(Path(loaded.arguments.run_dir))
    check_unused(run.path)
    judged = judge_run(run)
    print(run_text(run, long=loaded.arguments.long))
    return judged.verdict.exit_code


def _judge_topics(config: Config, output: str | None, *, long: bool) -> int:
    from windowbench.judge.tables import latency_csv
    from windowbench.judge.topics import judge_pair
    from windowbench.kafka.reader import read_topics
    from windowbench.load.numbering import input_partitions, result_partitions
    from windowbench.report.content import RunContent
    from windowbench.report.run_document import run_document
    from windowbench.report.terminal import terminal_text
    from windowbench.runs.files.codec import as_json
    from windowbench.runs.store import RunDirectory

    events, results = (read_topics(config, of(config)) for of in (input_partitions, result_partitions))
    summary, report = judge_pair(config, events, results)
    directory = ""
    if output is not None:
        target = RunDirectory(Path(output).resolve())
        name = target.latency_report(config).name
        target.write_text(name, latency_csv(report))
        summary = dataclasses.replace(summary, files=("summary.json", name))
        target.write_json("summary.json", summary)
        directory = str(target.path)
    content = RunContent(run_id=summary.run_id, summary=as_json(summary))
    print(terminal_text(run_document(content, directory=directory), long=long))
    return summary.verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
