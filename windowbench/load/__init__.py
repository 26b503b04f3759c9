"""The load as data: when events are due, what is in them, how they are sent when due. Pure."""
