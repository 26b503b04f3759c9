"""A small load of visits, for tests of the workload web_analytics."""

from config import Config


def small_config(**settings):
    values = {
        "run_id": "visits",
        "rate": 150.0,
        "events_per_producer": None,
        "duration_seconds": 14.0,
        "warmup_seconds": 3.0,
        "cooldown_seconds": 3.0,
        "window_size_sec": 1.0,
        "watermark_delay_sec": 1.0,
        "partitions": 4,
        "num_products": 20,
        "think_time_sec": 0.4,
        "behaviour_window_sec": 3.0,
        "behaviour_slide_sec": 1.5,
        "session_gap_sec": 1.0,
        "bounce_window_sec": 2.0,
        "cart_timeout_sec": 0.7,
    }
    return Config().replace(workload="web_analytics").replace(**{**values, **settings})
