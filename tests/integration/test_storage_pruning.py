"""What retention lets go, and what it never does: on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select
from support import flows
from support.stored_runs import StoredRun

from jupyter_flow.model.errors import Conflict
from jupyter_flow.model.records import Actor
from jupyter_flow.model.state import RunState, RunType
from jupyter_flow.storage import edits, pruning, queries, schema
from jupyter_flow.storage.database import begin_write

NOW = flows.T0 + timedelta(days=400)
ACTOR = Actor("ada", "test")


def finished(engine: Engine, dag_id: str, age: float, state: str = "success", **more: object) -> StoredRun:
    """Store a run of one task that ended ``age`` days before NOW."""
    at = NOW - timedelta(days=age)
    options = {"logical_date": at, "run_type": RunType.SCHEDULED, "run_id": f"r{age:g}", **more}
    stored = StoredRun(engine, flows.dag(flows.task("t"), dag_id=dag_id), at, **options)
    for row in stored.claim(at):
        stored.finish(row, state, at)
    assert stored.run.state == state
    return stored


def old(engine: Engine, now: datetime = NOW, **rule: object) -> list[str]:
    with begin_write(engine) as connection:
        return [run.run_id for run in pruning.old_runs(connection, pruning.KeepRule(**rule), now)]


def test_failed_runs_stay_twice_as_long(engine: Engine) -> None:
    for age, state in ((200, "success"), (100, "failed"), (95, "success"), (10, "success"), (190, "failed")):
        finished(engine, "etl", age, state)
    assert old(engine, days=90.0) == ["r200", "r95", "r190"]
    assert old(engine, days=90.0, factor=1.0) == ["r200", "r100", "r95", "r190"]
    assert old(engine, days=0.0) == []


def test_a_dag_that_stands_still_keeps_its_last_run_and_its_last_success(engine: Engine) -> None:
    for age, state in ((350, "success"), (340, "success"), (330, "failed"), (320, "failed")):
        finished(engine, "sleeps", age, state)
    finished(engine, "other", 345)
    assert old(engine, days=30.0) == ["r350", "r330"]


def test_a_number_of_runs_is_kept_of_each_dag(engine: Engine) -> None:
    for age in range(8, 0, -1):
        finished(engine, "etl", age, "failed" if age in (5, 8) else "success")
    finished(engine, "rare", 300)
    assert old(engine, days=0.0, runs=3) == ["r8", "r7", "r6", "r4"]  # the failed one of day 5 is among the last six
    assert old(engine, days=0.0, runs=3, factor=1.0) == ["r8", "r7", "r6", "r5", "r4"]


def test_unfinished_runs_are_never_old(engine: Engine) -> None:
    StoredRun(engine, flows.dag(flows.task("t"), dag_id="etl"), NOW - timedelta(days=300), run_id="open")
    finished(engine, "etl", 1)
    assert old(engine, days=1.0) == []


def test_a_deleted_run_leaves_no_row_behind(engine: Engine) -> None:
    gone, kept = finished(engine, "etl", 300), finished(engine, "etl", 1)
    attempt_id = gone.row("t").attempt_id
    with begin_write(engine) as connection:
        old_ones = pruning.old_runs(connection, pruning.KeepRule(90.0), NOW)
        assert pruning.delete_runs(connection, old_ones, NOW) == [attempt_id]
    with engine.connect() as connection:
        for table in (schema.dag_run, schema.task_instance, schema.attempt):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 1
        left = select(schema.event.c.run_id).where(schema.event.c.run_id.is_not(None)).distinct()
        assert list(connection.execute(left).scalars()) == [kept.run.run_id]


def test_only_a_finished_run_is_deleted_on_request(engine: Engine) -> None:
    stored = StoredRun(engine, flows.dag(flows.task("t"), dag_id="etl"), NOW)
    with begin_write(engine) as connection:
        run = queries.run_by_id(connection, stored.run.id)
        item = pruning.OldRun(run.id, run.dag_id, run.run_id, str(run.state))
        with pytest.raises(Conflict, match=r"run 'manual__.*' of DAG 'etl' is running: cancel it first"):
            pruning.delete_run(connection, item, NOW, ACTOR)
        edits.mark_run(connection, run, RunState.FAILED, NOW, ACTOR)
    with begin_write(engine) as connection:
        run = queries.run_by_id(connection, stored.run.id)
        pruning.delete_run(connection, pruning.OldRun(run.id, run.dag_id, run.run_id, str(run.state)), NOW, ACTOR)
        assert queries.list_runs(connection, "etl") == ([], None)


def test_versions_go_when_nothing_uses_them(engine: Engine) -> None:
    first = finished(engine, "etl", 300)
    changed = flows.dag(flows.task("t"), flows.task("new"), dag_id="etl")
    at = NOW - timedelta(days=200)
    second = StoredRun(engine, changed, at, run_id="second", logical_date=at)
    second.run_to_end(at)
    finished(engine, "etl", 1)
    with begin_write(engine) as connection:
        assert pruning.delete_unused_versions(connection, NOW) == 0
        found = pruning.old_runs(connection, pruning.KeepRule(90.0), NOW)
        assert {run.run_id for run in found} == {first.run.run_id, "second"}
        pruning.delete_runs(connection, found, NOW)
        assert pruning.delete_unused_versions(connection, flows.T0) == 0  # too young
        assert pruning.delete_unused_versions(connection, NOW) >= 1
        current = connection.execute(select(schema.dag.c.version_id)).scalar_one()
        assert list(connection.execute(select(schema.dag_version.c.id)).scalars()) == [current]


def test_files_are_forgotten_but_the_attempt_stays(engine: Engine) -> None:
    stored = finished(engine, "etl", 3)
    attempt_id = stored.row("t").attempt_id
    with begin_write(engine) as connection:
        (found,) = pruning.attempts_with_files(connection, [attempt_id, "0" * 32])
        assert (found.id, found.failed) == (attempt_id, False)
        assert pruning.known_attempts(connection, [attempt_id, "0" * 32]) == {attempt_id}
        pruning.forget_files(connection, [attempt_id])
        row = connection.execute(select(schema.attempt).where(schema.attempt.c.id == attempt_id)).one()
        assert (row.log_path, row.outcome) == (None, "success")
