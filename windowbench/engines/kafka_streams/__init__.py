"""The Kafka Streams engine: a small Java program, how it is compiled and started, and its settings with their reasons.

``java/windowbench`` is the program. It reads one file of settings (``given.py``), counts, and speaks the engine
protocol itself: ``job.py`` writes the file and becomes the JVM, so nothing of Python stands beside it while it runs.

The way of an event: ``Source`` reads it, guards it and gives it its event time and its key; the counting topic brings
events together by their key; ``Gate`` lets them into the windows; what leaves those becomes a row (``Query``), where
late events revise it by way of ``Revisions``.

Rules that are easy to break:

* Stream time is that of a task, so of a partition of the counting topic: the greatest event time that came there. END
  of each source is sent to every partition, and passes time only where that of all sources has come.
* A position may be said when everything before it has been counted, which is behind the counting topic. Each source
  sends marks to all of its partitions (``Progress``).
* A store of windows forgets by stream time, before the windows that closed are looked up in it. END therefore moves
  stream time by as little as closes every window, not into the year 2100.
"""
