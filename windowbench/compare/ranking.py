"""Which latencies may be compared between which arms, and by which one arms are ranked. Pure.

* Engines that write a row when a window closes and engines that update rows all the time answer different
  questions. Between them only the wait since the end of the window means the same.
* A row written in a transaction is of no use to anybody before its commit, so append times of such rows say too
  little. Where an arm writes in transactions, only latencies up to the visibility of a row are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from config import Config

PERCENT = 90
"""The percentile that ranks."""
COMMON = "since_window_end"
"""What is comparable across output modes."""
VISIBLE = "visible_"
"""Begins the names of latencies that end when a consumer of committed records was given the row."""
_HEADLINES = {"append": "excess", "update": "freshness"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What kind of answer an arm gives: ``append`` or ``update`` rows, written in transactions or not."""

    mode: str
    in_transactions: bool


def answer_of(config: Config, *, in_transactions: bool = False) -> Answer:
    """Return what kind of rows a configuration leads to; the log may say of others that they came in transactions."""
    return Answer(mode=config.output_mode, in_transactions=in_transactions or config.in_transactions)


def ranks(metric: str, answers: Iterable[Answer]) -> bool:
    """Whether a latency means the same for all of these."""
    of = list(answers)
    visible = metric.startswith(VISIBLE)
    if any(answer.in_transactions for answer in of) and not visible:
        return False
    modes, plain = {answer.mode for answer in of}, metric.removeprefix(VISIBLE)
    if plain == _HEADLINES["append"] and modes != {"append"}:
        return False  # an updated row need not wait until its window can close
    return len(modes) == 1 or plain == COMMON


def ranking_metric(answers: Iterable[Answer]) -> tuple[str, str]:
    """Return the latency by which arms are ranked, and why."""
    of = list(answers)
    modes = {answer.mode for answer in of}
    if len(modes) > 1:
        name, why = COMMON, "arms differ in their output mode, and no other latency means the same in both"
    elif modes == {"update"}:
        name, why = _HEADLINES["update"], "rows of all arms are updates"
    else:
        name, why = _HEADLINES["append"], "all arms write a row when its window closes"
    if any(answer.in_transactions for answer in of):
        return VISIBLE + name, f"{why}; rows of a transaction count when they become visible"
    return name, why
