"""Kernels kept after a failure: the notes in which their keepers say what they hold.

A keeper is the runner of a failed attempt, which stays to hold its kernel (``runner/keeper.py``). Its note stands
beside the sockets of the house, so that everybody on this machine finds it, whoever of them was killed meanwhile.
SIGTERM to the keeper lets the kernel go; a later ``until`` in the note keeps it longer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from . import processes
from .paths import ensure_private_dir, private_opener, runtime_dir

LONGEST = 7 * 86_400.0
"""Seconds for which a kernel may be kept at most."""


@dataclass(frozen=True)
class Kept:
    """One kept kernel. ``since``, ``until``: seconds since the epoch; ``seconds``: how long it is kept after each look.

    ``pid`` and ``start_ticks`` name the kernel's process, those of ``keeper`` its keeper's. ``cell``: index of the cell
    that failed; ``notebook``: the file that was executed; ``connection``: the content of a connection file.
    ``is_claimed``: the task is about to go on with it. ``heir``: the attempt that has taken the kernel over; its runner
    is the keeper then, and nobody but this attempt's end ends the kernel. ``earlier``: attempts that had it before.
    """

    attempt_id: str
    attempt_number: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    kernel_name: str
    notebook: str
    cell: int
    pid: int
    start_ticks: int
    keeper_pid: int
    keeper_ticks: int
    since: float
    until: float
    seconds: float
    connection: Mapping[str, Any]
    is_claimed: bool = False
    heir: str | None = None
    earlier: Sequence[str] = ()

    @property
    def is_held(self) -> bool:
        """Whether its keeper lives."""
        found = processes.look(self.keeper_pid)
        return found is not None and found.start_ticks == self.keeper_ticks and found.is_alive

    def let_go(self, number: int = signal.SIGTERM) -> bool:
        """Tell the keeper to end the kernel (by SIGKILL: Linux ends it with the keeper); False if it has none.

        A kernel that an attempt has taken over is left alone.
        """
        return self.heir is None and processes.send(self.keeper_pid, self.keeper_ticks, number)


def folder(home: Path) -> Path:
    """Return the folder of the notes of the house at ``home`` (not created)."""
    return runtime_dir(home) / "kept"


def take_socket(home: Path, attempt_id: str) -> Path:
    """Return where the keeper of an attempt's kernel hands it over to who asks for it."""
    return folder(home) / f"{attempt_id}.sock"


def note(home: Path, kept: Kept) -> None:
    """Write the note of ``kept``, in place of an earlier one."""
    place = ensure_private_dir(folder(home))
    temporary = place / f".{kept.attempt_id}.new"
    with open(temporary, "w", encoding="utf-8", opener=private_opener) as file:
        file.write(json.dumps(asdict(kept)))
    faultpoint("kept.before_rename")
    os.replace(temporary, place / f"{kept.attempt_id}.json")


def read(home: Path, attempt_id: str) -> Kept | None:
    """Return what is noted of an attempt's kernel, None if none is kept. Its keeper may have been killed."""
    try:
        found = json.loads((folder(home) / f"{attempt_id}.json").read_bytes())
        return Kept(**found)
    except (OSError, ValueError, TypeError):
        return None


def read_all(home: Path) -> list[Kept]:
    """Return all notes, the oldest kernel first."""
    try:
        names = os.listdir(folder(home))
    except OSError:
        return []
    found = [read(home, name.removesuffix(".json")) for name in names if name.endswith(".json")]
    return sorted((item for item in found if item is not None), key=lambda item: (item.since, item.attempt_id))


def forget(home: Path, attempt_id: str) -> None:
    """Remove the note of an attempt, and the socket of its keeper."""
    for path in (folder(home) / f"{attempt_id}.json", take_socket(home, attempt_id)):
        with contextlib.suppress(OSError):
            path.unlink()


def prolong(home: Path, kept: Kept, until: float) -> Kept:
    """Keep the kernel until ``until``, if that is later, and not longer than :data:`LONGEST` in all."""
    later = replace(kept, until=max(kept.until, min(until, kept.since + LONGEST)))
    if later.until > kept.until:
        note(home, later)
    return later


def too_many(kept: Iterable[tuple[str, int]], count: int, memory: int) -> list[str]:
    """Return which kernels have to go, the oldest first, for at most ``count`` with ``memory`` bytes in all to stay.

    ``kept``: attempt id and bytes of each, the oldest first.
    """
    left = list(kept)
    gone = []
    while left and (len(left) > count or sum(size for _, size in left) > memory):
        gone.append(left.pop(0)[0])
    return gone
