"""Samples of what attempts use while they run: CPU time and memory of all processes of each, by one walk of /proc."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass, field

from .children import TAG_VARIABLE

_TAG = f"{TAG_VARIABLE}=".encode()
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")

IS_SUPPORTED = sys.platform.startswith("linux")
"""Whether this system offers samples and limits of whole process trees."""


@dataclass
class Tree:
    """The living processes of one attempt: CPU seconds with those of children that ended, resident bytes."""

    cpu: float = 0.0
    rss: int = 0
    pids: list[int] = field(default_factory=list)


class TreeSampler:
    """Walks /proc; remembers whose a process is, so that its environment is read once."""

    def __init__(self) -> None:
        self._owners: dict[tuple[int, int], str | None] = {}

    def sample(self, attempt_ids: Collection[str]) -> dict[str, Tree]:
        """Return the tree of each of ``attempt_ids`` that has a living process. Empty where there is no /proc."""
        trees: dict[str, Tree] = {}
        owners: dict[tuple[int, int], str | None] = {}
        of_pid: dict[int, str | None] = {}
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()) if IS_SUPPORTED else ():
            stat = _stat(pid)
            if stat is None:
                continue
            key = (pid, int(stat[19]))
            owner = self._owners[key] if key in self._owners else _owner(pid)
            owner = owner or of_pid.get(int(stat[1]))  # a child that cleared its environment
            owners[key] = of_pid[pid] = owner
            if owner not in attempt_ids or owner is None:
                continue
            tree = trees.setdefault(owner, Tree())
            tree.cpu += sum(int(ticks) for ticks in stat[11:15]) / _TICKS
            tree.rss += int(stat[21]) * _PAGE
            tree.pids.append(pid)
        self._owners = owners
        return trees


def proportional_size(pids: Collection[int]) -> int:
    """Return the memory of processes in bytes with each shared page counted once (PSS); slower than ``rss``."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            total += next((int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:")), 0)
    return total


def confine(pids: Collection[int], cores: float) -> None:
    """Let processes run on so many cores only (rounded up), the same ones for all of them."""
    allowed = sorted(os.sched_getaffinity(0))
    count = max(1, -(-int(cores * 1000) // 1000))
    if not pids or count >= len(allowed):
        return
    first = min(pids) % len(allowed)
    chosen = {allowed[(first + step) % len(allowed)] for step in range(count)}
    for pid in pids:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, chosen)


def _stat(pid: int) -> list[bytes] | None:
    """Return the fields of /proc/PID/stat after the name: state first, then parent."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return None
    return fields if len(fields) > 21 and fields[0] not in (b"Z", b"X") else None


def _owner(pid: int) -> str | None:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            for item in file.read().split(b"\0"):
                if item.startswith(_TAG):
                    return item[len(_TAG) :].decode("ascii", "replace")
    except OSError:
        pass
    return None
