"""What is computed. One folder a workload: model (what an event and a row are), oracle (the right answer), engines.

A workload is added by adding a folder and a line in :data:`_WORKLOADS`. The folders are imported on
demand, so that an engine that needs one file of a folder does not load the others.
"""

from __future__ import annotations

import importlib
from types import ModuleType

_WORKLOADS = {"ad_ctr": "windowbench.workloads.ad_ctr"}


def workload_names() -> tuple[str, ...]:
    """Return the names of all workloads."""
    return tuple(_WORKLOADS)


def _part(name: str, part: str) -> ModuleType:
    try:
        package = _WORKLOADS[name]
    except KeyError:
        raise KeyError(f"unknown workload {name!r}; there are {', '.join(_WORKLOADS)}") from None
    return importlib.import_module(f"{package}.{part}")


def workload_model(name: str) -> ModuleType:
    """Return the ``model`` module of a workload: its events and its result row."""
    return _part(name, "model")


def workload_oracle(name: str) -> ModuleType:
    """Return the ``oracle`` module of a workload: ``TruthBuilder`` and the truth it makes."""
    return _part(name, "oracle")
