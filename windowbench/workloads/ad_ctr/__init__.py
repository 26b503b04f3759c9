"""Click-through rate per advertising campaign and window."""
