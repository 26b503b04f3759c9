"""A load of whatever workload, its result rows, and what its oracle says of them."""

import json
from collections import defaultdict

import numpy as np

from windowbench.judge.truth.comparison import compare
from windowbench.judge.truth.oracle import Evidence, Oracle
from windowbench.judge.truth.replay import scheduled_events
from windowbench.judge.truth.rows import ResultRows, RowModel

MS = 1_000_000
NOW_NS = 1_760_000_000_123_456_789
SENT_LATE_NS = 500_000


def events_of(config, schedule):
    """Return every event of the load as one dictionary of columns, sent half a millisecond after it was due."""
    columns = defaultdict(list)
    for block in scheduled_events(config, schedule):
        columns["due"].append(block.due_ns)
        columns["event_time"].append(block.event_time_ns)
        columns["partition"].append(block.partition)
        columns["producer"].append(np.full(len(block.due_ns), block.producer))
        for name, column in block.contents.items():
            columns[name].append(column)
    found = {name: np.concatenate(parts).astype(np.int64) for name, parts in columns.items()}
    return {**found, "sent": found["due"] + SENT_LATE_NS}


def outline_of(config, schedule):
    return Oracle.of(config.engine.workload).outline(config, schedule, scheduled_events(config, schedule))


def never(config, schedule):
    """Return answers that came before any event that need not count."""
    return np.full(outline_of(config, schedule).cells.count, -(2**63), dtype=np.int64)


def truth_of(config, schedule, **how):
    builder = outline_of(config, schedule).builder(Evidence(**how))
    sent = {}
    for i in range(config.load.num_producers):
        due = [block.due_ns for block in scheduled_events(config, schedule) if block.producer == i]
        sent[i] = np.concatenate(due) + SENT_LATE_NS
    for block in scheduled_events(config, schedule, lambda i: iter([sent[i]])):
        builder.add(block)
    return builder.finish()


def as_results(config, rows):
    """Return rows, each with the ms of its appending, as they would be read from the results topic."""
    count = len(rows)
    values = [json.dumps(row).encode() for _, row in rows]
    return ResultRows(
        parsed=RowModel.of(config.engine.workload).parse(values, config.run.run_id),
        partition=np.zeros(count, dtype=np.int32),
        offset=np.arange(count, dtype=np.int64),
        append_ms=np.array([at for at, _ in rows], dtype=np.int64),
        timestamp_type=np.ones(count, dtype=np.int8),
    )


def compared(config, rows, truth):
    return compare(rows, truth, Oracle.of(config.engine.workload).rules(config))


def judged(config, rows, schedule):
    """Return the truth, where each cell was answered when its row came, or its last row, and the comparison with it."""
    found, cells = as_results(config, rows), outline_of(config, schedule).cells
    cell = cells.cells_of(found.parsed)
    of_cell, append_ms = cell[cell >= 0], found.append_ms[cell >= 0]
    answered = np.full(cells.count, 2**62, dtype=np.int64)
    if config.several_rows:
        answered[of_cell] = -(2**63)
        np.maximum.at(answered, of_cell, append_ms)
    else:
        np.minimum.at(answered, of_cell, append_ms)
    truth = truth_of(config, schedule, answered_ms=answered)
    return truth, compared(config, found, truth)
