"""What the JSON files that a run, a comparison and a search leave are made of. Types only; pure.

A file is written from its type and read into it, so that a reader needs no guards. ``schemas/`` holds the JSON Schema of
each, made by ``make schemas``. Durations are in the unit that a name ends with; None stands for ``null``. A field that
has a default was not in every file of its version.
"""
