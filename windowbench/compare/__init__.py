"""Finished runs beside each other: which of them are eligible, what differs, and how sure that is."""
