"""The inline executor: one task at a time, each as a process started from scratch; for debugging and tiny machines."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model.config import FlowConfig
from ..model.records import Workload
from ..wire.paths import ensure_private_dir
from .children import ChildKind, DagImage, Exited, Notice, Profile
from .local import LocalExecutor, make_environment
from .spawn_launcher import ParseLimits, SpawnLauncher


@dataclass(frozen=True)
class _Waiting:
    spool: Path
    token: str | None
    profile: Profile


class OneAtATime(SpawnLauncher):
    """A spawn launcher whose tasks wait for each other, in the order in which they came. Parses do not wait.

    ``unqueued``: keys of tasks that start at once all the same.
    """

    def __init__(self, environment: Mapping[str, str], limits: ParseLimits | None = None) -> None:
        super().__init__(environment, limits)
        self.unqueued: set[str] = set()
        self._waiting: dict[str, _Waiting] = {}
        self._order: deque[str] = deque()
        self._current: set[str] = set()

    def launch(
        self,
        key: str,
        kind: ChildKind,
        spool: Path,
        token: str | None,
        profile: Profile = "light",
        image: DagImage | None = None,
    ) -> None:
        """Start a process now, or when the tasks before it have ended."""
        if kind != "task" or key in self.unqueued:
            super().launch(key, kind, spool, token, profile)
            return
        self._waiting[key] = _Waiting(spool, token, profile)
        self._order.append(key)
        self._next()

    def adopt(self, key: str, kind: ChildKind, pid: int, ticks: int) -> bool:
        """Watch a process of an earlier host; tasks wait for it too."""
        alive = super().adopt(key, kind, pid, ticks)
        if alive and kind == "task":
            self._current.add(key)
        return alive

    def signal(self, key: str, number: int) -> bool:
        """Send ``number`` to the child; a task that still waits ends without having started."""
        return self._withdraw(key) or super().signal(key, number)

    def kill(self, key: str) -> None:
        """SIGKILL the child and its process group; a task that still waits ends without having started."""
        if not self._withdraw(key):
            super().kill(key)

    def notices(self) -> list[Notice]:
        """Return starts and ends since the last call, and start the next task when one has ended."""
        notices = super().notices()
        ended = {item.key for item in notices if isinstance(item, Exited)}
        self.unqueued -= ended
        if self._current & ended:
            self._current -= ended
            self._next()
        return notices

    def _withdraw(self, key: str) -> bool:
        if self._waiting.pop(key, None) is None:
            return False
        self._order.remove(key)
        self._notices.append(Exited(key, "task", None, None, None, "it was stopped before it started"))
        self.wake()
        return True

    def _next(self) -> None:
        while self._order and not self._current:
            key = self._order.popleft()
            item = self._waiting.pop(key)
            self._current.add(key)
            super().launch(key, "task", item.spool, item.token, item.profile)


class InlineExecutor(LocalExecutor):
    """A :class:`~.local.LocalExecutor` over :class:`OneAtATime`. Callbacks do not wait for tasks."""

    launcher: OneAtATime
    start_within = None

    def start(self, workload: Workload, token: str) -> None:
        """Create the spool folder, write ``spec.json``, launch when it is its turn."""
        if workload.kind == "callback":
            self.launcher.unqueued.add(workload.attempt_id)
        super().start(workload, token)


def make_inline(config: FlowConfig) -> InlineExecutor:
    """Return the executor; creates the spool and the folder of the sockets."""
    ensure_private_dir(config.home / "spool")
    environment, limits = make_environment(config)
    return InlineExecutor(OneAtATime(environment, limits), config.home, config.limits.kill_grace)
