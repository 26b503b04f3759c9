"""A checkpoint belongs to one topic: offsets of an earlier topic of the same name would make a query skip events."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from windowbench.errors import EnvironmentProblem

MARK = "windowbench-topic.json"
_REMEDY = "remove that directory, or name another one with --checkpoint-dir"


def local_directory(checkpoint: str) -> Path | None:
    """Return the local directory of a checkpoint, None when it is a URI of another file system."""
    address = urlsplit(checkpoint)
    if address.scheme == "file":
        return Path(address.path)
    return None if address.scheme else Path(checkpoint)


def claim(directory: Path, topic: str, topic_id: str) -> None:
    """Tie a new checkpoint to a topic, or make sure that an existing one is tied to this very topic.

    Parameters
    ----------
    directory : Path
        The checkpoint; made when it is missing.
    topic, topic_id : str
        Name of the events topic, and the id that tells it from others of that name.

    Raises
    ------
    EnvironmentProblem
        When the checkpoint belongs to another topic, or to one nobody recorded, or cannot be written.
    """
    mine = {"topic": topic, "topic_id": topic_id}
    mark = directory / MARK
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not mark.exists():
            if (directory / "offsets").exists():
                raise EnvironmentProblem(
                    f"the checkpoint {directory} holds offsets of a topic that is not recorded", remedy=_REMEDY
                )
            mark.write_text(json.dumps(mine) + "\n", encoding="utf-8")
        recorded = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(f"the checkpoint {directory} cannot be used: {error}", remedy=_REMEDY) from None
    if recorded != mine:
        whose = f"topic {recorded.get('topic')}, id {recorded.get('topic_id')}" if isinstance(recorded, dict) else "?"
        raise EnvironmentProblem(
            f"the checkpoint {directory} belongs to {whose}; topic {topic} now has id {topic_id}", remedy=_REMEDY
        )
