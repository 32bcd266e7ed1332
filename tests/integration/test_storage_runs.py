from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, event, func, select
from support.flows import ACTOR, T0, at, chain, change, claims, dag, new_run, report, task
from support.stored_runs import LIMITS, StoredRun, store

from jupyter_flow.model.changes import RunChange, TaskChange
from jupyter_flow.model.errors import Conflict, IllegalTransition, NotFound, StaleReport
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.slots import SlotLimits
from jupyter_flow.model.state import TASK_TERMINAL, RunState, RunType, TaskState
from jupyter_flow.storage import attempts, events, queries, reports, runs, schema, xcoms
from jupyter_flow.storage.database import begin_write
from jupyter_flow.storage.types import NEVER

S = TaskState


def counts(connection: Connection) -> dict[str, int]:
    tables = (schema.dag_run, schema.task_instance, schema.attempt, schema.event, schema.xcom)
    return {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables}


def test_a_run_goes_from_its_creation_to_its_end(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b", "a"), task("c", "a")))
    run = stored.run_to_end(at(5))
    assert run.state is RunState.SUCCESS
    assert (run.start_date, run.end_date) == (T0, at(5))
    row = stored.row("b")
    assert (row.try_number, row.max_tries, row.attempt_count, row.check_at) == (1, 1, 1, None)
    with engine.connect() as connection:
        [attempt] = attempts.list_attempts(connection, row.id)
        assert (attempt.id, attempt.outcome, attempt.attempt_number) == (row.attempt_id, "success", 1)
        assert attempts.open_attempts(connection) == []


def test_events_are_gapless_per_run_and_tell_every_change(engine: Engine) -> None:
    first, second = StoredRun(engine, chain(2)), StoredRun(engine, chain(2, dag_id="e"))
    for stored in (first, second, first, second):
        for row in stored.claim():
            stored.finish(row)
    with engine.connect() as connection:
        for stored in (first, second):
            found = events.run_events(connection, stored.run.id)
            assert [item.seq for item in found] == list(range(1, len(found) + 1))
            moves = [(item.state_from, item.state_to) for item in found if item.task_id == "t1"]
            assert moves == [("waiting", "scheduled"), ("scheduled", "queued"), ("queued", "running"),
                             ("running", "success")]  # fmt: skip
            assert found[0].kind == "run_created"
            assert (found[-1].kind, found[-1].state_to) == ("run_state", "success")
        everything = events.read_after(connection, 0)
        assert [item.id for item in everything] == sorted(item.id for item in everything)
        middle = everything[7].id
        assert events.read_after(connection, middle, 3) == everything[8:11]
        assert events.last_id(connection) == everything[-1].id


def test_one_run_per_logical_date(engine: Engine) -> None:
    spec = chain(1)
    with begin_write(engine) as connection:
        version = store(connection, spec)
        asked = new_run(run_type=RunType.SCHEDULED)
        runs.create_run(connection, asked, version, spec, T0)
        before = counts(connection)
        with pytest.raises(Conflict, match=r"logical date 2026-01-05T12:00:00\+00:00 .* taken by run 'scheduled__"):
            runs.create_run(connection, replace(asked, run_id="manual__x"), version, spec, T0)
        with pytest.raises(Conflict, match="choose another run id"):
            runs.create_run(connection, replace(asked, logical_date=at(1)), version, spec, T0)
        assert counts(connection) == before
        dateless = replace(asked, logical_date=None)
        for number in range(2):
            runs.create_run(connection, replace(dateless, run_id=f"m{number}"), version, spec, T0)


def test_an_idempotency_key_gives_one_run(engine: Engine) -> None:
    spec = chain(2)
    with begin_write(engine) as connection:
        version = store(connection, spec)
        first = runs.create_run(connection, new_run(idempotency_key="k"), version, spec, T0)
        again = runs.create_run(connection, new_run(instant=at(9), idempotency_key="k"), version, spec, at(9))
        assert (first.created, again.created) == (True, False)
        assert again.run == first.run
        assert again.tasks == first.tasks


def test_a_change_on_an_old_version_loses(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b")))
    a, b = stored.row("a"), stored.row("b")
    with begin_write(engine) as connection:
        runs.transition(connection, change(a, S.SKIPPED), T0)
        with pytest.raises(Conflict, match="'a' was changed meanwhile"):
            runs.transition(connection, change(a, S.FAILED), T0)
        applied = runs.transition_many(connection, [change(a, S.FAILED), change(b, S.FAILED)], T0)
        assert [row.task_id for row in applied.tasks] == ["b"]
        assert [lost.task_id for lost in applied.lost] == ["a"]
        with pytest.raises(Conflict, match="changed meanwhile"):
            runs.transition_run(connection, RunChange(stored.run.id, RunState.FAILED, None, 1), T0)
        with pytest.raises(NotFound):
            runs.transition_run(connection, RunChange(99, RunState.FAILED), T0)


def test_an_illegal_transition_tells_the_story_of_the_row(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = stored.claim()
    stored.finish(row)
    story = r"d/manual__.*/t0\[-1\] \(version 5, try 1 of 1, attempt [0-9a-f]{32}.*success -> running"
    with begin_write(engine) as connection, pytest.raises(IllegalTransition, match=story):
        runs.transition(connection, change(stored.row("t0"), S.RUNNING), T0)
    with begin_write(engine) as connection, pytest.raises(IllegalTransition, match="success -> running"):
        runs.transition_run(connection, RunChange(stored.run.id, RunState.RUNNING), T0)


def test_a_claim_counts_all_limits_inside_its_transaction(engine: Engine) -> None:
    tasks = [task(f"t{i}", operator_ref="m:NotebookOperator" if i < 3 else None) for i in range(8)]
    stored = StoredRun(engine, dag(*tasks, max_active_tasks=6))
    limits = SlotLimits(parallelism=5, notebook_parallelism=2, pools={"default_pool": 128})
    with begin_write(engine) as connection:
        asked = claims(stored.snapshot.ready())
        claimed = runs.claim(connection, asked, limits, "h1", T0)
        assert len(claimed.tasks) == 5
        codes = Counter(reason.code for _, reason in claimed.refused)
        assert codes == {"notebook_parallelism": 1, "parallelism": 2}
        # a second host with an old picture takes nothing twice and nothing over the limit
        again = runs.claim(connection, claims(stored.snapshot.ready()), replace(limits, parallelism=9), "h2", T0)
        assert len(again.tasks) == 1
        assert Counter(reason.code for _, reason in again.refused)["changed"] == 5
        assert queries.usage(connection).runs == {stored.run.id: 6}
        ids = [row.attempt_id for (row,) in [(row,) for row in claimed.tasks]]
        assert len(set(ids)) == 5


def test_pools_bound_the_claim(engine: Engine) -> None:
    stored = StoredRun(engine, dag(*(task(f"t{i}", pool_slots=50) for i in range(3))))
    assert len(stored.claim()) == 2


def test_a_report_with_a_stale_attempt_is_refused_and_changes_nothing_but_its_attempt(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = stored.claim()
    with begin_write(engine) as connection:
        lost = TaskChange(row.id, "t0", -1, S.SCHEDULED, Reason("infra"), attempt_id=row.attempt_id, infra_loss=True)
        runs.transition(connection, lost, T0)
    stored.reload()
    assert stored.claim() == [], "two attempts of one task must not run side by side"
    late = report(row.attempt_id, xcoms=({"key": "k", "value": 1},))
    ended = TaskChange(row.id, "t0", -1, S.SUCCESS, attempt_id=row.attempt_id)
    with begin_write(engine) as connection:
        before = events.last_id(connection)
        applied = reports.apply_reports(connection, [reports.ReportedEnd(ended, late)], at(1))
        assert (applied.tasks, len(applied.stale)) == ([], 1)
        assert attempts.get_attempt(connection, row.attempt_id).outcome == "stale"
        assert xcoms.of_task(connection, row.dag_run_id, "t0") == []
        assert events.last_id(connection) == before
    [second] = stored.claim()
    with begin_write(engine) as connection, pytest.raises(StaleReport, match="is not the current one"):
        runs.transition(connection, ended, at(1))
    assert stored.row("t0").attempt_id == second.attempt_id
    stored.finish(second)
    assert stored.states == {"t0": "success"}


def test_a_second_report_of_the_same_attempt_is_stale(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = stored.claim()
    stored.finish(row)
    again = TaskChange(row.id, "t0", -1, S.FAILED, attempt_id=row.attempt_id)
    with begin_write(engine) as connection, pytest.raises(StaleReport):
        runs.transition(connection, again, T0)
    assert stored.states == {"t0": "success"}


def test_retries_count_tries_and_losses_do_not(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a", retries=1, retry_delay=60.0)))
    [row] = stored.claim()
    assert (row.try_number, row.attempt_count, row.max_tries) == (1, 1, 2)
    with begin_write(engine) as connection:
        loss = TaskChange(row.id, "a", -1, S.SCHEDULED, Reason("infra"), attempt_id=row.attempt_id, infra_loss=True)
        lost = reports.LostAttempt(loss, row.attempt_id, Reason("infra"), signal=9)
        reports.record_losses(connection, [lost], at(1))
        assert attempts.get_attempt(connection, row.attempt_id).signal == 9
    stored.reload()
    [row] = stored.claim(at(2))
    assert (row.try_number, row.attempt_count, row.infra_losses) == (1, 2, 1)
    stored.finish(row, "failed", at(3))
    assert stored.row("a").check_at == at(63)
    assert stored.row("a").state is S.UP_FOR_RETRY
    assert stored.claim(at(4)) == []
    stored.settle([], at(63))
    [row] = stored.claim(at(64))
    assert (row.try_number, row.attempt_count, row.infra_losses) == (2, 3, 0)
    stored.finish(row, "failed", at(65))
    assert stored.run.state is RunState.FAILED
    assert str(stored.run.reason) == "failed: a"
    with engine.connect() as connection:
        outcomes = [(item.attempt_number, item.outcome) for item in attempts.list_attempts(connection, row.id)]
    assert outcomes == [(1, "lost"), (2, "failed"), (3, "failed")]


def test_a_start_never_reported_goes_back_without_using_a_try(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    with begin_write(engine) as connection:
        [row] = runs.claim(connection, claims(stored.snapshot.ready()), LIMITS, "h1", T0).tasks
        unstarted = TaskChange(row.id, "t0", -1, S.SCHEDULED, attempt_id=row.attempt_id)
        lost = reports.LostAttempt(unstarted, row.attempt_id, Reason("infra"))
        [back] = reports.record_losses(connection, [lost], T0).tasks
        assert (back.attempt_id, back.try_number) == (None, 1)
    stored.reload()
    assert stored.claim()[0].try_number == 1


def test_a_lost_try_goes_on_after_its_upstream_task_was_cleared_and_run_again(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b", "a", rule="one_done", retries=1)))
    [a] = stored.claim()
    stored.finish(a)
    [b] = stored.claim()
    with begin_write(engine) as connection:
        gone = TaskChange(b.id, "b", -1, S.SCHEDULED, Reason("infra"), attempt_id=b.attempt_id, infra_loss=True)
        [row] = reports.record_losses(connection, [reports.LostAttempt(gone, b.attempt_id, Reason("infra"))], T0).tasks
        row = runs.transition(connection, change(row, S.WAITING), T0)  # as deciding does when `a` is cleared
        row = runs.transition(connection, change(row, S.SCHEDULED), T0)
    stored.reload()
    [b] = stored.claim()
    assert (b.try_number, b.max_tries, b.attempt_count) == (1, 2, 2)
    with begin_write(engine) as connection:
        cleared = runs.transition(connection, change(b, S.WAITING, reason=Reason("cleared")), T0)
        runs.transition(connection, change(cleared, S.SCHEDULED), T0)
        reports.record_losses(connection, [reports.LostAttempt(gone, b.attempt_id, Reason("infra"))], T0)
    stored.reload()
    assert stored.claim()[0].try_number == 2


def test_unfinished_rows_are_held_and_active_ones_have_a_deadline(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b", "a"), task("c")))
    with begin_write(engine) as connection:
        runs.claim(connection, claims(stored.snapshot.ready())[:1], LIMITS, "h1", T0)
        rows = connection.execute(select(schema.task_instance)).all()
        assert Counter(row.held_by for row in rows) == {"h1": 1, "scheduler": 2}
        assert [row.check_at < NEVER for row in rows if row.held_by == "h1"] == [True]
        run = connection.execute(select(schema.dag_run)).one()
        assert (run.held_by, run.check_at < NEVER) == ("scheduler", True)
        assert queries.overdue_runs(connection, at(0)) == []
        assert len(queries.overdue_runs(connection, at(601))) == 1


def test_a_new_host_finds_what_is_running(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b")))
    a, b = stored.claim()
    with begin_write(engine) as connection:
        start = attempts.AttemptStart(a.attempt_id, 123, 456, "boot", at(1))
        attempts.started(connection, [start])
        assert attempts.token_hash(connection, a.attempt_id) == "0" * 64
    stored.finish(b)
    with begin_write(engine) as connection:
        [(attempt, row)] = attempts.open_attempts(connection)
        assert (attempt.pid, attempt.start_ticks, attempt.boot_id, row.task_id) == (123, 456, "boot", "a")
        attempts.adopt(connection, [attempt.id], "h2", at(99))
        attempts.set_check_at(connection, [attempt.id], at(100))
        adopted = queries.task_instances_by_id(connection, [row.id])[0]
        assert (adopted.check_at, adopted.row_version) == (at(100), row.row_version)
        assert attempts.token_hash(connection, b.attempt_id) is None
        assert [item.id for item in attempts.unfinished_attempts(connection)] == [a.attempt_id]


def test_xcoms_arrive_with_the_report_and_the_last_value_of_a_key_wins(engine: Engine) -> None:
    stored = StoredRun(engine, chain(2))
    [row] = stored.claim()
    pushed = ({"key": "n", "value": 1}, {"key": "n", "value": 2}, {"key": "return_value", "value": {"ä": [None]}})
    stored.finish(row, xcoms=pushed, rendered={"f": "x"}, metrics=({"name": "m", "value": 1.5},))
    with engine.connect() as connection:
        found = {item.key: item.value for item in xcoms.of_task(connection, row.dag_run_id, "t0")}
        assert found == {"n": 2, "return_value": {"ä": [None]}}
        fetched = xcoms.fetch(connection, row.dag_run_id, [("t0", "n"), ("t0", "none"), ("t1", "n")])
        assert [(item.task_id, item.key, item.value, item.type) for item in fetched] == [("t0", "n", 2, "int")]
        attempt = attempts.get_attempt(connection, row.attempt_id)
        assert (attempt.rendered, attempt.metrics) == ({"f": "x"}, ({"name": "m", "value": 1.5},))


def _create(stored: StoredRun, connection: Connection) -> None:
    asked = new_run(instant=at(9), run_id="again")
    runs.create_run(connection, asked, stored.version_id, stored.spec, T0)


def _claim(stored: StoredRun, connection: Connection) -> None:
    runs.claim(connection, claims(stored.snapshot.ready()), LIMITS, "h1", T0)


def _report(stored: StoredRun, connection: Connection) -> None:
    ready = stored.row("t0")
    ended = TaskChange(ready.id, "t0", -1, S.SUCCESS, attempt_id=ready.attempt_id)
    end = reports.ReportedEnd(ended, report(ready.attempt_id, xcoms=({"key": "k", "value": 1},)))
    assert reports.apply_reports(connection, [end], T0).stale == []


@pytest.mark.parametrize("act", [_create, _claim, _report])
def test_a_crash_before_any_statement_leaves_nothing_half_done(
    engine: Engine, act: Callable[[StoredRun, Connection], None]
) -> None:
    stored = StoredRun(engine, chain(2))
    if act is _report:
        stored.claim()
    with engine.connect() as connection:
        before = counts(connection)
    states = stored.states
    left = [0]

    class Crash(BaseException):
        pass

    def crash(*_arguments: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    statements = 0
    while True:
        statements += 1
        left[0] = statements
        event.listen(engine, "before_cursor_execute", crash)
        try:
            with begin_write(engine) as connection:
                act(stored, connection)
            break
        except Crash:
            pass
        finally:
            event.remove(engine, "before_cursor_execute", crash)
        with engine.connect() as connection:
            assert counts(connection) == before
        assert stored.states == states
    assert statements > 3
    with engine.connect() as connection:
        assert counts(connection) != before


def test_a_terminal_run_has_only_terminal_tasks(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b", "a"), task("c", "b", rule="all_done"), task("d", "a")))
    [row] = stored.claim()
    stored.finish(row, "failed")
    [row] = stored.claim()
    assert row.task_id == "c"
    stored.finish(row)
    assert stored.run.state is RunState.FAILED
    assert all(S(state) in TASK_TERMINAL for state in stored.states.values())
    assert stored.states == {"a": "failed", "b": "upstream_failed", "c": "success", "d": "upstream_failed"}


def test_events_carry_who_asked(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    with begin_write(engine) as connection:
        runs.transition(connection, change(stored.row("t0"), S.SKIPPED, reason=Reason("marked")), T0, ACTOR)
        last = events.run_events(connection, stored.run.id)[-1]
    assert (last.actor, last.task_id, last.state_to, last.reason) == ("ada", "t0", "skipped", Reason("marked"))


def test_a_rescheduled_task_goes_on_in_the_same_try(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1, dag_id="s"))
    [row] = stored.claim()
    for number, seconds in ((1, 10), (2, 20)):
        later = {"reschedule_at": at(seconds).isoformat()}
        stored.finish(row, "up_for_reschedule", at(seconds - 10), **later)
        waits = stored.row("t0")
        assert (waits.state, waits.check_at, waits.reschedules) == (S.UP_FOR_RESCHEDULE, at(seconds), number)
        assert waits.first_started_at == T0
        with engine.connect() as connection:
            assert queries.usage(connection).total == 0
            assert attempts.list_attempts(connection, row.id)[-1].outcome == reports.RESCHEDULED
        stored.settle([], at(seconds))
        [row] = stored.claim(at(seconds))
        assert (row.try_number, row.attempt_count, row.first_started_at) == (1, number + 1, T0)
    stored.finish(row, "success", at(21))
    assert stored.row("t0").reschedules == 2
    assert stored.run.state is RunState.SUCCESS


def test_a_retry_begins_anew_with_the_delay_that_the_attempt_asked_for(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a", retries=1, retry_delay=300.0)))
    [row] = stored.claim()
    stored.finish(row, "up_for_reschedule", reschedule_at=at(1).isoformat())
    stored.settle([], at(1))
    [row] = stored.claim(at(1))
    stored.finish(row, "failed", at(2), retry_delay=7.0)
    waits = stored.row("a")
    assert (waits.state, waits.check_at) == (S.UP_FOR_RETRY, at(9))
    assert (waits.first_started_at, waits.reschedules) == (None, 0)


def test_what_a_branch_said_is_kept_until_it_runs_again(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("pick"), task("x", "pick"), task("y", "pick")))
    [row] = stored.claim()
    stored.finish(row, follow={"branch": ["y"]}, label="the pick")
    assert stored.states == {"pick": "success", "x": "skipped", "y": "scheduled"}
    kept = stored.row("pick")
    assert (kept.follow, kept.label) == ({"branch": ["y"]}, "the pick")
    stored.reload()
    assert stored.snapshot.skipped_by(("x", -1)) == ("pick", -1)
    with begin_write(engine) as connection:
        again = runs.transition(connection, TaskChange(kept.id, "pick", -1, S.WAITING), T0)
    assert again.follow is None


def test_types_of_runs_that_a_dag_does_not_allow_are_refused(engine: Engine) -> None:
    with pytest.raises(Conflict, match="'d' does not allow manual runs: its allowed_run_types are scheduled, backfill"):
        StoredRun(engine, chain(1, allowed_run_types=("scheduled", "backfill")))
