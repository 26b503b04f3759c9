"""One process of an engine for several runs, one after another: how harness and engine agree on it.

A JVM that has run for minutes is another one than at its start. Who wants to know what an engine sustains, not how it
starts, gives run after run to the same process. Nothing else is shared: each run has its own directory, topics,
checkpoint and run id, its query is a new one, and it is judged like any.

With ``--succession`` the engine gets orders on its standard input, one JSON object a line:

* ``{"type": "rest"}``: the run is over. The engine ends its query, says ``{"type": "resting"}`` and waits.
* ``{"type": "next", "config": "PATH"}``: the ``engine.json`` of the next run. The engine says ``{"type": "next"}``, and
  all it says from then on is about that run, beginning with ``ready``.
"""

from __future__ import annotations

import os
import select
from pathlib import Path

from windowbench.engines.protocol import NEXT, RESTING
from windowbench.errors import EngineFailed
from windowbench.processes.messages import Message, parsed

FLAG = "--succession"
REST = "rest"
ANSWERS = {REST: RESTING, NEXT: NEXT}
"""What an engine says to an order, and at no other time."""
_POLL_SECONDS = 0.05
_MOST_BYTES = 65_536


class Orders:
    """The orders that an engine gets; it looks for them while it works, so no thread waits for one.

    Parameters
    ----------
    descriptor : int, optional
        Where they come from: standard input.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._unread = b""
        self._heard: list[Message] = []
        self._over = False

    def rest(self) -> bool:
        """Whether the engine was told to end its query; an order is obeyed once."""
        return self._taken(REST, 0.0) is not None

    def next_run(self) -> Path:
        """Wait for the ``engine.json`` of the next run; a signal ends the waiting.

        Raises
        ------
        EngineFailed
            When what is named cannot be read, or nobody is left to name it.
        """
        while (order := self._taken(NEXT, _POLL_SECONDS)) is None:
            if self._over:
                raise EngineFailed("whoever was to name the next run is gone")
        file = Path(order.text("config") or "")
        if not file.is_file():
            raise EngineFailed(f"the next run has no configuration: {file}")
        return file

    def _taken(self, kind: str, seconds: float) -> Message | None:
        if not self._over and select.select([self._descriptor], [], [], seconds)[0]:
            read = os.read(self._descriptor, _MOST_BYTES)
            self._over = not read
            *lines, self._unread = (self._unread + read).split(b"\n")
            orders = (parsed(line.decode("utf-8", "replace")) for line in lines)
            self._heard += (order for order in orders if order is not None)
        if self._heard and self._heard[0].kind == kind:
            return self._heard.pop(0)
        return None
