"""What the right answer is, and whether a run gave it. Pure: knows no clock, no file, no socket.

``windows`` and ``watermark`` say what an instant means, ``replay`` makes the schedule of a run again,
``closing`` finds when each window may first be emitted, ``comparison`` classifies every result row
and ``verdict`` weighs what was found. What a workload's right rows are is in ``windowbench.workloads``.
"""
