"""Executor: the door of this room, behind which workloads become processes, and reports come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ..model.records import Report, Workload
from .children import Launcher, Notice

Adoption = Literal["alive", "finished", "lost"]
"""What became of an attempt of an earlier host.

``alive``: it runs and is watched, an :class:`~.children.Exited` will come; ``finished``: :meth:`Executor.collect`
has its result; ``lost``: neither a process nor a result.
"""


@dataclass(frozen=True)
class Problem:
    """Why there is no report. ``missing``: no ``result.json``; ``bad``: one that cannot be trusted; ``gone``: no spool.

    ``message`` is one line, meant for the reasons ``infra`` (missing) and ``bad_result`` (bad; gone, if it has begun).
    """

    kind: Literal["missing", "bad", "gone"]
    message: str


@dataclass(frozen=True)
class Running:
    """An attempt as recorded, for adoption. What follows the spool is None if its start was never recorded.

    ``worker``: the Dask worker whose start was recorded.
    """

    attempt_id: str
    spool: Path
    pid: int | None = None
    start_ticks: int | None = None
    boot_id: str | None = None
    worker: str | None = None


class Executor(Protocol):
    """Carries task workloads out. Single-threaded: lives inside the owner's ``selectors`` loop.

    The owner watches :meth:`fileobjs` for reading and calls :meth:`notices` when one is readable; it calls
    :meth:`tick` at the latest at the instant that :meth:`next_tick` gives. No method waits for a child.
    """

    @property
    def launcher(self) -> Launcher:
        """Starts parse children too: ``launch(key, "parse", spool, None)``; their notices come with the rest."""

    def start(self, workload: Workload, token: str) -> None:
        """Create the spool folder (0700), write ``spec.json``, launch. Failure comes as an ``Exited`` notice."""

    @property
    def start_within(self) -> float | None:
        """Seconds from :meth:`start` to a ``Started`` notice, after which something is wrong.

        None: an attempt may wait here for as long as it takes (until a worker is free).
        """

    def recorded(self, attempt_id: str, is_current: bool) -> None:
        """Hear that the ``Started`` notice of an attempt is committed; not ``is_current``: that it was refused.

        Where a worker asks before it starts (Dask) this is the answer; elsewhere nothing follows.
        """

    def cancel(self, attempt_id: str) -> None:
        """Ask the attempt to end: SIGTERM to its runner, then (by :meth:`tick`) TERM and KILL to all its processes.

        The end comes as an ``Exited`` notice. An attempt that is not known any more is ignored.
        """

    def kill(self, attempt_id: str) -> None:
        """SIGKILL every process of the attempt now."""

    def adopt(self, attempts: Iterable[Running]) -> Mapping[str, Adoption]:
        """Take over the attempts of an earlier host; called once, before the first :meth:`start`."""

    def collect(self, attempt_id: str) -> Report | Problem:
        """Read the result of an attempt with suspicion. May be asked more than once."""

    def fileobjs(self) -> Sequence[int]:
        """File descriptors to watch for reading; the same ones for the executor's whole life."""

    def notices(self) -> list[Notice]:
        """Return what happened since the last call (tasks and parses), in order, without waiting."""

    def tick(self, now: float) -> None:
        """Do what is due at monotonic instant ``now`` (kill ladders, sweeps)."""

    def next_tick(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`, None if nothing waits for one."""

    def close(self) -> None:
        """Let go of all children (they run on)."""
