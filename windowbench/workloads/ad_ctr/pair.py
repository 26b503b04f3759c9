"""What is known of a pair of topics without their configuration: their events, and the campaigns there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.truth.oracle import BareTopics, ParsedEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES
from windowbench.workloads.kit.cells import places_in
from windowbench.workloads.kit.json_rows import integer_of, is_sound, json_object, usual_run_id


def _code_of(kind: object) -> int | None:
    return EVENT_TYPES.index(kind) if isinstance(kind, str) and kind in EVENT_TYPES else None


_READERS = {
    "event_type": _code_of,
    **dict.fromkeys(("campaign_id", "event_time_ns", "produce_time", "window_id"), integer_of),
}


def parse_events(values: Sequence[bytes | None]) -> ParsedEvents:
    """Read the payloads of events; END and what is no ad event are left out."""
    found = [(i, event) for i, event in enumerate(map(json_object, values)) if event and is_sound(event, _READERS)]
    columns = {
        name: np.array([read(event[name]) for _, event in found], dtype=np.int64) for name, read in _READERS.items()
    }
    return ParsedEvents(
        position=np.array([i for i, _ in found], dtype=np.int64),
        event_time_ns=columns["event_time_ns"],
        produce_ms=columns["produce_time"],
        window_id=columns["window_id"],
        contents={"event_type": columns["event_type"].astype(np.uint8), "campaign_id": columns["campaign_id"]},
    )


def fitted(
    config: Config, contents: Mapping[str, NDArray[Any]], rows: ParsedRows
) -> tuple[Config, dict[str, NDArray[Any]]]:
    """Return a configuration with the campaigns that events have, and the events' contents as that numbers them.

    Campaigns of `rows` are numbered in the same way; -1 stands for those of no event.
    """
    campaigns, codes = np.unique(contents["campaign_id"], return_inverse=True)
    rows.integers["campaign_id"] = places_in(campaigns, rows.integers["campaign_id"])
    shape = config.replace(num_campaigns=max(len(campaigns), 1), ads_per_campaign=1)
    kinds = contents["event_type"].astype(np.uint8)
    return shape, {"event_type": kinds, "campaign_id": codes.astype(np.int32)}


BARE_TOPICS = BareTopics(parse_events=parse_events, usual_run_id=usual_run_id, fitted=fitted)
