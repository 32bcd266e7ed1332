"""Imports of a DAG file's own modules: from the pinned copies, under the names and paths of the originals."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType, ModuleType


class PinnedLoader(importlib.abc.SourceLoader):
    """Loads the module of ``origin`` from the bytes of ``copy``; byte code is neither read nor written.

    Byte code is told from its source by seconds and size only, so a quick edit could run the old code.
    """

    def __init__(self, name: str, origin: str, copy: str) -> None:
        self.name = name
        self.origin = origin
        self.copy = copy

    def get_filename(self, fullname: str) -> str:
        """Return the path of the original."""
        return self.origin

    def get_data(self, path: str | bytes) -> bytes:
        """Return the bytes of the copy (of another file beside it: its own bytes)."""
        name = os.fsdecode(path)
        return Path(self.copy if name == self.origin else name).read_bytes()

    def path_stats(self, path: str) -> dict[str, int]:
        """Refuse, so that no byte code is used."""
        raise OSError(path)

    def source_to_code(self, data: bytes, path: str, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        """Compile, and let tracebacks show these lines whatever the original says by then."""
        remember_lines(path, data)
        code: CodeType = compile(data, path, "exec", dont_inherit=True, optimize=_optimize)
        return code

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        code = self.get_code(module.__name__)
        exec(code, module.__dict__)  # type: ignore[arg-type]  # noqa: S102 - importing is what a loader does


class PinnedFinder(importlib.abc.MetaPathFinder):
    """Finds modules beneath ``folder`` (the DAG folder) and takes their bytes from ``bundle`` where it has them.

    ``places``: the folders on ``sys.path`` beneath it, nearest first. ``loaded``: original paths of what was
    imported.
    """

    def __init__(self, folder: str, bundle: str, places: Iterable[str]) -> None:
        self._folder = folder
        self._bundle = bundle
        self._places = list(places)
        self.loaded: dict[str, str] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module beneath the DAG folder, None for every other."""
        name = fullname.rpartition(".")[2]
        for place in self._places if path is None else path:
            if not self._is_beneath(place):
                continue
            package = os.path.join(place, name)
            if found := self._existing(os.path.join(package, "__init__.py")):
                return self._spec(fullname, *found, package)
            if found := self._existing(package + ".py"):
                return self._spec(fullname, *found, None)
        return None

    def copy_of(self, origin: str) -> str:
        """Return the pinned copy of an original if there is one, else the original."""
        copy = os.path.join(self._bundle, os.path.relpath(origin, self._folder))
        return copy if os.path.isfile(copy) else origin

    def _existing(self, origin: str) -> tuple[str, str] | None:
        copy = self.copy_of(origin)
        return (origin, copy) if copy != origin or os.path.isfile(origin) else None

    def _spec(self, name: str, origin: str, copy: str, package: str | None) -> importlib.machinery.ModuleSpec | None:
        self.loaded[name] = origin
        return importlib.util.spec_from_file_location(
            name,
            origin,
            loader=PinnedLoader(name, origin, copy),
            submodule_search_locations=None if package is None else [package],
        )

    def _is_beneath(self, place: str) -> bool:
        return place == self._folder or place.startswith(self._folder + os.sep)


def remember_lines(path: str, data: bytes) -> None:
    """Let tracebacks show the lines of ``data`` as those of ``path``."""
    try:
        text = importlib.util.decode_source(data)
    except (UnicodeDecodeError, SyntaxError):
        return
    linecache.cache[path] = (len(data), None, text.splitlines(keepends=True), path)


def forget_modules(names: Iterable[str]) -> None:
    """Take modules out of ``sys.modules``."""
    for name in names:
        sys.modules.pop(name, None)
