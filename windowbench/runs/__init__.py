"""The run directory: names, formats, atomic writing, samples."""
