"""The engines: how a job is started and speaks, and a folder for each engine."""
