"""What is computed from raw samples: latency definitions, quantiles, intervals, goodness of fit. Pure."""
