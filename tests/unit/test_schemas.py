"""The JSON Schemas kept in ``schemas/``, and what is written and read against them."""

import json
from pathlib import Path

import pytest

from windowbench.runs.schemas import FILES, schema_text

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


@pytest.mark.parametrize("name", FILES)
def test_the_schema_that_is_kept_is_what_the_types_give(name):
    kept = SCHEMAS / name.replace(".json", ".schema.json")
    assert kept.read_text(encoding="utf-8") == schema_text(name), "run make schemas"


def test_every_kept_schema_is_one_of_a_file():
    assert {path.name for path in SCHEMAS.iterdir()} == {name.replace(".json", ".schema.json") for name in FILES}


def test_a_schema_refuses_a_field_that_its_type_does_not_name():
    definitions = json.loads(schema_text("summary.json"))["$defs"].values()
    objects = [one for one in definitions if "properties" in one]
    assert objects
    assert all(one["additionalProperties"] is False for one in objects)
