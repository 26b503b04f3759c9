"""windowbench: a benchmark harness for windowed stream processing."""
