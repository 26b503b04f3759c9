"""What is to be found out about a pair of topics of which no configuration is known: the campaigns there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.truth.rows import ParsedRows
from windowbench.workloads.ad_ctr.events import CONTENTS
from windowbench.workloads.ad_ctr.model import parse_events

__all__ = ["CONTENTS", "fitted", "parse_events"]


def fitted(
    config: Config, contents: Mapping[str, NDArray[Any]], rows: ParsedRows
) -> tuple[Config, dict[str, NDArray[Any]]]:
    """Return a configuration with the campaigns that events have, and the events' contents as that numbers them.

    Campaigns of `rows` are numbered in the same way; -1 stands for those of no event.
    """
    campaigns, codes = np.unique(contents["campaign_id"], return_inverse=True)
    _recode(rows, campaigns)
    shape = config.replace(num_campaigns=max(len(campaigns), 1), ads_per_campaign=1)
    kinds = contents["event_type"].astype(np.uint8)
    return shape, {"event_type": kinds, "campaign_id": codes.astype(np.int32)}


def _recode(rows: ParsedRows, campaigns: NDArray[np.int64]) -> None:
    """Put the position in `campaigns` in place of each row's campaign, -1 where it is none of them."""
    ids = rows.integers["campaign_id"]
    position = np.searchsorted(campaigns, ids)
    inside = np.minimum(position, max(len(campaigns) - 1, 0))
    known = campaigns[inside] == ids if len(campaigns) else np.zeros(len(ids), dtype=np.bool_)
    rows.integers["campaign_id"] = np.where(known, inside, -1)
