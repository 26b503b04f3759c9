"""Every workload keeps the contract, and what it gives is loaded piece by piece."""

import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

from config import Config
from windowbench.engines.flink.query import FlinkQuery
from windowbench.engines.reference.query import ReferenceQuery
from windowbench.engines.spark.query import SparkQuery
from windowbench.judge.truth.oracle import Oracle
from windowbench.judge.truth.rows import RowModel
from windowbench.load.events import EventBlock, EventSource
from windowbench.load.payload import Encoding
from windowbench.load.schedule import plan
from windowbench.workloads import WORKLOADS
from windowbench.workloads.contract import Part
from windowbench.workloads.kit.result_table import ResultTable

EVERY = (EventSource, Encoding, RowModel, ResultTable, Oracle)
QUERIES = (SparkQuery, FlinkQuery, ReferenceQuery)


@pytest.mark.parametrize("part", [*EVERY, *QUERIES])
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_has_every_part(name, part):
    assert type(part.of(name)) is part


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_parts_of_a_workload_fit_together(name):
    config = Config().replace(workload=name, run_id="r")
    source, model = EventSource.of(name), RowModel.of(name)
    block = source.draw(config, 0)(0, np.arange(5, dtype=np.int64) * 1_000_000)
    assert isinstance(block, EventBlock)
    assert set(source.contents) <= set(type(block).__dataclass_fields__)
    encoder = Encoding.of(name).encoder(config)
    values = [payload + b"1}" for payload in encoder.encode(block, plan(config, 1_760_000_000_000_000_000))]
    names = [encoder.name_of(key, value) for key, value in zip(encoder.keys(block), values, strict=True)]
    assert names == [b"0:0", b"0:1", b"0:2", b"0:3", b"0:4"]
    assert model.newest_produce in model.integers
    assert list(model.parse([], "r").integers) == list(model.integers)
    assert list(model.parse([], "r").doubles) == list(model.doubles)


def test_a_block_of_another_workload_is_refused():
    block = EventSource.of("ad_ctr").draw(Config(), 0)(0, np.arange(5, dtype=np.int64))
    other = Config().replace(workload="product_ctr")
    with pytest.raises(TypeError, match="AdBlock is no ProductBlock"):
        Encoding.of("product_ctr").encoder(other).encode(block, plan(other, 1_760_000_000_000_000_000))


class Odd(Part):
    PLACE: ClassVar[str] = "model.NOTHING"


def test_a_workload_that_there_is_not_or_that_lacks_a_part_is_named():
    with pytest.raises(KeyError, match="unknown workload 'nothing'; there are ad_ctr, "):
        EventSource.of("nothing")
    with pytest.raises(TypeError, match=r"windowbench/workloads/ad_ctr/model.py has no NOTHING that is Odd"):
        Odd.of("ad_ctr")


@pytest.mark.parametrize("part", [FlinkQuery, ReferenceQuery])
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_query_is_loaded_without_the_other_parts(name, part):
    program = (
        f"import sys\nfrom {part.__module__} import {part.__name__}\n{part.__name__}.of({name!r})\n"
        "print(*sorted(name for name in sys.modules if name.startswith('windowbench.workloads.')))"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    loaded = {module.removeprefix(f"windowbench.workloads.{name}.") for module in told}
    assert loaded & {"events", "payload", "model", "oracle", "spark", "flink", "reference"} == {
        part.PLACE.partition(".")[0]
    }
