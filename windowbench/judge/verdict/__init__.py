"""What a run is worth: the verdict, its reasons, and what was seen of generator and host. Pure."""
