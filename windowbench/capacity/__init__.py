"""The search for the highest sustainable rate, as a pure state machine."""
