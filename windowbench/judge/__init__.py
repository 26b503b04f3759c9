"""Judging a recorded run: read what was recorded, compare it with the truth, measure, weigh.

The judge reads what happened and never joins in. Whatever goes wrong while judging is an unknown
verdict, not a valid one.
"""
