"""Settings that pass from a door to the host as they are: ``--set NAME=JSON`` on its command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..model.config import PLAIN_FIELDS, FlowConfig
from ..model.errors import InvalidInput
from ..model.resource_groups import ResourceGroup

_FIELDS = {item.name: item for item in fields(FlowConfig) if item.name in PLAIN_FIELDS}
_PLAIN = FlowConfig(home=Path())
_DEFAULTS: dict[str, Any] = {name: getattr(_PLAIN, name) for name in _FIELDS}
_EXECUTORS = ("local", "inline", "dask")
NEVER_PRELOADED = frozenset(
    (
        *("torch", "pyarrow", "tensorflow", "jax", "jaxlib", "cupy", "cudf"),
        *("rmm", "pycuda", "polars", "numba", "ray", "dask"),
    )
)
"""Modules whose import starts threads, or takes hold of what does not survive a fork."""
_OPTIONAL = frozenset({"keep_runs"})


def read(texts: Iterable[str]) -> dict[str, Any]:
    """Read ``NAME=JSON`` texts (text without quotes is text). Raises :class:`InvalidInput`."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"setting {text!r} must be written NAME=VALUE, e.g. keep_days=30")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return checked(found)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` as fields of a :class:`FlowConfig`; :class:`InvalidInput` for what means nothing."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name not in _FIELDS:
            raise InvalidInput(f"there is no setting {name!r}: use one of {', '.join(sorted(_FIELDS))}")
        found[name] = _checked(name, value)
    low, high = (found.get(name, _DEFAULTS[name]) for name in ("worker_num_min", "worker_num_max"))
    if low > high:
        raise InvalidInput(f"worker_num_min {low} is more than worker_num_max {high}")
    return found


def _checked(name: str, value: Any) -> Any:
    default = _DEFAULTS[name]
    if name == "resource_groups":
        return _groups(value)
    if name == "preload":
        return _modules(value)
    if name == "dask_security":
        if not isinstance(value, Mapping) or not set(value) <= {"ca_file", "cert", "key"}:
            raise InvalidInput("dask_security takes file names under ca_file, cert and key")
        return {key: str(item) for key, item in value.items()}
    if name == "executor":
        if value not in _EXECUTORS:
            raise InvalidInput(f"executor {value!r} is unknown: use {', '.join(_EXECUTORS)}")
        return value
    if isinstance(default, str):
        return str(value)
    if value is None and name in _OPTIONAL:
        return None
    whole = name in _OPTIONAL or isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0:
        raise InvalidInput(f"{name} {value!r} must be a {'whole ' if whole else ''}number from 0 on")
    return value if whole else float(value)


def _modules(value: Any) -> dict[str, tuple[str, ...]]:
    """Read ``{"python3": ["pandas", "sklearn"]}``."""
    if not isinstance(value, Mapping):
        raise InvalidInput('preload must be an object: {"python3": ["pandas", "sklearn"]}')
    found = {}
    for kernel, modules in value.items():
        if not isinstance(modules, list | tuple) or not all(isinstance(item, str) for item in modules):
            raise InvalidInput(f"preload of kernel {kernel!r} must be a list of names of modules")
        for module in modules:
            if not all(part.isidentifier() for part in module.split(".")):
                raise InvalidInput(f"preload of kernel {kernel!r}: {module!r} is no name of a module")
            if module.partition(".")[0] in NEVER_PRELOADED:
                raise InvalidInput(f"preload of kernel {kernel!r}: {module} starts threads or takes hold of devices")
        found[str(kernel)] = tuple(modules)
    return found


def _groups(value: Any) -> dict[str, ResourceGroup]:
    """Read ``{"batch": {"slots": 4, "memory": "8 GB", "gpu": 1}}``."""
    if not isinstance(value, Mapping):
        raise InvalidInput('resource_groups must be an object: {"batch": {"slots": 4}}')
    known = {item.name for item in fields(ResourceGroup)}
    found = {}
    for name, given in value.items():
        limits = asdict(given) if isinstance(given, ResourceGroup) else given
        if not isinstance(limits, Mapping) or not set(limits) <= known:
            raise InvalidInput(f"resource group {name!r} takes {', '.join(sorted(known))}")
        for key, limit in limits.items():
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
                raise InvalidInput(f"resource group {name!r}: {key} {limit!r} must be a number")
        found[str(name)] = ResourceGroup(**limits)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let a host's command line take these settings."""
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting (repeatable)")


def settings_of(given: argparse.Namespace, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the fields of :class:`FlowConfig` that the command line says; unusable ones end the process."""
    try:
        return read(given.set)
    except InvalidInput as error:
        parser.error(str(error))


def options(config: FlowConfig) -> list[str]:
    """Return the words of the command line that say these settings: what differs from the defaults."""
    words = []
    for name, default in _DEFAULTS.items():
        value = getattr(config, name)
        if value != default:
            plain = {key: asdict(group) for key, group in value.items()} if name == "resource_groups" else value
            words += ["--set", f"{name}={json.dumps(dict(plain) if isinstance(plain, Mapping) else plain)}"]
    return words
