"""``python -m windowbench postgres``: the database that a run left behind, to look into."""

from __future__ import annotations

import shlex
from pathlib import Path

from windowbench.errors import EnvironmentProblem
from windowbench.postgres.server import EmbeddedPostgres, program
from windowbench.processes.runlock import check_unused
from windowbench.settings.command_line import Parser
from windowbench.workloads import WORKLOADS
from windowbench.workloads.kit.result_table import ResultTable


def body(argv: list[str] | None) -> int:
    """Run the command: start the server on a directory, say how to get in, watch it until interrupted."""
    parser = Parser(
        prog="python -m windowbench postgres",
        description="Start the embedded PostgreSQL of a run on its data again, and keep it until Ctrl-C.",
        allow_abbrev=False,
    )
    parser.add_argument("directory", metavar="DIR", help="a run directory, or what --postgres-dir named")
    given = Path(parser.parse_all(argv).directory)
    directory = next((path for path in (given / "postgres", given) if (path / "data").is_dir()), None)
    if directory is None:
        msg = f"{given} holds no database"
        raise EnvironmentProblem(
            msg, remedy="name the directory of a run with --postgres embedded, or its postgres_dir"
        )
    for place in (directory, directory.parent):
        check_unused(place)
    with EmbeddedPostgres(directory) as server:
        dsn = server.ready()
        print(shlex.join([str(program("psql")), dsn]), flush=True)
        for workload in WORKLOADS:
            table = ResultTable.of(workload)
            print(
                f"{workload}: table {table.name}, a row for each {table.rows_of};"
                f" view {table.view}, a row for each {table.lines_of.partition(':')[0]}",
                flush=True,
            )
        print("Ctrl-C ends the server; its data stays", flush=True)
        server.watch()
