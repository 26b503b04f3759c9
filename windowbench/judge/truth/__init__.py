"""What the right answer is, and whether a run gave it. Pure: knows no clock, no file, no socket.

``windows`` says what an instant means, ``replay`` makes the schedule of a run again, ``closing`` finds when each window
may first be emitted and ``comparison`` classifies every result row. Which rows of a workload are right is in
``windowbench.workloads``.
"""
