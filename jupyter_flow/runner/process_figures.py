"""What processes have used: peak memory and CPU time, and which packages an interpreter has."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

_seen: dict[str, tuple[int, frozenset[str]]] = {}
"""Folder of modules -> when it was changed last, and the distributions in it."""
_hashes: dict[tuple[frozenset[str], ...], str] = {}


@dataclass(frozen=True)
class ProcessFigures:
    """``peak_rss`` in bytes, ``cpu_time`` in seconds."""

    peak_rss: int
    cpu_time: float


def figures_of(pid: int) -> ProcessFigures | None:
    """Return the figures of a living process with its reaped children, None where they cannot be read."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    peak = next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return ProcessFigures(peak, sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK"))


def own_figures() -> ProcessFigures:
    """Return the figures of this process and its reaped children."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return ProcessFigures(max(own.ru_maxrss, children.ru_maxrss) * unit, seconds)


def packages_hash() -> str:
    """Return the sha256 (hex) of the names and versions of this interpreter's installed distributions.

    Both stand in the names of the ``.dist-info`` folders, so no metadata is read. A folder that has not changed
    since this process or the one it was forked from has read it is not read again.
    """
    found = []
    for folder in sys.path:
        try:
            found.append(_distributions(folder or "."))
        except OSError:
            continue
    key = tuple(found)  # sets know their hashes: in a forked process the names themselves are not touched
    if key not in _hashes:
        _hashes[key] = hashlib.sha256("\n".join(sorted(frozenset().union(*found))).encode()).hexdigest()
    return _hashes[key]


def _distributions(folder: str) -> frozenset[str]:
    changed = os.stat(folder).st_mtime_ns
    seen = _seen.get(folder)
    if seen is None or seen[0] != changed:
        with os.scandir(folder) as entries:
            found = frozenset(entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))
        seen = _seen[folder] = (changed, found)
    return seen[1]


def is_own_interpreter(program: str | None) -> bool:
    """Whether ``program`` is the interpreter (and environment) that runs here."""
    if program is None:
        return False
    here = Path(sys.executable)
    there = Path(program)
    return there.parent == here.parent and there.resolve() == here.resolve()
