"""The JSON Schema of every file that has a type: ``make schemas`` writes them into ``schemas/``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from windowbench.runs.files.capacity import Capacity
from windowbench.runs.files.comparison import Comparison
from windowbench.runs.files.status import StatusFile
from windowbench.runs.files.summary import Ended, NotJudged, PairSummary, Summary
from windowbench.runs.files.verdict import VerdictFile

FILES: dict[str, tuple[type, ...]] = {
    "summary.json": (Summary, NotJudged, Ended, PairSummary),
    "verdict.json": (VerdictFile,),
    "status.json": (StatusFile,),
    "comparison.json": (Comparison,),
    "capacity.json": (Capacity,),
}
"""The forms of each file."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a file; what its type does not name must not be in it."""
    forms, definitions = msgspec.json.schema_components(FILES[name], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "properties" in definition:
            definition["additionalProperties"] = False
    top = forms[0] if len(forms) == 1 else {"anyOf": list(forms)}
    return {"$schema": _DIALECT, "title": name, **top, "$defs": definitions}


def schema_text(name: str) -> str:
    """Return the schema of a file as ``schemas/`` keeps it."""
    return json.dumps(schema_of(name), indent=2) + "\n"


def main() -> None:
    """Write every schema."""
    directory = Path(__file__).resolve().parents[2] / "schemas"
    for name in FILES:
        (directory / name.replace(".json", ".schema.json")).write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
