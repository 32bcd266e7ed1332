"""Several changes of one task instance in one transaction, and events that are written together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Engine, event, text
from support.flows import T0, at, chain, change, claims, dag, report, task
from support.stored_runs import LIMITS, StoredRun

from jupyter_flow.model.changes import TaskChange
from jupyter_flow.model.errors import IllegalTransition
from jupyter_flow.model.rows import TaskInstance
from jupyter_flow.model.state import TaskState as S
from jupyter_flow.scheduling.outcomes import after_report
from jupyter_flow.storage import events, prompt_connection, queries, reports, runs
from jupyter_flow.storage.database import begin_write, is_shared


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def started(row: TaskInstance, instant: datetime = T0) -> TaskChange:
    return TaskChange(row.id, row.task_id, row.map_index, S.RUNNING, attempt_id=row.attempt_id, at=instant)


def claimed(stored: StoredRun, engine: Engine) -> list[TaskInstance]:
    with begin_write(engine) as connection:
        return runs.claim(connection, claims(stored.snapshot.ready()), LIMITS, "h1", T0).tasks


def moves(engine: Engine, stored: StoredRun, task_id: str) -> list[tuple[int, str | None, str | None]]:
    with engine.connect() as connection:
        found = events.run_events(connection, stored.run.id)
    return [(item.seq, item.state_from, item.state_to) for item in found if item.task_id == task_id]


def test_a_start_and_an_end_together_write_the_row_once_and_an_event_each(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = claimed(stored, engine)
    told = report(row.attempt_id, now=at(2))
    end = reports.ReportedEnd(after_report(row, stored.snapshot.specs["t0"], told, at(2)), told)
    with statements(engine) as sent, begin_write(engine) as connection:
        applied = reports.apply_reports(connection, [end], at(2), [started(row, at(1))])
    assert sum(statement.startswith("UPDATE task_instance") for statement in sent) == 1
    [done] = applied.tasks
    assert (done.state, done.row_version) == (S.SUCCESS, row.row_version + 2)
    assert (done.start_date, done.end_date, done.first_started_at) == (at(1), at(2), at(1))
    assert stored.row("t0") == done
    assert [item[1:] for item in moves(engine, stored, "t0")][-2:] == [("queued", "running"), ("running", "success")]


def test_a_start_and_an_end_that_asks_for_another_try_leave_the_row_as_one_after_the_other_do(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a", retries=1), task("b", retries=1)))
    rows = {row.task_id: row for row in claimed(stored, engine)}
    for name in ("a", "b"):
        row = rows[name]
        told = report(row.attempt_id, "failed", at(2))
        end = reports.ReportedEnd(after_report(row, stored.snapshot.specs[name], told, at(2)), told)
        with begin_write(engine) as connection:
            if name == "a":
                reports.apply_reports(connection, [end], at(2), [started(row, at(1))])
            else:
                runs.transition_many(connection, [started(row, at(1))], at(1))
                reports.apply_reports(connection, [end], at(2))
    a, b = stored.row("a"), stored.row("b")
    assert a.state is S.UP_FOR_RETRY
    assert replace(a, id=b.id, task_id="b", attempt_id=b.attempt_id, check_at=b.check_at) == b


def test_a_start_and_an_end_of_an_attempt_that_was_fenced_off_are_both_late(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = claimed(stored, engine)
    with begin_write(engine) as connection:
        runs.transition(connection, change(row, S.SKIPPED), T0)
    told = report(row.attempt_id)
    end = reports.ReportedEnd(after_report(row, stored.snapshot.specs["t0"], told, T0), told)
    with begin_write(engine) as connection:
        applied = reports.apply_reports(connection, [end], T0, [started(row)])
    assert (applied.tasks, applied.stale, applied.late_starts) == ([], [end], [started(row)])
    assert stored.row("t0").state is S.SKIPPED


def test_the_second_of_two_changes_must_be_legal_after_the_first(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = claimed(stored, engine)
    again = started(row)
    with pytest.raises(IllegalTransition, match="running -> running"), begin_write(engine) as connection:
        runs.transition_many(connection, [again, again], T0)
    assert stored.row("t0") == row


def test_rows_that_were_locked_before_are_not_read_again(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = claimed(stored, engine)
    with begin_write(engine) as connection:
        locked = runs.lock_tasks(connection, {row.id, 99})
        assert locked.tasks() == {row.id: row}
        with statements(engine) as sent:
            runs.transition_many(connection, [started(row)], T0, locked=locked)
    assert not any(statement.startswith("SELECT") for statement in sent)


def test_a_claim_takes_the_word_of_who_has_counted_the_slots(engine: Engine) -> None:
    stored = StoredRun(engine, dag(task("a"), task("b")))
    limits = replace(LIMITS, parallelism=1)
    with begin_write(engine) as connection:
        used = queries.usage(connection, "h1")
        got = runs.claim(connection, claims(stored.snapshot.ready()), limits, "h1", T0, used)
        assert [len(got.tasks), len(got.refused)] == [1, 1]
        assert used.total == queries.usage(connection, "h1").total == 1


def test_gathered_events_are_written_at_the_end_of_the_block_in_their_order(engine: Engine) -> None:
    names = [StoredRun(engine, dag(task("a"), dag_id=name)) for name in ("d1", "d2", "d3")]
    before = [len(moves(engine, stored, "a")) for stored in names]
    rows = [stored.row("a") for stored in names]
    with begin_write(engine) as connection:
        first = events.last_id(connection)
        with statements(engine) as sent, events.gathered(connection):
            runs.transition_many(connection, [change(rows[0], S.SKIPPED), change(rows[1], S.SKIPPED)], T0)
            events.append(connection, "dag_changed", T0, dag_id="d1")
            runs.transition_many(connection, [change(rows[2], S.FAILED)], T0)
            assert events.last_id(connection) == first
        found = events.read_after(connection, first)
        with (
            events.gathered(connection),
            pytest.raises(RuntimeError, match="gathered already"),
            events.gathered(connection),
        ):
            pass
    assert [(item.kind, item.dag_id) for item in found] == [
        *(("task_state", "d1"), ("task_state", "d2"), ("dag_changed", "d1"), ("task_state", "d3"))
    ]
    assert sum("last_seq" in statement for statement in sent) == 1
    assert sum(statement.startswith("INSERT INTO event") for statement in sent) == 1
    for stored, count in zip(names, before, strict=True):
        told = moves(engine, stored, "a")
        assert len(told) == count + 1
        with engine.connect() as connection:
            numbers = [item.seq for item in events.run_events(connection, stored.run.id)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_events_of_a_block_that_fails_are_not_written(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    before = moves(engine, stored, "t0")
    first, second = (replace(change(stored.row("t0"), state), row_version=None) for state in (S.SKIPPED, S.RUNNING))

    def fail() -> None:
        with begin_write(engine) as connection, events.gathered(connection):
            runs.transition_many(connection, [first], T0)
            runs.transition_many(connection, [second], T0)

    with pytest.raises(IllegalTransition, match="skipped -> running"):
        fail()
    assert moves(engine, stored, "t0") == before
    assert stored.row("t0").state is S.SCHEDULED
    with begin_write(engine) as connection:  # and the next ones are written at once
        events.append(connection, "dag_changed", T0)
        assert events.read_after(connection, 0)[-1].kind == "dag_changed"


def test_a_server_is_asked_whether_it_is_there_only_when_it_may_not_be(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.connect() as connection:
        if not is_shared(connection):
            return  # a file is there
        raw = connection.connection.driver_connection
        number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    assert raw is not None
    assert raw.is_there()
    monkeypatch.setattr(prompt_connection, "HEARD_WITHIN", -1.0)
    assert not raw.is_there()
    with engine.connect() as connection:  # asked, and found well
        assert connection.connection.driver_connection is raw
    monkeypatch.undo()
    with engine.connect() as held, engine.connect() as one:
        assert held.connection.driver_connection is raw
        one.execute(text("SELECT pg_terminate_backend(:number, 10000)"), {"number": number})
    assert not raw.is_there()
    with engine.connect() as connection:  # the end of the old one is noticed before anything is asked of it
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != number
