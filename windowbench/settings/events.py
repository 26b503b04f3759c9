"""When events claim to have happened, and how large they are, whatever the workload."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.knobs import knob, require


@dataclass(frozen=True, kw_only=True, slots=True)
class EventSettings:
    """When events claim to have happened, and how large they are, whatever the workload."""

    out_of_order_share: float = knob(0.0, "share of events whose event time lies before their due time", everyday=True)
    out_of_order_extent_ms: int = knob(0, "greatest distance of an out-of-order event time from its due time")
    too_late_share: float = knob(0.0, "share of events placed so late that they must not count", everyday=True)
    late_guard_seconds: float = knob(10.0, "distance of too-late events from the closing of their window")
    payload_bytes: int = knob(0, "least size of an event's payload, padded when shorter; 0 adds nothing")

    def __post_init__(self) -> None:
        require(0 <= self.out_of_order_share <= 1, "out_of_order_share must be 0 to 1")
        require(self.out_of_order_extent_ms >= 0, "out_of_order_extent_ms must not be negative")
        require(
            (self.out_of_order_share > 0) == (self.out_of_order_extent_ms > 0),
            "out_of_order_share and out_of_order_extent_ms go together: set both or neither",
        )
        require(0 <= self.too_late_share < 1, "too_late_share must be at least 0 and below 1")
        require(self.late_guard_seconds > 0, "late_guard_seconds must be positive")
        require(0 <= self.payload_bytes <= 900_000, "payload_bytes must be 0 to 900000")
