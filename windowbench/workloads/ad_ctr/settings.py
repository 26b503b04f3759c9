"""The settings of the ad click-through workload: which ads there are, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.knobs import knob, require
from windowbench.settings.workload import WorkloadSettings

EVENT_TYPES = ("view", "click", "purchase")


@dataclass(frozen=True, kw_only=True, slots=True)
class AdCtrSettings(WorkloadSettings):
    """Which ads there are, and what happens to them."""

    num_campaigns: int = knob(10, "advertising campaigns", everyday=True)
    ads_per_campaign: int = knob(100, "ads of each campaign")
    event_type_weights: tuple[float, ...] = knob((0.80, 0.15, 0.05), "weights of view, click and purchase events")
    campaign_skew: float = knob(0.0, "Zipf exponent of the campaigns; 0 is even")

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

    @property
    def scope(self) -> dict[str, int]:
        """The campaigns."""
        return {"campaigns": self.num_campaigns}
