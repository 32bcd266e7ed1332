"""Incremental equals full: on random DAGs and random outcomes both ways of deciding answer the same."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from support.flows import EMPTY, at, dag, run_row, task, task_rows

from jupyter_flow.model.changes import RunChange, TaskChange
from jupyter_flow.model.spec import DagSpec, TaskSpec
from jupyter_flow.model.state import TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from jupyter_flow.scheduling.decide import decide, decide_changed
from jupyter_flow.scheduling.snapshot import RunSnapshot
from jupyter_flow.scheduling.trigger_rules import RULES

S = TaskState
ENDS = [S.SUCCESS, S.SUCCESS, S.FAILED, S.SKIPPED, S.CANCELLED, S.UP_FOR_RETRY, S.SCHEDULED]


@st.composite
def dags(draw: st.DrawFn) -> DagSpec:
    tasks: list[TaskSpec] = []
    for number in range(draw(st.integers(1, 9))):
        upstream = draw(st.lists(st.sampled_from([item.task_id for item in tasks]), unique=True)) if tasks else []
        spec = task(f"t{number}", *upstream, rule=draw(st.sampled_from(sorted(RULES))))
        tasks.append(replace(spec, operator_ref=EMPTY) if draw(st.integers(0, 4)) == 0 else spec)
    return dag(*tasks, dagrun_timeout=draw(st.sampled_from([None, None, 40.0])))


def as_set(changes: list[TaskChange | RunChange]) -> set[str]:
    assert len({(type(change), change.id) for change in changes}) == len(changes)
    return {repr(change) for change in changes}


def apply(snapshot: RunSnapshot, change: TaskChange | RunChange) -> list[tuple[str, int]]:
    if isinstance(change, RunChange):
        row = snapshot.run
        snapshot.update_run(replace(row, state=change.state, row_version=row.row_version + 1))
        return []
    old = snapshot.task((change.task_id, change.map_index))
    return snapshot.update_tasks([replace(old, state=change.state, row_version=old.row_version + 1)])


def settle(snapshot: RunSnapshot, changes: list[TaskChange | RunChange], now: float) -> None:
    """Apply what follows, comparing both ways and a snapshot built anew at every step."""
    while changes:
        keys = [key for change in changes for key in apply(snapshot, change)]
        full = decide(snapshot, at(now))
        changes = decide_changed(snapshot, keys, at(now))
        assert as_set(changes) == as_set(full)
        rebuilt = RunSnapshot(snapshot.run, snapshot.spec, snapshot.tasks.values())
        assert as_set(decide(rebuilt, at(now))) == as_set(full)
        assert rebuilt.unfinished == snapshot.unfinished
        assert sorted(map(repr, rebuilt.ready())) == sorted(map(repr, snapshot.ready()))


@settings(max_examples=150, deadline=None)
@given(dags(), st.data())
def test_incremental_equals_full(spec: DagSpec, data: st.DataObject) -> None:
    snapshot = RunSnapshot(run_row(), spec, task_rows(spec))
    settle(snapshot, decide(snapshot, at(0)), 0)
    for step in range(1, 60):
        if snapshot.run.state is not RunState.RUNNING:
            break
        now = float(step)
        changes = decide_changed(snapshot, [], at(now))
        assert as_set(changes) == as_set(decide(snapshot, at(now)))
        settle(snapshot, changes, now)
        movable = [key for key, row in snapshot.tasks.items() if row.state is S.SCHEDULED or row.state in TASK_ACTIVE]
        if not movable or snapshot.run.state is not RunState.RUNNING:
            continue
        row = snapshot.task(data.draw(st.sampled_from(sorted(movable))))
        new = S.QUEUED if row.state is S.SCHEDULED else S.RUNNING
        if row.state is S.RUNNING:
            new = data.draw(st.sampled_from(ENDS))
        check_at = at(now + 3) if new is S.UP_FOR_RETRY else None
        changed = replace(row, state=new, row_version=row.row_version + 1, check_at=check_at)
        keys = snapshot.update_tasks([changed])
        settle_from = decide_changed(snapshot, keys, at(now))
        assert as_set(settle_from) == as_set(decide(snapshot, at(now)))
        settle(snapshot, settle_from, now)
    if snapshot.run.state in (RunState.SUCCESS, RunState.FAILED):
        assert all(row.state in TASK_TERMINAL for row in snapshot.tasks.values())


@settings(max_examples=60, deadline=None)
@given(dags(), st.lists(st.sampled_from([S.SUCCESS, S.FAILED, S.SKIPPED, S.CANCELLED]), min_size=9, max_size=9))
def test_every_run_comes_to_an_end(spec: DagSpec, ends: list[TaskState]) -> None:
    snapshot = RunSnapshot(run_row(), spec, task_rows(spec))
    outcomes = dict(zip((item.task_id for item in spec.tasks), ends, strict=False))
    settle(snapshot, decide(snapshot, at(0)), 0)
    for _ in spec.tasks:
        for ready in snapshot.ready():
            row = snapshot.task((ready.task_id, -1))
            ended = replace(row, state=outcomes[ready.task_id], row_version=row.row_version + 1)
            keys = snapshot.update_tasks([ended])
            settle(snapshot, decide_changed(snapshot, keys, at(0)), 0)
    assert snapshot.run.state in (RunState.SUCCESS, RunState.FAILED)
    assert snapshot.unfinished == 0
