"""Clicks attributed to impressions in another topic, with anomalies of the click-through rate."""
