"""Many runs: versus, and the search for the highest sustainable rate."""
