"""The run directory: where the processes of a run leave what they saw."""
