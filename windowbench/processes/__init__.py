"""Processes we start: the guard that ends them with us, the run lock, waiting, Ctrl-C."""
