"""What is in an event."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings import knob, require

EVENT_TYPES = ("view", "click", "purchase")


@dataclass(frozen=True, kw_only=True, slots=True)
class EventSettings:
    """What is in an event."""

    num_campaigns: int = knob(10, "advertising campaigns")
    ads_per_campaign: int = knob(100, "ads of each campaign")
    event_type_weights: tuple[float, ...] = knob((0.80, 0.15, 0.05), "weights of view, click and purchase events")
    campaign_skew: float = knob(0.0, "Zipf exponent of the campaigns; 0 is even")
    out_of_order_share: float = knob(0.0, "share of events whose event time lies before their due time")
    out_of_order_extent_ms: int = knob(0, "greatest distance of an out-of-order event time from its due time")
    too_late_share: float = knob(0.0, "share of events placed so late that they must not count")
    late_guard_seconds: float = knob(10.0, "distance of too-late events from the closing of their window")
    payload_bytes: int = knob(0, "least size of an event's payload, padded when shorter; 0 adds nothing")

    def __post_init__(self) -> None:
        """Check the fields."""
        require(1 <= self.num_campaigns <= 100_000, "num_campaigns must be 1 to 100000")
        require(1 <= self.ads_per_campaign <= 100_000, "ads_per_campaign must be 1 to 100000")
        require(self.num_campaigns * self.ads_per_campaign <= 5_000_000, "at most 5000000 ads in all")
        weights = self.event_type_weights
        require(
            len(weights) == len(EVENT_TYPES) and all(w >= 0 for w in weights) and sum(weights) > 0,
            "event_type_weights needs three numbers (view, click, purchase), none negative, not all zero",
        )
        require(0 <= self.campaign_skew <= 10, "campaign_skew must be 0 to 10")
        require(0 <= self.out_of_order_share <= 1, "out_of_order_share must be 0 to 1")
        require(self.out_of_order_extent_ms >= 0, "out_of_order_extent_ms must not be negative")
        require(
            (self.out_of_order_share > 0) == (self.out_of_order_extent_ms > 0),
            "out_of_order_share and out_of_order_extent_ms go together: set both or neither",
        )
        require(0 <= self.too_late_share < 1, "too_late_share must be at least 0 and below 1")
        require(self.late_guard_seconds > 0, "late_guard_seconds must be positive")
        require(0 <= self.payload_bytes <= 900_000, "payload_bytes must be 0 to 900000")
