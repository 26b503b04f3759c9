"""The embedded PostgreSQL and the table of results, real: who gets in, what stays, and what is gone."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import Config
from tests.patience import PATIENCE
from windowbench.__main__ import main
from windowbench.errors import EnvironmentProblem
from windowbench.installation.doctor import Machine, check_postgres, checks_of
from windowbench.postgres.connection import DatabaseAway
from windowbench.postgres.server import EmbeddedPostgres
from windowbench.postgres.table import ResultsTable
from windowbench.workloads.ad_ctr.model import RESULT_TABLE

pytestmark = pytest.mark.all

COLUMNS = RESULT_TABLE.columns
TABLE = RESULT_TABLE.name
VIEW = RESULT_TABLE.view

ROOT = Path(__file__).resolve().parents[2]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")


def row(run_id="r", campaign=1, start=0, views=10, offset=0, append=0, partition=0):
    integers = (campaign, start, start + 1000, views, 2, 1, views + 3, 5, 6)
    return (run_id, *integers, 2 / views, None, partition, offset, append)


def ask(dsn, query):
    """Return the rows of a query, none for a command that has none."""
    with psycopg.connect(dsn) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def table(database):
    """Give the table, without a row in it."""
    opened = ResultsTable(database.dsn, RESULT_TABLE)
    opened.open()
    ask(database.dsn, f"DELETE FROM {TABLE}")
    yield opened
    opened.close()


# --- the server -------------------------------------------------------------------------------------------------------


def test_it_listens_on_a_unix_socket_alone_and_its_data_is_its_users_alone(database):
    server = psutil.Process(database.child.pid).children(recursive=True)
    assert server
    assert [connection for process in server for connection in process.net_connections("inet")] == []
    assert stat.S_IMODE(database.data.stat().st_mode) == 0o700


def test_it_lets_nobody_in_who_is_not_the_user_that_started_it(database):
    ask(database.dsn, "CREATE ROLE somebody LOGIN")
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        psycopg.connect(database.dsn, user="somebody")


@as_root
def test_started_by_root_it_runs_as_another_user(database):
    names = {process.username() for process in psutil.Process(database.child.pid).children(recursive=True)}
    assert names == {"nobody"}


@as_root
def test_a_directory_that_this_user_cannot_enter_is_named_with_a_remedy(open_directory):
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EnvironmentProblem, match=f"may not enter {closed}") as caught:
        EmbeddedPostgres(closed / "database").start()
    assert "--postgres-dir" in caught.value.remedy


def test_a_path_too_long_for_a_socket_gets_a_short_one_that_is_gone_afterwards(open_directory):
    with EmbeddedPostgres(open_directory / ("long" * 30)) as server:
        sockets = Path(psycopg.conninfo.conninfo_to_dict(server.ready())["host"])
        assert sockets.is_dir()
        assert open_directory not in sockets.parents
    assert not sockets.exists()


def test_data_that_is_no_database_is_said_with_the_servers_own_words(open_directory):
    (open_directory / "strange" / "data").mkdir(parents=True)
    with (
        EmbeddedPostgres(open_directory / "strange") as server,
        pytest.raises(DatabaseAway, match="has ended") as caught,
    ):
        server.ready()
    assert caught.value.log_tail


def test_a_directory_that_cannot_be_made_is_an_environment_problem(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="cannot be started") as caught:
        EmbeddedPostgres(tmp_path / "file" / "database").start()
    assert "--postgres-dir" in caught.value.remedy


OWNER = """
import sys, time
from pathlib import Path
from windowbench.postgres.server import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    server.ready()
    print(server.child.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["owner", "guard"])
def test_it_is_gone_soon_after_its_owner_or_guard_is_killed_and_starts_again(open_directory, victim):
    place = open_directory / f"killed-{victim}"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(place)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        guard = psutil.Process(int(owner.stdout.readline()))
        family = guard.children(recursive=True)
        assert len(family) > 3
        (guard if victim == "guard" else owner).kill()
        assert psutil.wait_procs(family, PATIENCE)[1] == []
    finally:
        owner.kill()
        owner.communicate()
    with EmbeddedPostgres(place) as server:
        assert ask(server.ready(), "SELECT 1") == [(1,)]


# --- the table --------------------------------------------------------------------------------------------------------


@settings(suppress_health_check=list(HealthCheck))
@given(
    log=st.lists(st.tuples(st.integers(1, 2), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=12),
    data=st.data(),
)
def test_whatever_is_written_again_in_whatever_order_the_row_appended_last_stays(table, database, log, data):
    ask(database.dsn, f"DELETE FROM {TABLE}")
    append, rows = 0, []
    for offset, (campaign, window, later) in enumerate(log):
        append += later
        rows.append(row(campaign=campaign, start=1000 * window, views=offset + 1, offset=offset, append=append))
    for batch in data.draw(st.lists(st.lists(st.sampled_from(rows)), max_size=4)):
        table.write(batch)
    table.write(data.draw(st.permutations(rows)))
    expected = {(one[1], one[2]): one for one in rows}
    assert sorted(ask(database.dsn, f"SELECT * FROM {TABLE}")) == sorted(expected.values())


def test_runs_are_kept_apart(table, database):
    table.write([row(run_id="a", views=1), row(run_id="b", views=2)])
    assert ask(database.dsn, f"SELECT run_id, views FROM {TABLE} ORDER BY 1") == [("a", 1), ("b", 2)]


def test_the_view_has_a_line_a_window_with_the_rate_over_all_campaigns(table, database):
    table.write([row(campaign=1, views=10, append=1500), row(campaign=2, views=30, append=1700)])
    query = f"SELECT extract(epoch FROM window_start), campaigns, views, ctr, since_window_end_ms FROM {VIEW}"
    assert ask(database.dsn, query) == [(0, 2, 40, 0.1, 700)]


def test_a_batch_is_written_whole_or_not_at_all(table, database):
    with pytest.raises(EnvironmentProblem, match="refuses a row"):
        table.write([row(campaign=1), (*row(campaign=2)[:-1], None)])
    assert ask(database.dsn, f"SELECT count(*) FROM {TABLE}") == [(0,)]
    table.write([row(campaign=1)])
    assert ask(database.dsn, f"SELECT count(*) FROM {TABLE}") == [(1,)]


def test_a_user_needs_rights_to_create_only_where_something_is_missing(table, database):
    ask(database.dsn, "CREATE ROLE writer; CREATE SCHEMA empty; GRANT USAGE ON SCHEMA empty TO writer")
    ask(database.dsn, f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO writer")
    limited = ResultsTable(f"{database.dsn} options='-c role=writer'", RESULT_TABLE)
    limited.open()
    assert limited.identity == table.identity
    limited.write([row()])
    limited.close()
    with pytest.raises(EnvironmentProblem, match="permission denied for schema empty") as caught:
        ResultsTable(f"{database.dsn} options='-c role=writer -c search_path=empty'", RESULT_TABLE).open()
    assert "right to create" in caught.value.remedy


def test_a_table_of_another_shape_is_left_alone(database):
    ask(database.dsn, f"CREATE SCHEMA old; CREATE TABLE old.{TABLE} (run_id text)")
    ask(database.dsn, f"CREATE VIEW old.{VIEW} AS SELECT 1 AS one")
    with pytest.raises(EnvironmentProblem, match="has the columns run_id; this version writes") as caught:
        ResultsTable(f"{database.dsn} options='-c search_path=old'", RESULT_TABLE).open()
    assert "rename or drop" in caught.value.remedy


def test_a_table_made_anew_under_a_consumer_is_not_taken_for_the_old_one(database):
    ask(database.dsn, "CREATE SCHEMA dropped")
    ours = ResultsTable(f"{database.dsn} options='-c search_path=dropped'", RESULT_TABLE)
    ours.open()
    before = ours.identity
    ask(database.dsn, f"DROP TABLE dropped.{TABLE} CASCADE")
    with pytest.raises(EnvironmentProblem, match="refuses a row"):
        ours.write([row()])
    with pytest.raises(EnvironmentProblem, match="was made again") as caught:
        ours.write([row()])
    assert "start the consumer again" in caught.value.remedy
    again = ResultsTable(f"{database.dsn} options='-c search_path=dropped'", RESULT_TABLE)
    again.open()
    assert again.identity != before
    again.close()


def test_the_table_is_described_for_who_opens_it_with_psql(table, database):
    assert ask(database.dsn, f"SELECT obj_description('{TABLE}'::regclass) LIKE '%ms since the Unix epoch%'") == [
        (True,)
    ]
    listed = (
        f"SELECT column_name FROM information_schema.columns WHERE table_name = '{TABLE}' AND table_schema = 'public'"
    )
    assert [name for (name,) in ask(database.dsn, f"{listed} ORDER BY ordinal_position")] == list(COLUMNS)


def test_a_connection_that_was_lost_is_opened_again(table, database):
    table.write([row(campaign=1)])
    killed = ask(
        database.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='windowbench'"
    )
    assert killed
    with pytest.raises(DatabaseAway, match="connection to PostgreSQL broke"):
        table.write([row(campaign=2)])
    table.write([row(campaign=2)])
    assert ask(database.dsn, f"SELECT count(*) FROM {TABLE}") == [(2,)]


# --- the commands -----------------------------------------------------------------------------------------------------


def test_what_a_run_left_can_be_looked_into_with_psql_until_ctrl_c(open_directory):
    run = open_directory / "a run"
    with EmbeddedPostgres(run / "postgres") as server:
        opened = ResultsTable(server.ready(), RESULT_TABLE)
        opened.write([row(run_id="left")])
        opened.close()
    command = [sys.executable, "-m", "windowbench", "postgres", str(run)]
    looking = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        psql = shlex.split(looking.stdout.readline())
        asked = [*psql, "-tAc", f"SELECT run_id, window_start FROM {TABLE}"]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "left|0\n"
        family = psutil.Process(looking.pid).children(recursive=True)
        looking.send_signal(signal.SIGINT)
        output, _ = looking.communicate(timeout=PATIENCE)
        assert looking.returncode == 130, output
        assert psutil.wait_procs(family, PATIENCE)[1] == []
    finally:
        looking.kill()
        looking.communicate()


def test_a_directory_without_a_database_is_said(tmp_path, capsys):
    assert main(["postgres", str(tmp_path)]) == 3
    assert "holds no database" in capsys.readouterr().err


def test_doctor_asks_the_database_that_takes_the_results(database, open_directory, tmp_path):
    def examined(**settings):
        machine = Machine(config=Config().replace(**settings), cache_dir=tmp_path, java=None, say=print)
        assert checks_of(machine.config)[-1] is check_postgres
        return check_postgres(machine)

    assert examined(postgres_dsn=database.dsn).detail.endswith(" answers")
    assert "is gone again" in examined(postgres="embedded", runs_dir=str(open_directory / "runs")).detail
    assert list(open_directory.glob("windowbench-doctor-*")) == []
    with pytest.raises(DatabaseAway):
        examined(postgres_dsn="host=127.0.0.1 port=1")
