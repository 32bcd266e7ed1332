"""The finder that answers ``import airflow…`` in processes that load DAG files, where Airflow is not installed."""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import linecache
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ..authoring.checks import suggestion
from ..authoring.exceptions import DagError
from ..authoring.location import author_line
from . import absent
from .table import ANYWHERE_BENEATH, MODULES, Names

TOP = "airflow"
_OURS = __package__.rpartition(".")[0]
_PACKAGES = frozenset(
    ".".join(parts[:count]) for name in (*MODULES, *ANYWHERE_BENEATH) for parts in [name.split(".")]
    for count in range(1, len(parts) + 1)
)  # fmt: skip


_made: list[str] = []
"""Names of the modules that were made since :func:`forget`."""


class UnknownModule(DagError, ModuleNotFoundError):
    """A module of Airflow that is not answered."""


class UnknownName(DagError, ImportError):
    """A name in a module of Airflow that is not answered."""


class AirflowModule(ModuleType):
    """One module of Airflow: its names are looked up when they are used."""

    def __getattr__(self, name: str) -> Any:
        known = names_in(self.__name__)
        if name in known:
            found = _object(known[name], name)
            setattr(self, name, found)
            return found
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        inner = f"{self.__name__}.{name}"
        if inner in _PACKAGES:
            return importlib.import_module(inner)
        raise UnknownName(f"{inner} is not in Jupyter Flow: {_instead_of(self.__name__, name, known)}", author_line())

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *names_in(self.__name__)})


class AirflowFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``airflow`` and the modules of the table. Stands before the finder of installed modules and steps aside
    where Airflow is installed.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of Airflow, None for any other.

        Raises :class:`UnknownModule` for one that is not answered.
        """
        top = fullname.partition(".")[0]
        if top == "pendulum" and fullname == top and not _is_installed(top):
            raise UnknownModule(
                "no module named 'pendulum': install the extra [airflow] of jupyterlab-flow, or use datetime",
                author_line(),
            )
        if top != TOP or (fullname == TOP and _is_installed(TOP)):
            return None
        if fullname != TOP and not isinstance(sys.modules.get(TOP), AirflowModule):
            return None
        if fullname in _PACKAGES or names_in(fullname):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        place = author_line()
        module, wanted = _imported(place, fullname)
        what = f"{module} ({', '.join(wanted)})" if wanted else module
        known = [text for name in wanted if (text := absent.NAMES.get(name))]
        instead = known[0] if known else absent.instead_of_module(module)
        raise UnknownModule(f"{what} is not in Jupyter Flow: {instead}", place)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Make the module."""
        _made.append(spec.name)
        return AirflowModule(spec.name, f"Jupyter Flow's answer to {spec.name}.")

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: names are looked up when they are used."""


def names_in(module: str) -> Names:
    """Return name -> target of a module of Airflow."""
    if module in MODULES:
        return MODULES[module]
    for package, names in ANYWHERE_BENEATH.items():
        if module == package or module.startswith(f"{package}."):
            return names
    return {}


def forget() -> None:
    """Take our modules of Airflow out of ``sys.modules``.

    They are known by name: to look at all modules would make a forked process copy the memory in which each stands.
    """
    for name in _made:
        if isinstance(sys.modules.get(name), AirflowModule):
            del sys.modules[name]
    _made.clear()


def _object(target: str, name: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(f"{_OURS}.{module}"), attribute or name)


def _is_installed(name: str) -> bool:
    """Tell whether there is a real package ``name``; a folder that happens to be called so is none."""
    try:
        spec = importlib.machinery.PathFinder.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.loader is not None and spec.origin is not None


def _instead_of(module: str, name: str, known: Mapping[str, str]) -> str:
    if text := absent.NAMES.get(name):
        return text
    if close := suggestion(name, known):
        return close.removeprefix(": ")
    return absent.instead_of_module(module)


def _imported(place: tuple[str, int], found: str) -> tuple[str, list[str]]:
    """Return the module that the import at ``place`` names, ``found`` being it or a package around it, and the names
    that it takes from there.
    """
    file, line = place
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return found, []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and node.lineno <= line <= (node.end_lineno or node.lineno):
            if isinstance(node, ast.ImportFrom):
                modules, names = [node.module or ""], [alias.name for alias in node.names]
            else:
                modules, names = [alias.name for alias in node.names], []
            for module in modules:
                if module == found or module.startswith(f"{found}."):
                    return module, names
    return found, []
