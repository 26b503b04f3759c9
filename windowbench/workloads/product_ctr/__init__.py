"""Click-through rate per product and window, revised by late events."""
