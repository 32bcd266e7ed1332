"""Children of the house: what is said of them (notices) and what starts them (launchers).

A child is one process for one key: a *task* (an attempt; the key is its attempt id) or a *parse* (any key that
the parser makes up). It reads ``spec.json`` in its spool folder and leaves ``result.json`` there; a launcher
only starts it and tells that it started and ended.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

ChildKind = Literal["task", "parse"]
Profile = Literal["light", "notebook"]

DagImage = tuple[str, str, str]
"""A pinned DAG file: its DAG folder, its path in there, the folder of the bundle."""

TAG_VARIABLE = "JUPYTER_FLOW_ATTEMPT"
"""Environment variable that marks every process of an attempt; ``/proc/PID/environ`` shows it."""


@dataclass(frozen=True)
class Started:
    """A child runs. ``start_ticks``: field 22 of ``/proc/PID/stat``; with ``boot_id`` it tells a reused pid.

    ``worker``: of a task on a Dask worker, which one asks to start it; then the process is the one that will, and no
    user code runs before :meth:`~.executor.Executor.recorded`.
    """

    key: str
    kind: ChildKind
    pid: int
    start_ticks: int
    boot_id: str
    worker: str | None = None


@dataclass(frozen=True)
class Exited:
    """A child ended, or never started: then ``problem`` says why in one line. ``pid`` is None if it is not known.

    At most one per key. ``exit_code`` and ``signal`` are both None when nobody could reap it (an adopted
    child, a forkserver that died): ``result.json`` is the truth then. ``note``: what the house had done to end it.
    ``no_room``: it never started, because its disk is full.
    """

    key: str
    kind: ChildKind
    pid: int | None
    exit_code: int | None
    signal: int | None
    problem: str = ""
    note: str = ""
    no_room: bool = False

    @classmethod
    def without_spool(cls, key: str, spool: Path, error: OSError) -> Exited:
        """Return the end of an attempt whose ``spool`` could not be written."""
        no_room = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return cls(key, "task", None, None, None, f"cannot write {spool}: {error.strerror}", no_room=no_room)


@dataclass(frozen=True)
class Reported:
    """A task's ``result.json`` is written and its process is ending: its :class:`Exited` follows.

    Left out when the end is seen as soon as the result.
    """

    key: str
    kind: ChildKind = "task"


Notice = Started | Exited | Reported


class Launcher(Protocol):
    """Starts children and tells of them. Single-threaded; no method blocks on a child's answer.

    The owner's loop watches :meth:`fileobjs` for reading, and calls :meth:`notices` when one is readable.
    """

    def launch(
        self,
        key: str,
        kind: ChildKind,
        spool: Path,
        token: str | None,
        profile: Profile = "light",
        image: DagImage | None = None,
    ) -> None:
        """Start the child whose ``spec.json`` stands in ``spool``. Failure comes as an :class:`Exited` notice.

        ``token`` reaches the child by a pipe or socket, never by its arguments or environment. ``profile``: which
        pre-imported image suits it. ``image``: the DAG file that it will load, so that a process which has loaded it
        may be forked instead.
        """

    def warm(self, profile: Profile) -> None:
        """Make the image ready ahead of use, where there is one."""

    def retire(self, profile: Profile) -> None:
        """Let go of the image when it has no child."""

    def signal(self, key: str, number: int) -> bool:
        """Send signal ``number`` to the child's own process if it still runs (a reused pid is never hit).

        True when it was sent. A child that was launched but has not reported its start gets it on its start.
        """

    def kill(self, key: str) -> None:
        """SIGKILL the child and its process group at once."""

    def fileobjs(self) -> Sequence[int]:
        """File descriptors to watch for reading; the same ones for the launcher's whole life."""

    def notices(self) -> list[Notice]:
        """Return what happened since the last call, in order, without waiting; also flushes unsent requests."""

    def close(self) -> None:
        """Let go of all children (they run on) and of everything else held."""
