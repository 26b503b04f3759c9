"""What an engine that stays for another run is told, and what it makes of it."""

import json
import os
import threading

import pytest

from config import Config, config_json, job_config
from tests.patience import PATIENCE
from windowbench.engines.job import Job, next_job, read_job, shall_end
from windowbench.engines.succession import FLAG, Orders
from windowbench.errors import EngineFailed


@pytest.fixture
def orders():
    """Give what an engine hears with, and what the harness tells it with."""
    hears, tells = os.pipe()
    file = os.fdopen(tells, "w", buffering=1)
    try:
        yield Orders(hears), file
    finally:
        file.close()
        os.close(hears)


def told(file, **order):
    file.write(json.dumps(order) + "\n")


def given(tmp_path, run_id):
    directory = tmp_path / run_id
    directory.mkdir()
    file = directory / "engine.json"
    file.write_text(config_json(job_config(Config().replace(run_id=run_id))))
    return file


def job(tmp_path, orders):
    return Job(
        config=job_config(Config().replace(run_id="a")),
        run_id="a",
        directory=tmp_path,
        chosen=frozenset({"spark_master"}),
        alone=False,
        engine="spark",
        orders=orders,
    )


def test_an_engine_rests_only_in_succession_and_when_it_was_told_once_for_each_time(tmp_path, orders):
    hears, tells = orders
    assert not shall_end(job(tmp_path, hears))
    told(tells, type="rest")
    assert shall_end(job(tmp_path, hears))
    assert not shall_end(job(tmp_path, hears))
    assert not shall_end(job(tmp_path, None))


def test_the_next_job_has_the_settings_of_its_run_and_the_process_of_the_last(tmp_path, orders, capsys):
    hears, tells = orders
    file = given(tmp_path, "b")
    told(tells, type="next", config=str(file))
    found = next_job(job(tmp_path, hears))
    assert (found.run_id, found.directory, found.config.run.run_id) == ("b", file.parent, "b")
    assert (found.chosen, found.orders) == ({"spark_master"}, hears)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said == [{"type": "resting"}, {"type": "next", "run_id": "b"}]


def test_the_next_run_is_waited_for_and_what_is_no_order_is_passed_over(tmp_path, orders):
    hears, tells = orders
    file, found = given(tmp_path, "b"), []
    waiting = threading.Thread(target=lambda: found.append(hears.next_run()))
    waiting.start()
    tells.write("hello\n[1]\n")
    text = json.dumps({"type": "next", "config": str(file)})
    tells.write(text[:9])
    tells.flush()
    tells.write(text[9:] + "\n")
    waiting.join(PATIENCE)
    assert found == [file]


def test_a_next_run_without_a_configuration_is_a_failure_of_the_engine(tmp_path, orders):
    hears, tells = orders
    told(tells, type="next", config=str(tmp_path / "nowhere" / "engine.json"))
    with pytest.raises(EngineFailed, match="nowhere"):
        hears.next_run()


def test_nobody_left_to_name_the_next_run_is_a_failure_of_the_engine(orders):
    hears, tells = orders
    tells.close()
    assert not hears.rest()
    with pytest.raises(EngineFailed, match="gone"):
        hears.next_run()


def test_the_flag_is_one_of_every_job_and_off_unless_given(tmp_path):
    arguments = ["--config", str(given(tmp_path, "a"))]
    assert read_job(arguments, program="x.py", description="x", engine="spark").orders is None
    assert read_job([*arguments, FLAG], program="x.py", description="x", engine="spark").orders is not None
