"""What this machine needs, brought and checked."""
