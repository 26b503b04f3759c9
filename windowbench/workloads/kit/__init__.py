"""What workloads share: truth builder, rows of several types, JSON rows, encoders. Pure."""
