"""What the harness asks of a workload.

A workload is a folder and a line in ``windowbench/workloads/__init__.py``. Its settings are loaded with the
configuration. All else is *parts*: objects of types of ours in the files of its folder. One is imported when it is
asked for, so that an engine that needs one file does not load the others. Each type stands beside what asks for it:

=======================  ===========================================================  ==================================
part                     type                                                         what it is
=======================  ===========================================================  ==================================
``events.SOURCE``        :class:`windowbench.load.events.EventSource`                 what events hold
``payload.ENCODING``     :class:`windowbench.load.payload.Encoding`                   how they are written
``model.MODEL``          :class:`windowbench.judge.truth.rows.RowModel`               how result rows are read
``model.RESULT_TABLE``   :class:`windowbench.workloads.kit.result_table.ResultTable`  the SQL table that takes them
``oracle.ORACLE``        :class:`windowbench.judge.truth.oracle.Oracle`               which rows are right
``<engine>.QUERY``       the query type of the engine's folder                        how it computes them
=======================  ===========================================================  ==================================
"""

from __future__ import annotations

import importlib
from typing import ClassVar, Self

from windowbench.workloads import WORKLOADS


class Part:
    """One of the parts that a workload consists of."""

    __slots__ = ()

    PLACE: ClassVar[str]
    """In which file of a workload's folder it is, and its name there."""

    @classmethod
    def of(cls, workload: str) -> Self:
        """Return this part of a workload.

        Raises
        ------
        KeyError
            When there is no such workload.
        TypeError
            When its folder does not keep the contract.
        """
        if workload not in WORKLOADS:
            raise KeyError(f"unknown workload {workload!r}; there are {', '.join(WORKLOADS)}")
        file, _, name = cls.PLACE.partition(".")
        found: object = vars(importlib.import_module(f"windowbench.workloads.{workload}.{file}")).get(name)
        if not isinstance(found, cls):
            raise TypeError(f"windowbench/workloads/{workload}/{file}.py has no {name} that is {cls.__name__}")
        return found
