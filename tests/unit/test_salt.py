"""The salt of a blind run: with it the load is another, and the same salt gives the same bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import Config
from data_generation import encoder_of, event_blocks
from windowbench.load.arrivals import arrival_offsets, modulating_path
from windowbench.load.salt import salted
from windowbench.load.schedule import NS_PER_S, plan
from windowbench.workloads import WORKLOADS

SALTS = st.binary(min_size=1, max_size=16).map(bytes.hex)
SEEDS = st.integers(0, 2**128 - 1)


def load_of(config, salt):
    """Return due times and payloads of the first block of the load."""
    config = salted(config, salt)
    block = next(event_blocks(config, 0, arrival_offsets(config, 0), 20 * NS_PER_S)).part(0, 50)
    return block.due_offset_ns.tolist(), encoder_of(config).encode(block, plan(config, 0))


@pytest.mark.parametrize("arrivals", ["poisson", "mmpp"])
@pytest.mark.parametrize("workload", list(WORKLOADS))
def test_with_another_salt_arrivals_and_contents_are_others_and_with_the_same_the_same_bytes(workload, arrivals):
    config = Config().replace(workload=workload, data_generator=arrivals, blind=True)
    (due, payloads), again, other = (load_of(config, salt) for salt in ("00ff", "00ff", "00fe"))
    assert (due, payloads) == again
    assert due != other[0]
    assert set(payloads).isdisjoint(other[1])
    assert load_of(config, None)[0] != due


@given(seed=SEEDS, other_seed=SEEDS, salt=SALTS, other=SALTS)
@settings(max_examples=50)
def test_seed_and_salt_together_decide_the_seed_of_the_load(seed, other_seed, salt, other):
    config, another = (Config().replace(seed=of, blind=True) for of in (seed, other_seed))
    found = salted(config, salt).run.seed
    assert found == salted(config, salt).run.seed != seed
    assert 0 <= found < 2**128
    assert (found == salted(config, other).run.seed) == (salt == other)
    assert (found == salted(another, salt).run.seed) == (seed == other_seed)


@given(salt=SALTS)
@settings(max_examples=20)
def test_a_salt_changes_nothing_but_the_seed_and_without_one_nothing(salt):
    config = Config().replace(data_generator="mmpp", blind=True)
    assert salted(config, salt).replace(seed=config.run.seed) == config
    assert salted(config, None) is config


def test_the_path_of_the_bursts_is_salted():
    config = Config().replace(data_generator="mmpp", blind=True)
    paths = [modulating_path(salted(config, salt), 600 * NS_PER_S).starts_ns.tolist() for salt in ("aa", "bb")]
    assert paths[0] != paths[1]
