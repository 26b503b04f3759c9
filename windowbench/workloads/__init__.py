"""What is computed. One folder a workload: its settings, its events and rows, the right answer, the engines.

A workload is added by adding a folder and its settings to :data:`WORKLOADS`. Those are loaded with the configuration
and need the standard library alone. All else that is asked of a folder, ``contract`` says, and loads on demand.
"""

from __future__ import annotations

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
