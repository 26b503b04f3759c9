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
from windowbench.workloads.kit.json_rows import is_integer, json_object, usual_run_id

_INTEGERS = ("campaign_id", "event_time_ns", "produce_time", "window_id")
_CODES = {name: code for code, name in enumerate(EVENT_TYPES)}


def parse_events(values: Sequence[bytes | None]) -> ParsedEvents:
    """Read the payloads of events; END and what is no ad event are left out."""
    position: list[int] = []
    columns: list[tuple[int, ...]] = []
    for i, value in enumerate(values):
        event = json_object(value)
        if event is None:
            continue
        numbers = [number for number in map(event.get, _INTEGERS) if is_integer(number)]
        kind = event.get("event_type")
        code = _CODES.get(kind) if isinstance(kind, str) else None
        if code is None or len(numbers) < len(_INTEGERS):
            continue
        position.append(i)
        columns.append((code, *numbers))
    table = np.array(columns, dtype=np.int64).reshape(-1, 1 + len(_INTEGERS))
    return ParsedEvents(
        position=np.array(position, dtype=np.int64),
        event_time_ns=table[:, 2],
        produce_ms=table[:, 3],
        window_id=table[:, 4],
        contents={"event_type": table[:, 0].astype(np.uint8), "campaign_id": table[:, 1]},
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
