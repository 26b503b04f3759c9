"""Judging a recorded run: load what was recorded, compare it with the truth, measure, weigh, write.

The judge reads what happened and never joins in. Whatever goes wrong while judging is an unknown
verdict, not a valid one.
"""

from windowbench.judgement.judge import Evaluation, Judged, evaluate, judge_run

__all__ = ["Evaluation", "Judged", "evaluate", "judge_run"]
