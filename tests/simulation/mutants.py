"""Named faults of the product, each put in by a small patch: what the world's checks must be able to find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from sqlalchemy import bindparam, update

from jupyter_flow.execution import identity
from jupyter_flow.model.slots import Usage
from jupyter_flow.model.state import TASK_ACTIVE, TASK_TERMINAL, TaskState
from jupyter_flow.scheduling import decide, outcomes
from jupyter_flow.service import among_hosts, desk, dispatch, ends, host_row, recording
from jupyter_flow.service import host as hosts
from jupyter_flow.service.book import RunBook
from jupyter_flow.service.holding import Holding
from jupyter_flow.service.host_watch import HostWatch
from jupyter_flow.storage import edits, events, reports, runs, xcoms
from jupyter_flow.storage.schema import dag_run
from jupyter_flow.storage.types import NEVER

from .bench import Bench
from .faults import Violation
from .staged import STAGE, STAGED, attempt_in_doubt_forgotten
from .world import World

Stack = ExitStack
MUTANTS: dict[str, Callable[[ExitStack], None]] = {"attempt_in_doubt_forgotten": attempt_in_doubt_forgotten}
MOST_SEEDS = 250
"""So many are tried until a mutant counts as not found."""
SEEN_AT: dict[str, int] = {
    "takeover_without_a_look_at_the_lease": 6,
    "no_fence_by_attempt_id": 3,
    "terminal_state_overwritten_by_a_late_report": 3,
    "clear_keeps_the_old_attempt_id": 3,
    "cleared_task_starts_beside_its_old_attempt": 3,
    "report_dropped_before_the_commit": 18,
    "rules_read_from_memory_after_a_command": 1,
    "lost_wakeup_after_a_report": 1,
    "no_wakeup_for_a_run_of_later": 25,
    "adoption_ignores_start_ticks": 3,
    "retry_before_its_time": 2,
    "clear_keeps_xcoms": 5,
}
"""The first seed that finds a mutant, if it is not 0."""


def mutant(apply: Callable[[ExitStack], None]) -> Callable[[ExitStack], None]:
    """Name a mutant after its function."""
    MUTANTS[apply.__name__] = apply
    return apply


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Run the product with one fault in it."""
    with ExitStack() as stack:
        MUTANTS[name](stack)
        yield


def caught(bench: Bench, name: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """Return the first of ``seeds`` whose world finds the mutant, and what it says; None if none does.

    A stage comes first, as number -1.
    """
    with mutated(name):
        if name in STAGED:
            try:
                STAGED[name](bench)
            except Violation as violation:
                return STAGE, str(violation)
        for seed in seeds:
            try:
                World(bench, seed).run()
            except Violation as violation:
                return seed, str(violation)
    return None


def _put(stack: ExitStack, where: Any, name: str, value: Any) -> None:
    stack.enter_context(patch.object(where, name, value))


# --- who may write


@mutant
def no_compare_and_swap_on_row_version(stack: Stack) -> None:
    """Whoever writes last wins: a changed row does not make a change lose."""
    original = runs._is_lost

    def is_lost(row: Any, change: Any) -> bool:
        return original(row, replace(change, row_version=None))

    _put(stack, runs, "_is_lost", is_lost)
    claim = runs.claim

    def claimed(connection: Any, wanted: Any, *more: Any) -> Any:
        rows = {row.id: row for row in runs.task_rows(connection, ids=[item.ready.task_instance_id for item in wanted])}
        known = [item for item in wanted if item.ready.task_instance_id in rows]
        now = [
            replace(i, ready=replace(i.ready, row_version=rows[i.ready.task_instance_id].row_version)) for i in known
        ]
        return claim(connection, now, *more)

    _put(stack, runs, "claim", claimed)


@mutant
def takeover_without_a_look_at_the_lease(stack: Stack) -> None:
    """Every other host counts as standing still, and what was declared ended writes on."""
    _put(stack, HostWatch, "standing_still", lambda self, found, now: list(found))
    _put(stack, Holding, "check", lambda self, connection: None)
    _put(stack, Holding, "check_since", lambda self, began: None)
    _put(stack, host_row.HostRow, "beat", lambda self: True)


@mutant
def ended_host_writes_on(stack: Stack) -> None:
    """A host that stood still does not find out that another one has taken over."""
    _put(stack, Holding, "check", lambda self, connection: None)
    _put(stack, Holding, "check_since", lambda self, began: None)
    _put(stack, host_row.HostRow, "beat", lambda self: True)


@mutant
def no_fence_by_attempt_id(stack: Stack) -> None:
    """What an attempt says counts even if another one is current."""

    def is_lost(row: Any, change: Any) -> bool:
        return change.row_version is not None and row.row_version != change.row_version

    _put(stack, runs, "_is_lost", is_lost)


@mutant
def terminal_state_overwritten_by_a_late_report(stack: Stack) -> None:
    """The fence looks at the attempt id alone, and a mark leaves that in the row."""

    def is_lost(row: Any, change: Any) -> bool:
        if change.row_version is not None and row.row_version != change.row_version:
            return True
        return change.attempt_id is not None and row.attempt_id != change.attempt_id

    _put(stack, runs, "_is_lost", is_lost)


@mutant
def clear_keeps_the_old_attempt_id(stack: Stack) -> None:
    """A cleared task instance still names its earlier attempt."""
    original = runs._changed

    def changed(old: Any, change: Any, now: Any, held_by: str) -> Any:
        new, holder = original(old, change, now, held_by)
        return (replace(new, attempt_id=old.attempt_id) if change.state is TaskState.WAITING else new), holder

    _put(stack, runs, "_changed", changed)


@mutant
def cleared_task_starts_beside_its_old_attempt(stack: Stack) -> None:
    """A claim does not wait for the end of an attempt that was fenced off."""
    _put(stack, runs, "_with_open_attempt", lambda connection, ids: set())


@mutant
def same_token_for_all(stack: Stack) -> None:
    """Every attempt gets the same token."""
    _put(stack, dispatch, "new_token", lambda: "token")


# --- when it is written


@mutant
def claim_outside_the_transaction(stack: Stack) -> None:
    """What is claimed is started, but not committed with the turn."""
    original = runs.claim

    def claim(connection: Any, *given: Any) -> Any:
        with connection.begin_nested() as nested:
            claimed = original(connection, *given)
            nested.rollback()
        return claimed

    _put(stack, runs, "claim", claim)


@mutant
def launch_before_the_commit(stack: Stack) -> None:
    """Processes are started at the end of the transaction instead of after it."""
    original = desk.Desk._transact

    def transact(self: Any, connection: Any, now: Any, outcome: Any) -> None:
        original(self, connection, now, outcome)
        self.launching.carry_out(outcome)
        outcome.launches, outcome.unmade, outcome.unwanted, outcome.cancels = [], [], [], []

    _put(stack, desk.Desk, "_transact", transact)


@mutant
def report_dropped_before_the_commit(stack: Stack) -> None:
    """A report counts as recorded when the transaction begins: if that fails, it is gone."""
    original = desk.record

    def record(connection: Any, house: Any, book: Any, starts: Any, ended: list[Any], *more: Any, **named: Any) -> Any:
        taken = list(ended)
        ended.clear()
        return original(connection, house, book, starts, taken, *more, **named)

    _put(stack, desk, "record", record)


@mutant
def memory_kept_after_a_failed_transaction(stack: Stack) -> None:
    """After a failure the book believes what was never committed."""
    original = RunBook.distrust

    def distrust(self: Any, dag_run_id: int | None = None) -> None:
        if dag_run_id is not None:
            original(self, dag_run_id)

    _put(stack, RunBook, "distrust", distrust)


@mutant
def rules_read_from_memory_after_a_command(stack: Stack) -> None:
    """What a command has changed is not read again."""
    _put(stack, hosts.Host, "run_changed", lambda self, dag_run_id: None)


# --- who looks again


@mutant
def no_deadline_for_active_rows(stack: Stack) -> None:
    """``check_at`` of what was claimed says that nobody has to look again."""
    original = runs._task_values

    def values(*given: Any) -> Any:
        found = original(*given)
        return found | {"b_check_at": NEVER} if given[2].state in TASK_ACTIVE else found

    _put(stack, runs, "_task_values", values)


@mutant
def lost_wakeup_after_a_report(stack: Stack) -> None:
    """The end of a task does not make its run be decided again."""
    original = RunBook.update_tasks

    def update_tasks(self: Any, rows: Any) -> None:
        rows = list(rows)
        touched = dict(self.touched)
        original(self, rows)
        if rows and all(row.state in TASK_TERMINAL and row.attempt_id for row in rows):
            self.touched = touched

    _put(stack, RunBook, "update_tasks", update_tasks)


@mutant
def no_wakeup_for_a_run_of_later(stack: Stack) -> None:
    """Nobody looks when the time of a queued run has come."""
    _put(stack, RunBook, "next_start", lambda self: None)
    _put(stack, RunBook, "dags_to_start", lambda self, now: set())


@mutant
def takeover_forgets_what_runs(stack: Stack) -> None:
    """A new host does not look for the attempts of the one before."""
    _put(stack, among_hosts, "recover", lambda desk: None)


@mutant
def adoption_ignores_start_ticks(stack: Stack) -> None:
    """Any process with the recorded pid counts as the attempt's."""
    _put(stack, identity, "is_running", lambda pid, ticks, boot=None: identity.facts(pid) is not None)


# --- how it is counted


@mutant
def retry_budget_not_decreased(stack: Stack) -> None:
    """A failed try is tried again, however often."""

    def retry(row: Any, task: Any, report: Any, now: Any, at: Any) -> Any:
        return outcomes._change(row, TaskState.UP_FOR_RETRY, report.reason, report, at, check_at=at)

    _put(stack, outcomes, "_retry_or_fail", retry)


@mutant
def loss_counted_as_a_try(stack: Stack) -> None:
    """What starts again after a loss is a new try."""
    _put(stack, runs, "_is_within_try", lambda row, old, new: False)


@mutant
def retry_before_its_time(stack: Stack) -> None:
    """The retry delay is not waited for."""
    original = outcomes._change

    def change(row: Any, state: Any, reason: Any, report: Any, at: Any, check_at: Any = None) -> Any:
        found = original(row, state, reason, report, at, check_at)
        return replace(found, check_at=at) if state is TaskState.UP_FOR_RETRY else found

    _put(stack, outcomes, "_change", change)


@mutant
def pool_counted_before_the_transaction(stack: Stack) -> None:
    """Slots in use are those of the claim before."""
    original = dispatch.slots_in_use
    known: dict[str, Usage] = {}

    def slots_in_use(connection: Any, *more: Any) -> Usage:
        before = known.get("last", Usage())
        known["last"] = original(connection, *more)
        return before.copy()

    _put(stack, dispatch, "slots_in_use", slots_in_use)


@mutant
def event_number_used_again(stack: Stack) -> None:
    """The last number of a run's events is not written."""
    same = (
        update(dag_run)
        .where(dag_run.c.id == bindparam("b_id"))
        .values(last_seq=dag_run.c.last_seq)
        .returning(dag_run.c.last_seq + bindparam("b_count"))
    )
    _put(stack, events, "_NEXT_SEQ", same)


@mutant
def duplicated_report_applied_twice(stack: Stack) -> None:
    """What a report tells of assets is written once more."""
    original = reports.append_events

    def append(connection: Any, items: Any, now: Any) -> None:
        original(connection, items, now)
        original(connection, items, now)

    _put(stack, reports, "append_events", append)


@mutant
def clear_keeps_xcoms(stack: Stack) -> None:
    """A cleared task instance keeps the XComs of its earlier tries."""
    _put(stack, xcoms, "forget", lambda *given: None)
    _put(stack, edits.xcoms, "forget", lambda *given: None)


# --- what follows


@mutant
def run_ended_while_a_task_is_active(stack: Stack) -> None:
    """A run ends although one of its tasks has not."""
    original = decide._decide

    def decided(snapshot: Any, keys: Any, now: Any) -> Any:
        if snapshot.unfinished == 1 and snapshot.active() and snapshot.run.state == "running":
            return decide.end_run(snapshot)
        return original(snapshot, keys, now)

    _put(stack, decide, "_decide", decided)


@mutant
def cancelled_run_retried(stack: Stack) -> None:
    """A failed task of a cancelled run is tried again."""
    original = ends.after_report
    _put(stack, decide, "_cancelled", lambda snapshot, task, spec: None)
    _put(stack, ends, "after_report", lambda row, task, report, now, cancel_requested=False: original(
        replace(row, cancel_requested_at=None), task, report, now
    ))  # fmt: skip
    _put(stack, recording, "to_end", _without_cancel(recording.to_end))


def _without_cancel(original: Any) -> Any:
    def to_end(ended: Any, row: Any, task: Any, cancelled_by: Any, *more: Any) -> Any:
        return original(ended, row, task, None, *more)

    return to_end
