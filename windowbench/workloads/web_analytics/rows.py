"""What result rows are, and how long the texts of events may be. Pure.

All rows have ``run_id``, ``metric``, ``window_start``, ``window_end`` (ms since the Unix epoch) and
``max_produce_time``, the greatest ``produce_time`` (ms) of the events counted. Beside them each type has the fields
below; revenue is in cents, durations are in ms.
"""

from __future__ import annotations

from windowbench.workloads.kit.row_types import RowType
from windowbench.workloads.web_analytics.settings import LONGEST_COUNTRY, LONGEST_URL, LONGEST_USER

TYPES = (
    RowType(
        name="traffic",
        integers=("events", "page_views", "active_users", "sessions_ended", "bounces", "duration_ms"),
        doubles=("page_views_per_second", "bounce_rate", "mean_duration_ms"),
    ),
    RowType(
        name="conversion",
        integers=("events", "active_users", "sessions", "conversions", "revenue_cents"),
        doubles=("conversion_rate", "revenue_per_user"),
    ),
    RowType(name="country", key="country", integers=("events", "sessions", "revenue_cents"), texts=("country",)),
    RowType(name="top_page", key="rank", integers=("rank", "page_views"), texts=("url",)),
    RowType(
        name="session",
        key="user_id",
        integers=("events", "page_views", "duration_ms", "revenue_cents", "funnel_step"),
        texts=("user_id", "path", "outcome"),
    ),
    RowType(name="high_bounce_rate", key="user_id", integers=("page_views",), texts=("user_id", "url")),
    RowType(name="abandoned_cart", key="user_id", integers=("events", "cart_time"), texts=("user_id",)),
)
ALERTS = ("high_bounce_rate", "abandoned_cart")
"""Rows that go to the topic of alerts; all others go to that of results."""
LONGEST = {"user_id": LONGEST_USER, "url": LONGEST_URL, "country": LONGEST_COUNTRY}
"""The texts of a good event, with the most characters that each may have."""
