"""The highest rate an engine sustains: what a probe of one rate says, and which rate is probed next. Pure."""
