"""The benchmark of ``compare`` measures a comparison: the runs it makes are such as the command compares."""

from benchmarks.comparing import make_run
from windowbench.compare.command import body
from windowbench.errors import ExitCode, run_program


def test_the_runs_of_the_benchmark_are_compared(capsys, tmp_path):
    runs = [make_run(tmp_path, number, windows=40, campaigns=3) for number in range(4)]
    assert run_program(body, [str(run) for run in runs]) == ExitCode.OK
    assert "damaged" not in capsys.readouterr().out
