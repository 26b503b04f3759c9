"""A small load of impressions and clicks, with late events of both kinds, for tests of the workload product_ctr."""

from config import Config


def small_config(**settings):
    values = {
        "run_id": "products",
        "rate": 120.0,
        "events_per_producer": None,
        "duration_seconds": 14.0,
        "warmup_seconds": 3.0,
        "cooldown_seconds": 4.0,
        "window_size_sec": 2.0,
        "watermark_delay_sec": 1.0,
        "num_products": 4,
        "click_ratio": 0.5,
        "allowed_lateness_sec": 2.0,
        "revising_share": 0.2,
        "revising_extent_ms": 1400,
    }
    return Config().replace(workload="product_ctr").replace(**{**values, **settings})
