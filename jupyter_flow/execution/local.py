"""LocalExecutor: attempts as processes of this machine, from workload to report, and their certain end."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..model.config import FlowConfig
from ..model.faultpoint import faultpoint
from ..model.records import Report, Workload
from ..wire import kept
from ..wire.paths import attempt_folder, ensure_private_dir, runtime_dir
from . import census, identity, results
from .children import DagImage, Exited, Notice, Profile, Reported, Started
from .environment import child_environment
from .executor import Adoption, Problem, Running
from .forkserver_launcher import ForkserverLauncher
from .probe import can_fork
from .report_bell import ReportBell
from .spawn_launcher import ParseLimits, SpawnLauncher

log = logging.getLogger(__name__)

SWEEP_INTERVAL = 0.1
SWEEP_LIMIT = 100
"""How often, and how many times, what is left of an ended attempt is killed again (new processes may appear)."""
EMPTY_LOOKS = 2
"""How often in a row the census must find nothing: one look may miss a process that is just being forked."""
RUNNER_MARGIN = 3.0
"""Seconds beyond two graces that a runner has to climb its own ladder and to save what there is."""
POLL_INTERVAL = 0.1
START_WITHIN = 120.0
"""Seconds from launch to the notice of the start, after which an attempt counts as lost."""


@dataclass
class _Attempt:
    spool: Path
    grace: float
    pid: int | None = None
    start_ticks: int = 0
    rung: bool = False


@dataclass
class _Ladder:
    """The steps of ending an attempt: TERM to its runner, TERM to all its processes, KILL to all.

    A runner that is well climbs its own ladder meanwhile (``runner/interrupts.py``), and is done before the last step.
    """

    step: int = 0
    deadline: float | None = None  # None: counted from the next tick on
    known: set[tuple[int, int]] = field(default_factory=set)
    note: str = ""


@dataclass
class _Sweep:
    """What is left of an ended attempt, killed until the census has found nothing :data:`EMPTY_LOOKS` times."""

    known: set[tuple[int, int]]
    sessions: dict[int, int]
    looks: int = SWEEP_LIMIT
    empty: int = 0


class LocalExecutor:
    """Implements :class:`~.executor.Executor` over any :class:`~.children.Launcher`. ``grace``: default, seconds."""

    launcher: ForkserverLauncher | SpawnLauncher
    start_within: float | None = START_WITHIN

    def __init__(self, launcher: ForkserverLauncher | SpawnLauncher, home: Path, grace: float = 5.0) -> None:
        self.launcher = launcher
        self._home, self._spool, self._grace = home, home / "spool", grace
        ensure_private_dir(runtime_dir(home))
        self._bell = ReportBell(home)
        self._attempts: dict[str, _Attempt] = {}
        self._rung: set[str] = set()
        self._elsewhere: dict[str, Path] = {}  # spools of other homes; the others follow from the id
        self._ladders: dict[str, _Ladder] = {}
        self._leftovers: dict[str, _Sweep] = {}
        self._ending: dict[str, float | None] = {}  # reported; the value as a ladder's deadline
        self._sweep_at: float | None = None
        self._ticked_at = 0.0
        self._notices: list[Notice] = []

    def start(self, workload: Workload, token: str) -> None:
        """Create the spool folder, write ``spec.json``, launch."""
        key, spool = workload.attempt_id, Path(workload.spool)
        try:
            faultpoint("spec.before_write")
            spool.mkdir(mode=0o700)
            descriptor = os.open(spool / "spec.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                faultpoint("spec.in_write")
                file.write(json.dumps(workload.to_json()))  # json.dump would encode in Python
            faultpoint("spec.after_write")
        except OSError as error:
            self._notices.append(Exited.without_spool(key, spool, error))
            self.launcher.wake()
            return
        self._attempts[key] = _Attempt(spool, workload.limits.kill_grace)
        self._note_spool(key, spool)
        self.launcher.launch(key, "task", spool, token, profile_of(workload), image_of(workload))

    def recorded(self, attempt_id: str, is_current: bool) -> None:
        """Nothing follows: a process of this machine was started for one attempt only."""

    def cancel(self, attempt_id: str) -> None:
        """Begin the kill ladder; a second call changes nothing."""
        attempt = self._attempts.get(attempt_id)
        if attempt is not None and attempt_id not in self._ladders:
            self._ladders[attempt_id] = _Ladder()
            self.launcher.signal(attempt_id, signal.SIGTERM)
            if attempt.pid is not None:  # a stopped runner would not see it
                identity.send_signal(attempt.pid, attempt.start_ticks, signal.SIGCONT)

    def kill(self, attempt_id: str) -> None:
        """SIGKILL every process of the attempt now, and what appears of it later."""
        attempt = self._attempts.get(attempt_id)
        if attempt is None:
            return
        ladder = self._ladders.setdefault(attempt_id, _Ladder())
        ladder.note = ladder.note or "its processes were killed by the house (SIGKILL)"
        self._signal_all(attempt_id, ladder, signal.SIGKILL)
        self.launcher.kill(attempt_id)
        ladder.step, ladder.deadline = 2, None

    def adopt(self, attempts: Iterable[Running]) -> Mapping[str, Adoption]:
        """Take over attempts of an earlier host."""
        if isinstance(self.launcher, ForkserverLauncher):
            self.launcher.reconnect()
        return {attempt.attempt_id: self._adopt(attempt) for attempt in attempts}

    def _adopt(self, attempt: Running) -> Adoption:
        key = attempt.attempt_id
        self._note_spool(key, attempt.spool)
        if self._has_result(attempt.spool):
            if not self._is_kept(key):
                self._leave_nothing(key)
            return "finished"
        pid, ticks = attempt.pid, attempt.start_ticks
        if pid is None or ticks is None:
            found = census.runner_of(key)
            pid, ticks = (found.pid, found.start_ticks) if found is not None else (None, None)
        elif attempt.boot_id is not None and attempt.boot_id != identity.boot_id():
            pid = None
        if pid is not None and ticks is not None and self.launcher.adopt(key, "task", pid, ticks):
            self._attempts[key] = _Attempt(attempt.spool, self._grace, pid, ticks)
            return "alive"
        self._leave_nothing(key)
        return "finished" if self._has_result(attempt.spool) else "lost"  # it may have ended while we looked

    def _note_spool(self, key: str, spool: Path) -> None:
        if spool != self._spool / key:
            self._elsewhere[key] = spool

    def _is_kept(self, key: str) -> bool:
        """Whether the runner of an attempt that is over stays to hold its kernel."""
        found = kept.read(self._home, key)
        return found is not None and found.is_held

    @staticmethod
    def _has_result(spool: Path) -> bool:
        return os.path.lexists(spool / results.RESULT_FILE)

    def collect(self, attempt_id: str) -> Report | Problem:
        """Read the attempt's result."""
        spool = self._elsewhere.get(attempt_id) or self._spool / attempt_id
        found = results.read_report(spool, attempt_id)
        if isinstance(found, Problem) and found.kind == "missing" and not spool.is_dir():
            return Problem("gone", f"its spool folder {spool} was removed: nobody can tell what it did")
        return found

    def fileobjs(self) -> Sequence[int]:
        """The launcher's descriptors and the bell's."""
        return (*self.launcher.fileobjs(), self._bell.fileno())

    def notices(self) -> list[Notice]:
        """Return starts, reports and ends since the last call; an attempt that ended badly leaves no process behind."""
        notices, self._notices = self._notices, []
        for notice in self.launcher.notices():
            if isinstance(notice, Started):
                attempt = self._attempts.get(notice.key)
                if attempt is not None:
                    attempt.pid, attempt.start_ticks = notice.pid, notice.start_ticks
            elif isinstance(notice, Exited) and notice.kind == "task":
                ladder = self._ladders.get(notice.key)
                if ladder is not None and ladder.note:
                    notice = replace(notice, note=ladder.note)
                self._on_end(notice.key, clean=notice.exit_code == 0)
            notices.append(notice)
        return notices + self._reported()

    def _reported(self) -> list[Notice]:
        """Return news of results, each after the news of its attempt's start."""
        for key in self._bell.rings():
            attempt = self._attempts.get(key)
            if attempt is not None and not attempt.rung and self._has_result(attempt.spool):
                attempt.rung = True
                self._rung.add(key)
        found = [key for key in self._rung if key not in self._attempts or self._attempts[key].pid is not None]
        self._rung.difference_update(found)
        reported = [key for key in found if key in self._attempts]
        self._ending.update(dict.fromkeys(reported))
        return [Reported(key) for key in reported]

    def _on_end(self, key: str, clean: bool) -> None:
        attempt = self._attempts.pop(key, None)
        ladder = self._ladders.pop(key, None)
        self._ending.pop(key, None)
        if attempt is None:
            return
        if ladder is not None or not clean or not self._has_result(attempt.spool):
            sessions = {attempt.pid: attempt.start_ticks} if attempt.pid is not None else {}
            self._leave_nothing(key, ladder.known if ladder is not None else set(), sessions)

    def _leave_nothing(
        self, key: str, known: set[tuple[int, int]] | None = None, sessions: dict[int, int] | None = None
    ) -> None:
        """KILL what is left of an ended attempt, again and again until a census finds nothing; remove its sockets."""
        shutil.rmtree(attempt_folder(self._home, key), ignore_errors=True)
        self._leftovers[key] = _Sweep(known or set(), sessions or {})
        self._sweep(key)

    def _sweep(self, key: str) -> None:
        item = self._leftovers[key]
        item.looks -= 1
        alive = {pid for pid, ticks in item.known if identity.is_running(pid, ticks)}
        found = census.sweep(key, signal.SIGKILL, alive, item.sessions)
        item.empty = 0 if found else item.empty + 1
        if item.empty >= EMPTY_LOOKS:
            del self._leftovers[key]
        elif item.looks <= 0:
            del self._leftovers[key]
            left = [process.pid for process in census.processes_of(key, alive, item.sessions)]
            log.error("attempt %s: these processes do not end, whatever is sent to them: %s", key, left)

    def tick(self, now: float) -> None:
        """Take the ladder's next steps and repeat sweeps, as far as due at ``now``."""
        self._ticked_at = now
        for key, ladder in self._ladders.items():
            grace = self._attempts[key].grace
            if ladder.deadline is None:
                ladder.deadline = now + grace
            elif now >= ladder.deadline:
                ladder.step += 1
                if ladder.step == 1:
                    self._signal_all(key, ladder, signal.SIGTERM)
                    ladder.deadline = now + grace + RUNNER_MARGIN
                    continue
                waited = 2 * grace + RUNNER_MARGIN
                ladder.note = ladder.note or (
                    f"it has not ended within {waited:g} s of SIGTERM: its processes were killed by the house (SIGKILL)"
                )
                self._signal_all(key, ladder, signal.SIGKILL)
                ladder.deadline = now + 1.0
        for key, deadline in list(self._ending.items()):
            if deadline is None:
                self._ending[key] = now + self._attempts[key].grace
            elif now >= deadline:
                del self._ending[key]
                if not self._is_kept(key):
                    self.kill(key)
        if self._leftovers and (self._sweep_at is None or now >= self._sweep_at):
            self._sweep_at = now + SWEEP_INTERVAL
            for key in list(self._leftovers):
                self._sweep(key)

    def _signal_all(self, key: str, ladder: _Ladder, number: int) -> None:
        attempt = self._attempts[key]
        known = set(ladder.known)
        if attempt.pid is not None:
            known.add((attempt.pid, attempt.start_ticks))
        alive = {pid for pid, ticks in known if identity.is_running(pid, ticks)}
        sessions = {attempt.pid: attempt.start_ticks} if attempt.pid is not None else {}
        if number == signal.SIGKILL:
            census.sweep(key, number, alive, sessions)
            return
        for found in census.processes_of(key, alive, sessions):
            ladder.known.add((found.pid, found.start_ticks))
            identity.send_signal(found.pid, found.start_ticks, number)
            identity.send_signal(found.pid, found.start_ticks, signal.SIGCONT)

    def next_tick(self) -> float | None:
        """Return when :meth:`tick` is due (0.0: at once), None if nothing waits."""
        due: list[float] = [ladder.deadline or 0.0 for ladder in self._ladders.values()]
        due += [deadline or 0.0 for deadline in self._ending.values()]
        if self._leftovers:
            due.append(self._sweep_at or 0.0)
        if self.launcher.must_poll:
            due.append(self._ticked_at + POLL_INTERVAL)
        return min(due, default=None)

    def close(self) -> None:
        """Let go of all children."""
        self._bell.close()
        self.launcher.close()


def profile_of(workload: Workload) -> Profile:
    """Return the image that suits a task: notebooks need papermill's, everything else the light one."""
    task = workload.task
    if workload.kind == "callback":
        return "light"
    return "notebook" if task.is_notebook or "notebook" in task.arguments else "light"


def image_of(workload: Workload) -> DagImage | None:
    """Return the DAG file that a task loads; None for one that is made of data alone."""
    if workload.kind == "callback" or not workload.task.needs_dag_file:
        return None
    return workload.dag_folder, workload.dag_file, workload.bundle


def make_environment(config: FlowConfig) -> tuple[dict[str, str], ParseLimits]:
    """Return what children start with, and the bounds of parse children."""
    limits = ParseLimits(memory=config.parse_memory, cpu=max(1, round(config.parse_timeout)))
    return child_environment(os.environ, config.profile), limits


def make_launcher(config: FlowConfig) -> ForkserverLauncher | SpawnLauncher:
    """Return the fastest launcher that this machine and the configuration allow."""
    environment, limits = make_environment(config)
    if config.forkservers and can_fork():
        folder = ensure_private_dir(runtime_dir(config.home))
        return ForkserverLauncher(folder, config.home, environment, limits)
    return SpawnLauncher(environment, limits)


def make_executor(config: FlowConfig) -> LocalExecutor:
    """Return the executor of this machine; creates the spool and the folder of the sockets."""
    ensure_private_dir(config.home / "spool")
    return LocalExecutor(make_launcher(config), config.home, config.limits.kill_grace)
