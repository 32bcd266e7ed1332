"""Each invariant that boards and crash tests ask for sees the breach that is made for it, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from support import flows, invariants
from support.stored_runs import StoredRun

from jupyter_flow.storage import schema
from jupyter_flow.storage.database import begin_write
from jupyter_flow.storage.types import NEVER


@pytest.fixture
def run(engine: Engine) -> StoredRun:
    """A run with one ended, one running and one waiting task, and a run that is over."""
    over = StoredRun(engine, flows.dag(flows.task("a"), dag_id="over"), run_id="over")
    over.run_to_end()
    stored = StoredRun(engine, flows.dag(flows.task("a"), flows.task("b", "a"), flows.task("c", "b")))
    (row,) = stored.claim()
    stored.finish(row)
    stored.claim()
    assert stored.states == {"a": "success", "b": "running", "c": "waiting"}
    assert invariants.check(engine) == []
    return stored


def breach(run: StoredRun, *statements: object) -> list[str]:
    with begin_write(run.engine) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]
    return invariants.check(run.engine)


def task(run: StoredRun, task_id: str, **values: object) -> object:
    table = schema.task_instance
    where = (table.c.dag_run_id == run.snapshot.run.id, table.c.task_id == task_id)
    return update(table).where(*where).values(**values)


def names(found: list[str]) -> set[str]:
    return {sentence.partition(":")[0] for sentence in found}


def event(run: StoredRun, task_id: str, before: str, after: str, **values: object) -> list[object]:
    """An event as storage would write it, with the row's state."""
    table, row = schema.dag_run, run.snapshot.run
    with run.engine.connect() as connection:
        seq = connection.execute(select(table.c.last_seq).where(table.c.id == row.id)).scalar_one() + 1
    facts = {"dag_run_id": row.id, "seq": seq, "kind": "task_state", "dag_id": "d", "run_id": row.run_id}
    facts |= {"task_id": task_id, "map_index": -1, "state_from": before, "state_to": after, "at": flows.T0, **values}
    return [
        insert(schema.event).values(**facts),
        update(table).where(table.c.id == row.id).values(last_seq=seq),
        task(run, task_id, state=after),
    ]


def test_an_active_task_needs_its_own_unfinished_attempt(run: StoredRun) -> None:
    assert names(breach(run, task(run, "b", attempt_id=run.row("a").attempt_id))) >= {"one_holder"}


def test_an_active_task_and_its_attempt_have_one_holder(run: StoredRun) -> None:
    found = breach(run, task(run, "b", held_by="another"))
    assert names(found) == {"one_holder"}
    assert "is held by another" in found[0]


def test_a_finished_attempt_holds_no_task(run: StoredRun) -> None:
    where = schema.attempt.c.id == run.row("b").attempt_id
    assert names(breach(run, update(schema.attempt).where(where).values(finished_at=flows.T0))) == {"one_holder"}


def test_a_state_that_no_event_tells_of(run: StoredRun) -> None:
    found = breach(run, task(run, "c", state="skipped"))
    assert names(found) == {"legal_transitions"}
    assert "is skipped, its events say waiting" in found[0]


def test_a_transition_that_is_not_in_the_table(run: StoredRun) -> None:
    found = breach(run, *event(run, "c", "waiting", "running", actor="x"))
    assert any("waiting -> running is not a legal transition" in sentence for sentence in found)


def test_an_event_that_does_not_follow_the_last_one(run: StoredRun) -> None:
    found = breach(run, *event(run, "b", "queued", "running"))
    assert any("from queued, but it was running" in sentence for sentence in found)


def test_a_run_whose_events_say_otherwise(run: StoredRun) -> None:
    found = breach(run, update(schema.dag_run).where(schema.dag_run.c.dag_id == "over").values(state="failed"))
    assert names(found) == {"legal_transitions"}


def test_an_end_that_nobody_took_back(run: StoredRun) -> None:
    found = breach(run, *event(run, "a", "success", "waiting"))
    assert "terminal_is_final" in names(found)
    assert any("success -> waiting by nobody" in sentence for sentence in found)


def test_a_cleared_task_is_no_breach(run: StoredRun) -> None:
    cleared = event(run, "a", "success", "waiting", actor="ada")
    assert breach(run, *cleared, task(run, "a", held_by="scheduler")) == []


def test_an_attempt_after_the_end_of_its_try(run: StoredRun) -> None:
    table = schema.attempt
    first = run.row("a").attempt_id
    again = insert(table).from_select(
        ["id", "attempt_number", *(column.name for column in table.c if column.name not in ("id", "attempt_number"))],
        select(
            text("'" + "f" * 32 + "'"),
            text("2"),
            *(column for column in table.c if column.name not in ("id", "attempt_number")),
        ).where(table.c.id == first),
    )
    found = breach(run, again)
    assert {"terminal_is_final", "accepted_is_current"} <= names(found)
    assert any("2 results were accepted for try 1" in sentence for sentence in found)


def test_a_success_whose_attempt_was_not_accepted(run: StoredRun) -> None:
    where = schema.attempt.c.id == run.row("a").attempt_id
    found = breach(run, update(schema.attempt).where(where).values(outcome="stale"))
    assert names(found) == {"accepted_is_current"}


def test_a_task_that_was_scheduled_before_its_upstream_ended(run: StoredRun) -> None:
    found = breach(run, *event(run, "c", "waiting", "scheduled"))
    assert names(found) == {"upstream_first"}
    assert "while its upstream was ['running']" in found[0]


@pytest.mark.parametrize(("column", "value"), [("held_by", ""), ("check_at", NEVER)])
def test_an_active_task_that_nobody_looks_after(run: StoredRun, column: str, value: object) -> None:
    assert "looked_after" in names(breach(run, task(run, "b", **{column: value})))


def test_a_run_that_nobody_looks_after(run: StoredRun) -> None:
    changed = update(schema.dag_run).where(schema.dag_run.c.id == run.snapshot.run.id).values(check_at=NEVER)
    assert names(breach(run, changed)) == {"looked_after"}


def test_two_runs_for_one_date(run: StoredRun, engine: Engine) -> None:
    StoredRun(engine, run.spec, run_id="second", logical_date=flows.T0 + timedelta(days=1))
    assert invariants.check(engine) == []
    book_of = invariants.Book.read
    with engine.connect() as connection:
        book = book_of(connection, invariants.Limits())
    # the table itself refuses two rows of one date: so the question is put to rows that no database would hold
    first = book.runs[run.snapshot.run.id]
    book.runs[-1] = first
    assert list(invariants.one_run_per_date(book)) == [f"DAG d has 2 runs for {first.logical_date}"]


def test_an_event_that_is_missing(run: StoredRun) -> None:
    table = schema.event
    gone = delete(table).where(table.c.dag_run_id == run.snapshot.run.id, table.c.kind == "run_created")
    found = breach(run, gone)
    assert "gapless_events" in names(found)
    assert any("missing [1]" in sentence for sentence in found)


def test_more_than_a_pool_has(run: StoredRun, engine: Engine) -> None:
    found = invariants.check(engine, invariants.Limits(pools={"default_pool": 0}))
    assert names(found) == {"within_limits"}
    assert "pool default_pool: 1 of 0" in found[0]


def test_more_than_the_host_may(engine: Engine) -> None:
    stored = StoredRun(engine, flows.dag(*(flows.task(f"t{n}") for n in range(3))))
    stored.claim()
    assert names(invariants.check(engine, invariants.Limits(parallelism=2))) == {"within_limits"}
    assert invariants.check(engine, invariants.Limits(parallelism=3)) == []


def test_more_than_a_run_may(engine: Engine) -> None:
    stored = StoredRun(engine, flows.dag(*(flows.task(f"t{n}") for n in range(3)), max_active_tasks=3))
    stored.claim()
    with engine.connect() as connection:
        book = invariants.Book.read(connection, invariants.Limits())
    assert list(invariants.within_limits(book)) == []
    for spec in book.specs.values():
        spec["max_active_tasks"] = 2
    assert "max_active_tasks of d: 3 of 2" in next(invariants.within_limits(book))


def test_what_is_open_is_told(run: StoredRun, engine: Engine) -> None:
    found = invariants.settled(engine)
    assert len(found) == 2
    assert found[0].endswith("is running")
    assert found[1] == f"attempt {run.row('b').attempt_id} is not finished"


def test_every_invariant_is_broken_here() -> None:
    tested = {"one_holder", "legal_transitions", "terminal_is_final", "accepted_is_current", "upstream_first"}
    tested |= {"looked_after", "one_run_per_date", "gapless_events", "within_limits"}
    assert set(invariants.INVARIANTS) == tested
