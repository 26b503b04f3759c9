"""Traffic, behaviour, sessions and alerts of a website."""
