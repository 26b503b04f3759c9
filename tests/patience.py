"""How long tests wait for what must come."""

PATIENCE = 300.0
"""Seconds. Only a test that fails takes so long: no test is about how fast something goes, which depends on what else
the machine does. That is for the benchmarks. The bound of pytest for a whole test, in pyproject.toml, is above it."""

LASTING = "--duration=3600"
"""The load of a run that a test ends: it does not end by itself while the test waits."""
