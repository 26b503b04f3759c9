"""What a setting is, where values come from, and the groups of settings that every run has. Standard library alone."""
