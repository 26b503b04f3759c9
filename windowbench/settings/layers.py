"""Where settings come from, layer over layer: defaults < profile < file < environment < command line.

A later layer replaces a value of an earlier one, and the layer that set a value is kept as its *origin*. An unknown
key in any layer is an error that names the nearest known one. The command line is a module of its own.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from windowbench.settings.knobs import ENV_PREFIX, ConfigError, Setting, checked, nearest, parsed_text, shown

_MOST_BYTES = 4_000_000
"""Size beyond which a file given as configuration is something else."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """Values of one source and the words that name it as an origin."""

    origin: str
    values: Mapping[str, object]


def mapping_layer(values: Mapping[str, object], known: Mapping[str, Setting], *, origin: str) -> Layer:
    """Check a parsed file (or profile) against the known settings."""
    out = {}
    for key, value in values.items():
        if key not in known:
            msg = f"unknown key {shown(key)} in {origin}{nearest(key, known)}"
            raise ConfigError(msg)
        out[key] = checked(known[key], value, where=origin)
    return Layer(origin=origin, values=out)


def read_limited(path: Path) -> str:
    """Return the text of a small file.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is larger than any such file has a reason to be, or not UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        msg = f"it is larger than {_MOST_BYTES} bytes"
        raise ValueError(msg)
    return data.decode("utf-8")


def read_file(path: Path) -> dict[str, object]:
    """Read a TOML or JSON file of settings.

    Raises
    ------
    ConfigError
        When the file cannot be read or parsed, or holds something other than one table.
    """
    try:
        content = read_limited(path)
        parsed = json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except OSError as error:
        msg = f"cannot read configuration file {path}: {error.strerror}"
        raise ConfigError(msg) from None
    except RecursionError:
        msg = f"configuration file {path} is nested too deeply"
        raise ConfigError(msg) from None
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        msg = f"configuration file {path} is not valid {kind}: {error}"
        raise ConfigError(msg) from None
    if not isinstance(parsed, dict):
        msg = f"configuration file {path} must hold one table of settings"
        raise ConfigError(msg)
    return parsed


def environment_layer(environ: Mapping[str, str], known: Mapping[str, Setting]) -> Layer:
    """Collect the settings given as environment variables."""
    by_env = {setting.env: setting for setting in known.values()}
    out = {}
    for variable, text in environ.items():
        if not variable.startswith(ENV_PREFIX):
            continue
        if variable not in by_env:
            msg = f"unknown environment variable {variable}{nearest(variable, by_env)}"
            raise ConfigError(msg)
        out[by_env[variable].name] = parsed_text(by_env[variable], text, where=f"environment variable {variable}")
    return Layer(origin="environment", values=out)


def variables_layer(environ: Mapping[str, str], variables: Mapping[str, str], known: Mapping[str, Setting]) -> Layer:
    """Collect the settings given by environment variables of other names than usual.

    Parameters
    ----------
    environ : mapping
        The environment.
    variables : mapping
        Name of the setting of each such variable.
    known : mapping
        The settings.
    """
    out = {
        name: parsed_text(known[name], environ[variable], where=f"environment variable {variable}")
        for variable, name in variables.items()
        if variable in environ
    }
    return Layer(origin="environment", values=out)
