"""The host's care for callbacks: begun by the executor like attempts, at most one of whose processes calls anything.

A process takes its ticket (``spec.json`` becomes ``begun.json``) right before it calls. Whoever finds a process gone
without a result takes the ticket back; who gets it knows: nothing was called, and nothing will be, so that another
process may be begun. Otherwise the callback is ``lost``, and not called again.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from ..execution import census, identity
from ..execution.children import Exited, Notice, Reported, Started
from ..execution.executor import Adoption, Executor, Problem, Running
from ..model.calls import Callback, NewCallback
from ..model.errors import FlowError, NotFound
from ..model.faultpoint import faultpoint
from ..model.reason import Reason
from ..model.records import Report, Workload
from ..model.rows import DagRun, TaskInstance
from ..model.spec import DagSpec
from ..scheduling import callbacks as rules
from ..storage import callbacks, dags, events, host, queries, xcoms
from .active import OVERTIME, START_WITHIN
from .book import RunBook
from .callback_workloads import build_callback
from .dispatch import CHECK_WITHIN
from .holding import Holding
from .house import House
from .tokens import hash_token, new_token

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Callbacks that run at once; they take no slots of tasks."""
STARTS = 4
"""Processes that are begun for one callback as long as none comes to call it."""
TICKET, BEGUN, VOID = "spec.json", "begun.json", "void.json"


@dataclass
class ActiveCallback:
    """A callback with a process. ``deadline``: monotonic instant at which the host ends it itself."""

    row: Callback
    attempt_id: str
    spool: Path
    deadline: float
    started: bool = False
    overdue: bool = False


@dataclass(frozen=True)
class _Ended:
    item: ActiveCallback
    result: Report | Problem
    notice: Exited | None
    may_begin_again: bool


@dataclass
class _Turn:
    """What one transaction decided. ``more``: whether callbacks still wait (None: it was not looked)."""

    launches: list[tuple[Workload, str, Callback]] = field(default_factory=list)
    more: bool | None = None


class Callbacks:
    """Makes, begins and ends callbacks. What it remembers can be read from rows again."""

    def __init__(self, house: House, executor: Executor, holding: Holding) -> None:
        self.house = house
        self.executor = executor
        self.holding = holding
        self._active: dict[str, ActiveCallback] = {}
        self._starts: list[tuple[ActiveCallback, Started]] = []
        self._ends: list[_Ended] = []
        self._may_wait = True
        self._turn = _Turn()
        self._found: list[tuple[Callback, Path]] = []

    @property
    def host_id(self) -> str:
        """Who begins callbacks."""
        return self.holding.host_id

    # --- which follow from changes, in the transaction of the change

    def after_attempts(self, connection: Connection, book: RunBook, rows: Sequence[TaskInstance]) -> None:
        """Make the callbacks of task instances as ends of attempts have left them."""
        self._follow(connection, book, rows, rules.after_attempt)

    def after_decisions(self, connection: Connection, book: RunBook, rows: Sequence[TaskInstance]) -> None:
        """Make the callbacks of task instances as decisions have left them."""
        self._follow(connection, book, rows, rules.after_decision)

    def after_run(self, connection: Connection, run: DagRun, spec: DagSpec, rows: Iterable[TaskInstance]) -> None:
        """Make the callbacks of a DAG run that a decision has ended."""
        self.add(connection, rules.after_run(run, spec, rows))

    def add(self, connection: Connection, items: Sequence[NewCallback]) -> None:
        """Make callbacks."""
        if items:
            callbacks.add(connection, items, self.house.clock.wall(), self.host_id)
            self._may_wait = True

    def _follow(self, connection: Connection, book: RunBook, rows: Sequence[TaskInstance], rule: object) -> None:
        mail = bool(self.house.config.smtp_host)
        found: list[NewCallback] = []
        for row in rows:
            snapshot = book.running.get(row.dag_run_id)
            if snapshot is not None:
                run, task = snapshot.run, snapshot.specs.get(row.task_id)
            else:  # the run is not running any more: a command came between
                run = queries.run_by_id(connection, row.dag_run_id)
                spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
                task = next((item for item in spec.tasks if item.task_id == row.task_id), None)
            if task is not None and (task.callbacks or task.email_on):
                found += rule(row, task, run.dag_version_id, mail)  # type: ignore[operator]
        self.add(connection, found)

    # --- what comes in

    def take(self, notice: Notice) -> None:
        """Take a notice of a callback's process: kept until a transaction has recorded it."""
        item = self._active.get(notice.key)
        if item is None:
            return
        if isinstance(notice, Started):
            if not item.started:
                item.started = True
                item.deadline = self._overtime()
                self._starts.append((item, notice))
        elif isinstance(notice, Reported):
            result = self.executor.collect(notice.key)
            if isinstance(result, Report):
                self._end(item, result, None)
        else:
            self._end(item, self.executor.collect(notice.key), notice)

    def _end(self, item: ActiveCallback, result: Report | Problem, notice: Exited | None) -> None:
        again = isinstance(result, Problem) and take_ticket_back(item.spool)
        self._ends.append(_Ended(item, result, notice, again))
        del self._active[item.attempt_id]

    def tick(self, now: float) -> None:
        """End processes that are over their time."""
        for item in list(self._active.values()):
            if item.deadline > now:
                continue
            if item.overdue:
                self._end(item, self.executor.collect(item.attempt_id), None)
                continue
            log.warning("callback %d (attempt %s) is over its time: killed", item.row.id, item.attempt_id)
            item.overdue = True
            item.deadline = now + 30.0
            self.executor.kill(item.attempt_id)

    def next_deadline(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`."""
        return min((item.deadline for item in self._active.values()), default=None)

    @property
    def has_work(self) -> bool:
        """Tell whether a turn is worth a transaction."""
        return bool(self._starts or self._ends or (self._may_wait and len(self._active) < AT_ONCE))

    @property
    def is_idle(self) -> bool:
        """Tell whether no callback runs or waits."""
        return not (self._active or self._starts or self._ends or self._may_wait)

    # --- one turn

    def transact(self, connection: Connection) -> None:
        """Record starts and ends, begin what waits: carried out by :meth:`committed`."""
        now = self.house.clock.wall()
        before, self._turn = self._turn, _Turn()
        turn = self._turn
        # the turn before failed: what it begun may be committed all the same
        turn.launches = [
            item for item in before.launches if callbacks.token_hash(connection, item[0].attempt_id) is not None
        ]
        for item, notice in self._starts:
            callbacks.started(connection, item.row, notice.pid, notice.start_ticks, notice.boot_id, now)
        for ended in self._ends:
            self._record(connection, ended)
        room = AT_ONCE - len(self._active) - len(turn.launches)
        if room <= 0 or not (self._may_wait or self._ends):
            return
        waiting = callbacks.waiting(connection, room + 1, self.holding.host_id if self.holding.is_shared else None)
        turn.more = len(waiting) > room
        for row in waiting[:room]:
            attempt_id, token = uuid.uuid4().hex, new_token()
            begun = callbacks.begin(connection, row, attempt_id, hash_token(token), self.host_id, now + CHECK_WITHIN)
            try:
                turn.launches.append((build_callback(connection, self.house, begun), token, begun))
            except (FlowError, LookupError, TypeError, ValueError) as error:
                log.exception("callback %d: its workload cannot be made", row.id)
                reason = Reason("bad_result", {"message": f"its workload cannot be made: {error}"})
                callbacks.finish(connection, callbacks.CallbackEnd(row.id, callbacks.FAILED, reason), now)

    def committed(self) -> None:
        """Carry out what the transaction decided."""
        self._starts.clear()
        self._ends.clear()
        turn, self._turn = self._turn, _Turn()
        if turn.more is not None:
            self._may_wait = turn.more
        for workload, token, row in turn.launches:
            deadline = self.house.clock.monotonic() + START_WITHIN
            spool = self.house.spool / workload.attempt_id
            self._active[workload.attempt_id] = ActiveCallback(row, workload.attempt_id, spool, deadline)
            self.executor.start(workload, token)

    def _record(self, connection: Connection, ended: _Ended) -> None:
        now, row = self.house.clock.wall(), ended.item.row
        log_path = str(ended.item.spool / "log.jsonl")
        result, problem = ended.result, _how(ended)
        if isinstance(result, Report):
            outcome = callbacks.SUCCESS if result.outcome == "success" else callbacks.FAILED
            reason = result.reason
        elif ended.may_begin_again and row.starts < STARTS:
            log.warning("callback %d never began (%s): another process is begun for it", row.id, problem)
            return callbacks.again(connection, row, now, self.host_id)
        elif ended.may_begin_again:
            outcome, reason = callbacks.LOST, Reason("callback_unstarted", {"count": row.starts, "message": problem})
        elif ended.item.overdue:
            seconds = self.house.config.callback_timeout
            outcome, reason = callbacks.FAILED, Reason("timeout", {"seconds": seconds})
        elif result.kind == "bad":
            outcome, reason = callbacks.FAILED, Reason("bad_result", {"message": result.message})
        else:
            outcome, reason = callbacks.LOST, Reason("callback_lost", {"message": problem})
        try:
            run = queries.run_by_id(connection, row.dag_run_id)
        except NotFound:  # the DAG was deleted meanwhile
            return None
        callbacks.finish(connection, callbacks.CallbackEnd(row.id, outcome, reason, log_path), now)
        place: tuple[Any, Any] = (row.facts.get("task_id"), row.facts.get("map_index"))
        told = [events.RunEvent(run.id, "callback_state", run.dag_id, run.run_id, None, outcome, *place, reason)]
        if isinstance(result, Report):
            told += [events.notification(run.id, run.dag_id, run.run_id, note, *place) for note in result.notifications]
            if result.xcoms and row.level == "task":
                xcoms.put(connection, run.id, *place, result.xcoms, result.attempt_id, now)
        return events.append_run_events(connection, told, now, None)

    def _overtime(self) -> float:
        config = self.house.config
        return self.house.clock.monotonic() + config.callback_timeout + 2 * config.limits.kill_grace + OVERTIME

    # --- a host's life

    def open(self, connection: Connection) -> list[Running]:
        """Return the processes that hosts which have ended had begun, for the executor to adopt."""
        found = callbacks.open_callbacks(connection)
        owners = host.by_ids(connection, {owner for _, owner in found})
        self._found = [
            (row, self.holding.spool_of(owners.get(owner)) / (row.attempt_id or ""))
            for row, owner in found
            if row.attempt_id not in self._active
            and self.holding.may_adopt(owners.get(owner), None, owner, self.host_id)
        ]
        return [
            Running(row.attempt_id or "", spool, row.pid, row.start_ticks, row.boot_id) for row, spool in self._found
        ]

    def take_over(self, connection: Connection) -> None:
        """Begin what hosts which have ended had not begun yet."""
        taken = []
        left = [] if self.holding.own_home_only and self.holding.is_shared else callbacks.left_behind(connection)
        for row in left:
            run = queries.run_by_id(connection, row.dag_run_id)
            if self.holding.may_take(connection, replace(run, dag_version_id=row.dag_version_id)):
                taken.append(row.id)
        if taken:
            callbacks.adopt(connection, taken, self.host_id, self.house.clock.wall())
            self._may_wait = True

    def adopt(self, adopted: Mapping[str, Adoption]) -> None:
        """Go on with what the executor says of the processes of an earlier host."""
        now = self.house.clock.monotonic()
        for row, spool in self._found:
            attempt_id = row.attempt_id or ""
            item = ActiveCallback(row, attempt_id, spool, now + START_WITHIN, started=row.pid is not None)
            self._active[attempt_id] = item
            if item.started:
                item.deadline = self._overtime()
            if adopted[attempt_id] != "alive":
                self._end(item, self.executor.collect(attempt_id), None)
            elif not item.started and (found := census.runner_of(attempt_id)) is not None:
                self.take(Started(attempt_id, "task", found.pid, found.start_ticks, identity.boot_id()))
        self._found = []

    def seen_alive(self, connection: Connection) -> None:
        """Write when somebody must look again after the callbacks with a process, all seen alive."""
        if self._active:
            ids = [item.row.id for item in self._active.values()]
            callbacks.adopt(connection, ids, self.host_id, self.house.clock.wall() + CHECK_WITHIN)


def take_ticket_back(spool: Path) -> bool:
    """Make sure that no process of this spool calls anything any more; False if one has begun to."""
    faultpoint("void.before_rename")
    try:
        (spool / TICKET).rename(spool / VOID)
    except OSError:
        return not (spool / BEGUN).exists()
    faultpoint("void.after_rename")
    return True


def _how(ended: _Ended) -> str:
    notice = ended.notice
    if notice is not None and notice.problem:
        return notice.problem
    if notice is not None and notice.signal is not None:
        return f"its process was ended by signal {notice.signal}"
    if notice is not None and notice.exit_code is not None:
        return f"its process ended with exit code {notice.exit_code} and left no result"
    return ended.result.message if isinstance(ended.result, Problem) else ""
