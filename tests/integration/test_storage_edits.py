from __future__ import annotations

import pytest
from sqlalchemy import Engine
from support import flows
from support.flows import ACTOR, T0, at, chain, dag, task
from support.stored_runs import LIMITS, StoredRun, store

from jupyter_flow.model.changes import TaskChange
from jupyter_flow.model.errors import Conflict, IllegalTransition, NotFound, StaleReport
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.decide import decide
from jupyter_flow.storage import attempts, edits, runs, xcoms
from jupyter_flow.storage.database import begin_write

S = TaskState


def test_clear_reopens_the_run_with_fresh_tries_and_forgets_values(engine: Engine) -> None:
    stored = StoredRun(engine, chain(3))
    [row] = stored.claim()
    stored.finish(row, xcoms=({"key": "k", "value": 1},))
    stored.run_to_end(at(5))
    with begin_write(engine) as connection:
        keys = [("t0", -1), ("t1", -1)]
        edited = edits.clear(connection, stored.run, keys, stored.version_id, stored.spec, at(9), ACTOR)
        assert xcoms.of_task(connection, edited.run.id, "t0") == []
    assert edited.run.state is RunState.QUEUED
    assert (edited.run.start_date, edited.run.end_date) == (None, None)
    assert str(edited.run.reason) == "cleared by ada"
    assert stored.states == {"t0": "waiting", "t1": "waiting", "t2": "success"}
    cleared = stored.row("t0")
    assert (cleared.try_number, cleared.max_tries, cleared.attempt_id, cleared.end_date) == (1, 2, None, None)


def test_clear_moves_to_the_latest_version_adds_new_tasks_and_removes_old_ones(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("old", "a")))
    stored.run_to_end()
    latest = dag(task("a", retries=3), task("new", "a"))
    with begin_write(engine) as connection:
        version = store(connection, latest)
        assert version != stored.version_id
        edited = edits.clear(connection, stored.run, [("a", -1)], version, latest, at(1), ACTOR)
    assert edited.run.dag_version_id == version
    assert stored.states == {"a": "waiting", "old": "removed", "new": "waiting"}
    assert stored.row("a").max_tries == 5


def test_clear_fences_off_what_is_running(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = stored.claim()
    with begin_write(engine) as connection:
        edits.clear(connection, stored.run, [("t0", -1)], stored.version_id, stored.spec, at(1), ACTOR)
        late = TaskChange(row.id, "t0", -1, S.SUCCESS, attempt_id=row.attempt_id)
        with pytest.raises(StaleReport):
            runs.transition(connection, late, at(2))
    assert stored.states == {"t0": "waiting"}


def test_clear_fences_off_what_is_about_to_start(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    with begin_write(engine) as connection:
        wanted = flows.claims(stored.snapshot.ready(), T0)
        [row] = runs.claim(connection, wanted, LIMITS, "h1", T0).tasks
        assert attempts.which_are_open(connection, [row.attempt_id, "0" * 32]) == {row.attempt_id: True}
        edits.clear(connection, stored.run, [("t0", -1)], stored.version_id, stored.spec, at(1), ACTOR)
        assert attempts.which_are_open(connection, [row.attempt_id]) == {row.attempt_id: False}
        late = TaskChange(row.id, "t0", -1, S.RUNNING, attempt_id=row.attempt_id)
        with pytest.raises(StaleReport):
            runs.transition(connection, late, at(2))
    cleared = stored.row("t0")
    assert (cleared.state, cleared.attempt_id, cleared.try_number, cleared.max_tries) == (S.WAITING, None, 1, 2)
    stored.settle(stored.snapshot.update_tasks([cleared]), at(2))
    assert stored.states == {"t0": "scheduled"}
    with begin_write(engine) as connection:
        [(_, reason)] = runs.claim(
            connection, flows.claims(stored.snapshot.ready(), at(3)), LIMITS, "h1", at(3)
        ).refused
    assert reason.code == "attempt_ending"


def test_clear_of_an_unknown_task_is_refused(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    with begin_write(engine) as connection, pytest.raises(NotFound, match="no task 'x'"):
        edits.clear(connection, stored.run, [("x", -1)], stored.version_id, stored.spec, T0, ACTOR)


def test_mark_task_forces_a_state_and_fences_the_attempt(engine: Engine) -> None:
    stored = StoredRun(engine, chain(2))
    [row] = stored.claim()
    with begin_write(engine) as connection:
        marked = edits.mark_task(connection, row, S.SUCCESS, at(1), ACTOR)
        assert str(marked.reason) == "marked success by ada"
        late = TaskChange(row.id, "t0", -1, S.FAILED, Reason("exception"), attempt_id=row.attempt_id)
        with pytest.raises(StaleReport):
            runs.transition(connection, late, at(2))
        assert edits.mark_task(connection, marked, S.SUCCESS, at(3), ACTOR) == marked
    stored.settle(stored.snapshot.update_tasks([marked]), at(3))
    assert stored.states == {"t0": "success", "t1": "scheduled"}


def test_mark_run_success_and_failed(engine: Engine) -> None:
    stored = StoredRun(engine, chain(3))
    stored.claim()
    with begin_write(engine) as connection:
        edited = edits.mark_run(connection, stored.run, RunState.FAILED, at(1), ACTOR)
        assert edited.run.state is RunState.FAILED
        assert [str(row.state) for row in edited.tasks] == ["failed", "skipped", "skipped"]
        edited = edits.mark_run(connection, edited.run, RunState.SUCCESS, at(2), ACTOR)
        assert {str(row.state) for row in edited.tasks} == {"success"}
        assert edits.mark_run(connection, edited.run, RunState.SUCCESS, at(3), ACTOR) == edited
        with pytest.raises(IllegalTransition, match="not running"):
            edits.mark_run(connection, edited.run, RunState.RUNNING, at(3), ACTOR)


def test_a_cancel_request_is_a_column_and_ends_what_has_not_begun(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b", "a")))
    [row] = stored.claim()
    with begin_write(engine) as connection:
        run = edits.request_cancel(connection, stored.run, at(1), ACTOR)
        assert (run.state, run.cancel_requested_at, run.cancel_requested_by) == (RunState.RUNNING, at(1), "ada")
        again = edits.request_cancel(connection, run, at(2), ACTOR)
        assert again == run
    stored.snapshot.update_run(run)
    with begin_write(engine) as connection:
        changes = decide(stored.snapshot, at(2))
        stored.snapshot.update_tasks(runs.transition_many(connection, changes, at(2)).tasks)
    stored.finish(row, "cancelled", at(3))
    assert stored.states == {"a": "cancelled", "b": "cancelled"}
    assert stored.run.state is RunState.CANCELLED
    with begin_write(engine) as connection:
        with pytest.raises(Conflict, match="has ended: cancelled"):
            edits.request_cancel(connection, stored.run, at(4), ACTOR)
        edits.clear(connection, stored.run, [("a", -1)], stored.version_id, stored.spec, at(5), ACTOR)
    assert stored.run.cancel_requested_at is None


def test_a_cancel_request_for_one_task(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b")))
    with begin_write(engine) as connection:
        asked = edits.request_task_cancel(connection, stored.row("a"), at(1), ACTOR)
    stored.settle(stored.snapshot.update_tasks([asked]), at(1))
    assert stored.states == {"a": "cancelled", "b": "scheduled"}
    with begin_write(engine) as connection, pytest.raises(Conflict, match="has ended: cancelled"):
        edits.request_task_cancel(connection, stored.row("a"), at(2), ACTOR)


def test_reasons_and_checks_of_waiting_runs(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    with begin_write(engine) as connection:
        edits.set_run_reason(connection, stored.run.id, Reason("dag_paused"))
        edits.checked(connection, [stored.run.id], at(5))
    assert str(stored.run.reason) == "DAG is paused"
