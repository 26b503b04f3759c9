"""What is measured: latencies, quantiles, intervals, steady state. Pure."""
