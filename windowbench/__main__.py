"""``python -m windowbench COMMAND``: the command line beside the programs in the root directory.

A command is an entry in :data:`GROUPS`; its module is imported only when it is called, so that each starts
as fast as what it needs.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import sys
from collections.abc import Callable
from dataclasses import dataclass

from windowbench.errors import EnvironmentProblem, run_program
from windowbench.settings.knobs import ConfigError, nearest

Body = Callable[[list[str] | None], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command: what it is for, and how to get at it."""

    summary: str
    body: Callable[[], Body]


def _doctor() -> Body:
    from windowbench.installation.doctor import body

    return body


def _broker() -> Body:
    from windowbench.broker.command import body
    from windowbench.kafka.admin import cluster_id

    return lambda argv: body(argv, cluster_id_of=cluster_id)


def _setup() -> Body:
    from windowbench.installation.setup import body
    from windowbench.kafka.admin import cluster_id
    from windowbench.orchestrate.engine_classes import make_classes

    return lambda argv: body(argv, cluster_id_of=cluster_id, make_classes=make_classes)


def _run() -> Body:
    from windowbench.orchestrate.driver import drive

    return lambda argv: drive(argv, prog="python -m windowbench run", description="Benchmark an engine.")


def _compare() -> Body:
    from windowbench.compare.command import body

    return body


def _versus() -> Body:
    from windowbench.campaigns.versus import body

    return body


def _list() -> Body:
    from windowbench.compare.run_list import list_body

    return list_body


def _prune() -> Body:
    from windowbench.compare.run_list import prune_body

    return prune_body


def _postgres() -> Body:
    from windowbench.postgres.command import body

    return body


def _report() -> Body:
    from windowbench.report.command import body

    return body


def _dump() -> Body:
    from windowbench.runs.dump import body

    return body


def _capacity() -> Body:
    from windowbench.campaigns.capacity_command import body

    return body


GROUPS = {
    "measure": {
        "run": Command(summary="make one benchmark run, with any engine", body=_run),
        "versus": Command(summary="run engines under the same load, in turns, and compare them", body=_versus),
        "capacity": Command(summary="find the highest rate that an engine sustains", body=_capacity),
    },
    "look at runs that are over": {
        "list": Command(summary="show the runs there are, with verdict and headline", body=_list),
        "compare": Command(summary="compare runs, with intervals and thresholds", body=_compare),
        "report": Command(summary="make the report of a run again, from its samples", body=_report),
        "dump": Command(summary="keep the topics of a run as files", body=_dump),
        "postgres": Command(summary="open the database that a run left", body=_postgres),
        "prune": Command(summary="remove old or invalid runs", body=_prune),
    },
    "prepare this machine": {
        "setup": Command(summary="retrieve the jars, and with --engine NAME what that engine needs", body=_setup),
        "doctor": Command(summary="check Java, jars, ports, disk, memory, broker and clock", body=_doctor),
        "broker": Command(summary="start a Kafka broker to try things with", body=_broker),
    },
}
"""The commands, in groups, as the usage shows them."""
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


def usage() -> str:
    """Return what there is to call, with a line for each command."""
    width = max(map(len, COMMANDS)) + 2
    lines = ["usage: python -m windowbench COMMAND [--help] ..."]
    for title, commands in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:{width}}{command.summary}" for name, command in commands.items())]
    return "\n".join(lines)


def _body(argv: list[str] | None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments:
        msg = f"no command given\n{usage()}"
        raise ConfigError(msg)
    name, *rest = arguments
    if name in ("-h", "--help", "help"):
        print(usage())
        return 0
    if name not in COMMANDS:
        msg = f"unknown command {name!r}{nearest(name, COMMANDS)}\n{usage()}"
        raise ConfigError(msg)
    try:
        body = COMMANDS[name].body()
    except ModuleNotFoundError as error:
        msg = f"the package {error.name} is not installed in this environment ({sys.prefix})"
        raise EnvironmentProblem(msg, remedy="run: make environment, and use .venv/bin/python") from error
    return body(rest)


def main(argv: list[str] | None = None) -> int:
    """Run the command that `argv` names and return its exit code; how it fails is for :func:`run_program` to say."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
