"""Empty the topics of a configuration: every record is deleted, the topics stay. Safe to repeat.

Records are deleted rather than topics: deletion of a topic goes on after the broker said yes, and a
topic made again under the same name within a broker's life is not always the new one.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import sys

from config import Config, config_parser, load
from windowbench.errors import ExitCode, run_program
from windowbench.kafka.admin import Admin, planned_topics

_EPILOG = """\
examples:
  python clear_topics.py --bootstrap-servers localhost:9092
  python clear_topics.py --config runs/20260101-120000-42/config.json
"""


def clear_topics(config: Config) -> dict[str, int]:
    """Empty events and results topic; return how many records each held."""
    admin = Admin(config)
    return {plan.name: admin.clear(plan.name) for plan in planned_topics(config)}


def _body(argv: list[str] | None) -> int:
    parser = config_parser("clear_topics.py", "Empty the topics of a configuration.", epilog=_EPILOG)
    for name, records in clear_topics(load(parser, argv).config).items():
        print(f"{name}: {records} records deleted")
    return ExitCode.OK


def main(argv: list[str] | None = None) -> int:
    """Empty the topics that the command line names, and return the exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
