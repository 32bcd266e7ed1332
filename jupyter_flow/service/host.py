"""The host: the one process that schedules and writes. One selector loop that sleeps until something is due."""

from __future__ import annotations

import logging
import selectors
import uuid
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from ..execution.children import Notice
from ..execution.identity import boot_id
from ..model.config import FlowConfig
from ..model.errors import FlowError, InvalidInput
from ..model.records import Actor
from ..parsing.loop import File
from ..storage import database, events, migrating
from ..wire.paths import house_socket
from . import doors, due, kept_kernels, questions, retention, trouble, without_database
from .actors import actor_of
from .among_hosts import AmongHosts
from .ask_next import ask_next
from .clock import SystemClock
from .desk import Desk
from .guard import Guard
from .head_start import HeadStart
from .host_row import HEARTBEAT, HostRow
from .house import Effects, House, usable
from .house_socket import HouseSocket, Peer
from .kernels import WARM_BEFORE, WaitingKernels
from .lease import place
from .parser import Parser
from .recovery import recover
from .wake_up import WakeUp
from .wakeup import Wakeup

log = logging.getLogger(__name__)

PUSH_PAUSE = 0.05
CALM = 8
"""While as many attempts or more are in flight, pushes come at most every :data:`PUSH_PAUSE` seconds."""
HOST = Actor("host", "host")
_VIEW = doors.OPS["host.status"]


class Host(Effects):
    """The loop and what it owns.

    ``only``: parse this DAG file alone and start runs of its DAGs alone (and no scheduled ones).
    ``ahead``: the lease of this home, and what was begun with it.
    """

    def __init__(
        self, config: FlowConfig, stack: ExitStack, only: File | None = None, ahead: HeadStart | None = None
    ) -> None:
        self.config = config
        self.clock = SystemClock()
        self._stack = stack
        self.is_ended = False
        self.started_at = self.clock.wall()
        self._told, self._sign_at = 0, 0.0
        self._drain: str | None = None
        self._reload: bool | None = None
        self._reload_waiters: list[tuple[Peer, Any]] = []
        self._commanded, self._unpushed, self._is_cursor_old = False, False, True
        self._push_at = 0.0

        ahead = ahead or stack.enter_context(HeadStart.take(config, self.started_at))
        stack.enter_context(usable(config))
        engine = database.create_engine(config.database)
        stack.callback(engine.dispose)
        migrating.migrate_apart(engine)
        migrating.migrate(engine)
        reader = database.create_reader(config.database)
        stack.callback(reader.dispose)
        self.house = House(config, reader, engine, self.clock, effects=self)
        self.selector = selectors.DefaultSelector()
        stack.callback(self.selector.close)
        self.wakeup = Wakeup(self.selector, stack, self._stop_on_signal)
        self.guard = Guard(config, self.clock, lambda: len(self.desk.active), self.wakeup)
        row = HostRow(self.house, uuid.uuid4().hex, place(config.home))
        self.among = AmongHosts(self.house, row, self.selector, self._on_news, stack)
        earlier = row.take()
        stack.callback(self._end_row)
        self.house.spool.mkdir(mode=0o700, exist_ok=True)

        self.executor = ahead.take_executor()
        stack.callback(self.executor.close)
        self.kernels = WaitingKernels(config, self.executor.launcher)
        stack.callback(self.kernels.close)
        self.desk = Desk(self.house, self.executor, self.kernels, row.host_id, boot_id(), earlier)
        self.desk.is_selective = self.desk.holding.own_home_only = only is not None
        self.parser = Parser(self.house, self.executor.launcher, self._dags_parsed, only)
        stack.callback(self.parser.close)
        self.retention = retention.Retention(self.house)
        for descriptor in self.executor.fileobjs():
            self.selector.register(descriptor, selectors.EVENT_READ, self._on_notices)
        for descriptor in self.kernels.fileobjs():
            self.selector.register(descriptor, selectors.EVENT_READ, self._on_kernels)
        self.selector.register(self.parser.watcher, selectors.EVENT_READ, self._on_changes)

    # --- life

    def begin(self) -> None:
        """Take over from an earlier host, look at the DAG folders, open the door."""
        self.among.begin(self.desk)
        self.parser.start()
        self.socket = HouseSocket(house_socket(self.config.home), self.selector, self._on_message)
        self._stack.callback(self.socket.close)
        self._work()
        self._push()

    def begin_to_end(self, actor: Actor) -> int:
        """Take over from an earlier host only to cancel what still runs; return how many tasks that are."""
        self.desk.draining = self.desk.holding.own_home_only = True
        recover(self.desk)
        self.socket = HouseSocket(house_socket(self.config.home), self.selector, self._on_message)
        self._stack.callback(self.socket.close)
        running = len(self.desk.active)
        self._drain = "the host ends what ran on without one"
        self.desk.cancel_all(actor)
        return running

    def run(self) -> None:
        """Serve until stopped."""
        while not self.is_ended:
            self.step()
        self.socket.push({"push": "ends"})  # in good order: nobody has to start another

    def step(self, longest: float = HEARTBEAT) -> None:
        """Sleep until something happens or is due (at most ``longest`` seconds), and do it."""
        for key, mask in self.selector.select(self._sleep(longest)):
            key.data(mask)
        self._work()

    def _work(self) -> None:
        now = self.clock.monotonic()
        notices = self._tick(now)
        self.desk.look_at_clock()
        tasks: list[Notice] = [notice for notice in notices if notice.kind == "task"]
        self.desk.take(tasks)
        self.parser.take([notice for notice in notices if notice.kind == "parse"])
        if self._reload is not None:
            whole, self._reload = self._reload, None
            self.parser.look(whole=whole)
        self._look_around(notices)
        if self.among.must_begin_anew:
            self.guard.do(self._begin_anew)
        changed, others = False, self.guard.do(self.parser.turn)
        while not self.among.must_begin_anew and self.desk.has_work and self.guard.do(self._turn):
            changed = True
        others = self.guard.do(self._prune) or others or self._commanded
        if self.guard.wants_proof or (now >= self.among.next_beat and self.guard.may(self._beat)):
            self.among.next_beat = now + self.among.row.pause
            self.guard.do(self._beat, is_proof=True)
        self._is_cursor_old = self._is_cursor_old or others
        self._unpushed, self._commanded = self._unpushed or changed or others, False
        if self._unpushed and (now >= self._push_at or len(self.desk.active) < CALM):
            self._push()
        self._answer_reloads()
        if self._drain is not None and len(self.desk.active) == 0 and self.desk.callbacks.is_idle:
            kept_kernels.release_all(self.config.home)
            self.is_ended = True

    def _push(self) -> None:
        """Tell subscribers that something was committed; they ask what."""
        self._unpushed, self._push_at = False, self.clock.monotonic() + PUSH_PAUSE
        if self._is_cursor_old and not self.guard.is_away:  # a turn knows it by itself
            self.guard.do(self._read_cursor)
        self.socket.push({"push": "changed", "cursor": self.desk.cursor})

    def _read_cursor(self) -> None:
        with self.house.reading() as connection:
            self.desk.cursor, self._is_cursor_old = events.last_id(connection), False

    def _look_around(self, notices: list[Notice]) -> None:
        """See what is wrong around the house, and tell of changes."""
        self.guard.look(notices)
        was_paused, self.desk.paused = self.desk.paused, self.guard.troubles.pauses_dispatch
        if self._told != self.guard.troubles.changes:
            self._told = self.guard.troubles.changes
            self.socket.push({"push": "health"})
        elif (now := self.clock.monotonic()) >= self._sign_at:
            self._sign_at = now + HEARTBEAT
            self.socket.push({"push": "alive"})
        if was_paused and not self.desk.paused:
            self.desk.due_touched = True

    # --- what wakes the loop

    def _tick(self, now: float) -> list[Notice]:
        self.executor.tick(now)
        self.desk.sampler.tick(now)
        for active in self.desk.active:
            if active.deadline is not None and active.deadline <= now:
                self._over_deadline(active, now)
        self.desk.callbacks.tick(now)
        self.kernels.tick(now, any(active.is_notebook for active in self.desk.active))
        return self.executor.notices()

    def _over_deadline(self, active: Any, now: float) -> None:
        if self.guard.disk_is_full and not active.overdue:  # it may wait for room to write its result
            active.deadline = now + HEARTBEAT
            return
        if active.overdue:
            self.desk.end(active, None)
            return
        log.warning("attempt %s is over its time: killed", active.attempt_id)
        active.overdue = True
        active.deadline = now + 30.0
        self.executor.kill(active.attempt_id)

    def _sleep(self, longest: float) -> float:
        may_turn = self.guard.may(self._turn)
        if self._reload is not None or (may_turn and self.desk.has_work) or self.guard.wants_proof:
            return 0.0  # a command of this process has come in between two steps
        now = self.clock.monotonic()
        instants = [now + longest]
        if self.guard.may(self._beat):
            instants.append(self.among.next_beat)
        instants += [
            at
            for at in (
                self.executor.next_tick(),
                self.parser.next_instant() if self.guard.may(self.parser.turn) else None,
                self.desk.active.next_deadline(),
                self.desk.callbacks.next_deadline(),
                self.kernels.next_tick(),
                self.retention.next_tick() if self.guard.may(self._prune) else None,
                self.desk.sampler.next_tick(),
                self.guard.next_instant(),
                self._push_at if self._unpushed else None,
            )
            if at is not None
        ]
        wall = self.clock.wall()
        at = self.desk.next_instant()
        if at is not None and may_turn:
            instants.append(now + (at - wall).total_seconds())
        return max(0.0, min(instants) - now)

    def _on_notices(self, mask: int) -> None:
        """The executor has notices: :meth:`_work` fetches them."""

    def _on_kernels(self, mask: int) -> None:
        self.kernels.service()

    def _on_changes(self, mask: int) -> None:
        self._reload = bool(self._reload)

    def _stop_on_signal(self, number: int, frame: object) -> None:
        self.is_ended = True

    # --- the door

    def _on_message(self, peer: Peer, message: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"id": message.get("id")}
        try:
            result = self._perform(peer, message)
            if result is None:
                return  # answered later
            answer["ok"] = result
        except FlowError as error:
            answer["error"] = {"code": error.code, "message": str(error)}
        except Exception as error:
            if (refusal := self.guard.failed(error)) is not None:
                answer["error"] = {"code": refusal.code, "message": str(refusal)}
            else:
                log.exception("operation %r failed", message.get("op"))
                text = f"operation {message.get('op')!r} failed inside the host: see {self.config.home / 'host.log'}"
                answer["error"] = {"code": "error", "message": text}
        peer.send(answer)

    def _perform(self, peer: Peer, message: dict[str, Any]) -> Any:
        op, args = message.get("op"), message.get("args") or {}
        if not isinstance(op, str) or not isinstance(args, dict):
            raise InvalidInput('a request is {"id", "op", "args", "actor"}')
        if self.guard.is_away and op != "events.subscribe":
            return without_database.perform(self, op, args)
        if "attempt_id" in message:
            return questions.answer(self.house, message["attempt_id"], message.get("token"), op, args)
        actor = actor_of(message.get("actor"))
        if op == "events.subscribe":
            peer.subscribed = True
            return {"cursor": self.desk.cursor}
        if op == "house.prune" and not args.get("dry_run"):  # in steps, between other work
            doors.function_of(self.house, actor, op, args)
            keep = retention.allow(self.house, actor, **args)
            self.retention.ask(keep, lambda found: peer.send({"id": message.get("id"), "ok": found}))
            return None
        wait = op == "dags.reload" and args.pop("wait", False)
        self._commanded = self._commanded or doors.OPS.get(op, _VIEW).kind == "command"
        result = doors.perform(self.house, actor, op, args)
        if op == "dags.next" and ask_next(self.house, self.parser.timetables, args, result, peer, message.get("id")):
            return None
        if wait:
            self._reload_waiters.append((peer, message.get("id")))
            return None
        return result

    def _answer_reloads(self) -> None:
        if self._reload_waiters and self._reload is None and not self.parser.busy:
            waiters, self._reload_waiters = self._reload_waiters, []
            for peer, number in waiters:
                peer.send({"id": number, "ok": {}})

    # --- effects of commands

    def run_changed(self, dag_run_id: int) -> None:
        """Read this run again in the next turn."""
        self.desk.book.distrust(dag_run_id)
        self.desk.news.runs.add(dag_run_id)

    def run_anyway(self, dag_run_id: int) -> None:
        """Start this run even if its DAG is paused."""
        self.desk.run_anyway.add(dag_run_id)

    def dag_changed(self, dag_id: str) -> None:
        """Look at queued and due runs of this DAG."""
        self.desk.dag_changed(dag_id)
        self.desk.news.dags.add(dag_id)
        self.parser.timetables.look_again()

    def look_again(self) -> None:
        """Look at waiting tasks and at what is due in this turn."""
        self.desk.due_touched = self.desk.news.slots = self.desk.news.sweep = True

    def reload(self, whole: bool) -> None:
        """Look at the DAG folders in this turn."""
        self._reload = whole or bool(self._reload)

    def stop(self, tasks: bool, finish: bool) -> None:
        """End now, or drain first."""
        if not tasks and not finish:
            self.is_ended = True
            return
        self.desk.draining = True
        self._drain = "the host is stopping: running tasks end first, nothing new starts"
        self.guard.troubles.put("stopping", self._drain, self.clock.wall())
        if tasks and self.guard.is_away:
            for active in self.desk.active:
                self.executor.cancel(active.attempt_id)
        elif tasks:
            self.desk.cancel_all(HOST)

    def resume(self) -> None:
        """Go on scheduling."""
        self._drain = None
        self.guard.troubles.clear("stopping")
        self.desk.resume()

    def stopping(self) -> str | None:
        """Return why nothing new starts."""
        return trouble.first_message(item for item in self.guard.troubles.list() if item.pauses_dispatch) or None

    def troubles(self) -> list[trouble.Trouble]:
        """Return what is wrong, the most important first."""
        return self.guard.troubles.list()

    def _dags_parsed(self, dag_ids: set[str]) -> None:
        for dag_id in dag_ids:
            self.desk.dag_changed(dag_id)
        self.desk.news.dags |= dag_ids

    # --- among other hosts

    def _turn(self) -> bool:
        return self.among.turn(self.desk)

    def _beat(self) -> bool:
        self.is_ended = not self.among.beat(self.desk) or self.is_ended
        self._warm_up(self.clock.wall())
        return False

    def _begin_anew(self) -> bool:
        return self.among.begin_anew(self.desk)

    def _on_news(self, news: WakeUp) -> None:
        self.desk.hear(news)
        if news.hosts:
            self.among.next_beat = 0.0
        if news.dags:
            self.parser.timetables.look_again(news.dags)
        self._unpushed = self._is_cursor_old = True

    def _warm_up(self, now: datetime) -> None:
        at = self.desk.next_due
        if at is None or at - now >= timedelta(seconds=WARM_BEFORE + self.among.row.pause):
            return
        with self.house.reading() as connection:
            if due.has_notebooks(connection, at):
                self.kernels.expect(self.clock.monotonic(), ahead=True)

    def _prune(self) -> bool:
        return bool(self.retention.tick(self.clock.monotonic()))

    def _end_row(self) -> None:
        if not self.guard.is_away:
            self.among.row.end()
