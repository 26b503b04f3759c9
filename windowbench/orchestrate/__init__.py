"""One run, phase by phase."""
