"""What is computed. One folder a workload: its settings, its events and rows, the right answer, the engines.

A workload is added by adding a folder and its settings to :data:`WORKLOADS`. Those are loaded with the configuration
and need the standard library alone. All else is imported on demand, so that an engine that needs one file of a folder
does not load the others.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from windowbench.settings.workload import WorkloadSettings
from windowbench.workloads.ad_clicks.settings import AdClicksSettings
from windowbench.workloads.ad_ctr.settings import AdCtrSettings
from windowbench.workloads.product_ctr.settings import ProductCtrSettings
from windowbench.workloads.web_analytics.settings import WebAnalyticsSettings

WORKLOADS: dict[str, type[WorkloadSettings]] = {
    "ad_ctr": AdCtrSettings,
    "product_ctr": ProductCtrSettings,
    "ad_clicks": AdClicksSettings,
    "web_analytics": WebAnalyticsSettings,
}
"""The settings of each workload, by its name, which is that of its folder."""


def workload_part(name: str, part: str) -> ModuleType:
    """Return one file of a workload's folder, such as ``oracle``.

    Raises
    ------
    KeyError
        When there is no such workload.
    """
    if name not in WORKLOADS:
        raise KeyError(f"unknown workload {name!r}; there are {', '.join(WORKLOADS)}")
    return importlib.import_module(f"{__name__}.{name}.{part}")


def workload_model(name: str) -> ModuleType:
    """Return the ``model`` module of a workload: its events and its result row."""
    return workload_part(name, "model")


def workload_oracle(name: str) -> ModuleType:
    """Return the ``oracle`` module of a workload: ``TruthBuilder`` and the truth it makes."""
    return workload_part(name, "oracle")
