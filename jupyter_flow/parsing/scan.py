"""Finds DAG files under the DAG folders and tells which changed. Unchanged files cost one ``stat`` each."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages", ".ipynb_checkpoints"})
METADATA_KEY = "jupyter_flow"
"""Notebook metadata ``{"jupyter_flow": {"dag_file": true}}`` makes a notebook a DAG file."""
MAX_READ = 64 * 1024 * 1024
"""A larger file is no DAG file."""

Stamp = tuple[int, int, int]
"""Size, mtime in ns, inode: a file with the same stamp is taken as unchanged."""


@dataclass
class FolderScan:
    """What is remembered of one DAG folder between passes.

    ``stamps``: every file beneath it by relative posix path. ``dag_files``: those that are DAG files.
    ``depends``: DAG file -> the other files its last parse used (modules, static files), as relative paths.
    ``fragile``: DAG files whose last parse failed: any change beneath the folder may heal them.
    """

    folder: Path
    stamps: dict[str, Stamp] = field(default_factory=dict)
    dag_files: set[str] = field(default_factory=set)
    depends: dict[str, frozenset[str]] = field(default_factory=dict)
    fragile: set[str] = field(default_factory=set)

    def look(self) -> Changes:
        """Walk the folder and return what changed since the last look."""
        stamps = walk(self.folder)
        touched = {path for path, stamp in stamps.items() if self.stamps.get(path) != stamp}
        touched |= self.stamps.keys() - stamps.keys()
        gone = set()
        for path in touched:
            if path in stamps and is_dag_file(self.folder / path):
                if not is_text(path):
                    log.warning("%s is left out: its name is not valid UTF-8", ascii(path))
                    continue
                self.dag_files.add(path)
            elif path in self.dag_files:
                self.dag_files.discard(path)
                gone.add(path)
        self.stamps = stamps
        changed = {
            path
            for path in (self.dag_files if touched else ())
            if path in touched or path in self.fragile or not touched.isdisjoint(self.depends.get(path, ()))
        }
        for path in gone:
            self.depends.pop(path, None)
            self.fragile.discard(path)
        return Changes(sorted(changed), sorted(gone))

    def remember(self, dag_file: str, depends: frozenset[str], *, failed: bool) -> None:
        """Keep what the parse of ``dag_file`` used, so that a change of it counts as a change of the DAG file."""
        self.depends[dag_file] = depends - {dag_file}
        (self.fragile.add if failed else self.fragile.discard)(dag_file)


@dataclass(frozen=True)
class Changes:
    """Relative posix paths of DAG files to parse, and of those that are DAG files no more."""

    changed: list[str]
    gone: list[str]


def walk(folder: Path) -> dict[str, Stamp]:
    """Return the stamp of every regular file beneath ``folder`` (hidden and cache folders left out)."""
    stamps: dict[str, Stamp] = {}
    pending = [("", os.fspath(folder))]
    while pending:
        prefix, path = pending.pop()
        try:
            entries = list(os.scandir(path))
        except OSError:
            continue  # removed or not readable: no DAG files there
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name in SKIPPED_FOLDERS:
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    pending.append((f"{prefix}{name}/", entry.path))
                elif entry.is_file():
                    info = entry.stat()
                    stamps[prefix + name] = (info.st_size, info.st_mtime_ns, info.st_ino)
            except OSError:
                continue
    return stamps


def is_text(name: str) -> bool:
    """Tell whether ``name`` can be stored: file names on Linux may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_dag_file(path: Path) -> bool:
    """Tell by its content, never by running it, whether ``path`` is a DAG file."""
    if path.suffix not in (".py", ".ipynb"):
        return False
    try:
        if path.stat().st_size > MAX_READ:
            return False
        content = path.read_bytes()
    except OSError:
        return False
    return is_dag_content(path.suffix, content)


def is_dag_content(suffix: str, content: bytes) -> bool:
    """Tell, never by running it, whether a file of this suffix with this content is a DAG file."""
    if suffix == ".py":
        return b"jupyter_flow" in content or b"airflow" in content
    if b"%%dag" not in content and b"%%task" not in content and METADATA_KEY.encode() not in content:
        return False
    return _is_dag_notebook(content)


def _is_dag_notebook(content: bytes) -> bool:
    try:
        notebook = json.loads(content)
        metadata = notebook.get("metadata", {}).get(METADATA_KEY)
        if isinstance(metadata, dict) and "live" in metadata:
            return False  # a working copy of an executed notebook
        if isinstance(metadata, dict) and metadata.get("dag_file"):
            return True
        for cell in notebook["cells"]:
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            if cell["cell_type"] == "code" and text.lstrip().startswith(("%%dag", "%%task")):
                return True
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return False
    return False
