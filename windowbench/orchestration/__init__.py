"""Starts, watches and stops everything that takes part in a run."""
