"""Incremental equals full: on random DAGs and random outcomes both ways of deciding answer the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.flows import T0, at, run_row, task_rows
from support.random_dags import KEY, dags, expanded, follows

from jupyter_flow.model.changes import Change, ExpandChange, RunChange
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import TASK_ACTIVE, TASK_TERMINAL, RunState, TaskState
from jupyter_flow.scheduling.decide import decide, decide_changed
from jupyter_flow.scheduling.lengths import XComLength
from jupyter_flow.scheduling.snapshot import Key, RunSnapshot

S = TaskState
ENDS = [S.SUCCESS, S.SUCCESS, S.SUCCESS, S.FAILED, S.SKIPPED, S.CANCELLED, S.UP_FOR_RETRY, S.UP_FOR_RESCHEDULE]
ENDS += [S.SCHEDULED]


class Driven:
    """A run whose every step is decided in both ways, and once more by a snapshot that is built anew."""

    def __init__(self, spec: DagSpec) -> None:
        self.snapshot = RunSnapshot(run_row(), spec, task_rows(spec))
        self.lengths: dict[tuple[str, int], int] = {}
        self.settle(decide(self.snapshot, at(0)), 0)

    def settle(self, changes: list[Change], now: float) -> None:
        for _ in range(200):
            if not changes:
                return
            keys = [key for change in changes for key in self.apply(change)]
            changes = self.decided(keys, now)
        raise AssertionError(f"it does not come to rest: {changes}")

    def decided(self, keys: list[Key], now: float) -> list[Change]:
        snapshot = self.snapshot
        full = decide(snapshot, at(now))
        changes = decide_changed(snapshot, keys, at(now))
        assert as_set(changes) == as_set(full)
        lengths = [XComLength(name, index, KEY, length) for (name, index), length in self.lengths.items()]
        rebuilt = RunSnapshot(snapshot.run, snapshot.spec, snapshot.tasks.values(), lengths)
        assert as_set(decide(rebuilt, at(now))) == as_set(full)
        assert rebuilt.unfinished == snapshot.unfinished
        assert rebuilt.failed == snapshot.failed
        assert sorted(map(repr, rebuilt.ready())) == sorted(map(repr, snapshot.ready()))
        return changes

    def apply(self, change: Change) -> list[Key]:
        snapshot = self.snapshot
        if isinstance(change, RunChange):
            row = snapshot.run
            snapshot.update_run(replace(row, state=change.state, row_version=row.row_version + 1))
            return []
        if isinstance(change, ExpandChange):
            rows = snapshot.instances(change.task_id)
            return snapshot.update_tasks(expanded(rows, change.length, change.id * 1000))
        old = snapshot.task((change.task_id, change.map_index))
        assert change.row_version == old.row_version
        return self.move(old.task_id, old.map_index, change.state)

    def move(self, task_id: str, map_index: int, state: TaskState, **more: Any) -> list[Key]:
        old = self.snapshot.task((task_id, map_index))
        values = {"follow": None, "check_at": None} | more
        return self.snapshot.update_tasks([replace(old, state=state, row_version=old.row_version + 1, **values)])

    def finish(self, data: st.DataObject, key: Key, state: TaskState, now: float) -> None:
        if state is S.SUCCESS and data.draw(st.integers(0, 4)):
            self.lengths[key] = data.draw(st.sampled_from([2, 0, 1, 3, 5]))
            self.snapshot.update_lengths([XComLength(*key, KEY, self.lengths[key])])
        follow = data.draw(follows(self.snapshot.spec, key[0])) if state is S.SUCCESS else None
        check_at = at(now + 3) if state in (S.UP_FOR_RETRY, S.UP_FOR_RESCHEDULE) else None
        keys = self.move(*key, state, follow=follow, check_at=check_at)
        self.settle(self.decided(keys, now), now)


def as_set(changes: list[Change]) -> set[str]:
    assert len({(isinstance(change, RunChange), change.id) for change in changes}) == len(changes)
    return {repr(change) for change in changes}


@settings(max_examples=150, deadline=None)
@given(dags(), st.data())
def test_incremental_equals_full(spec: DagSpec, data: st.DataObject) -> None:
    driven = Driven(spec)
    snapshot = driven.snapshot
    for step in range(1, 60):
        if snapshot.run.state is not RunState.RUNNING:
            break
        now = float(step)
        driven.settle(driven.decided([], now), now)
        if step == 25 and data.draw(st.booleans()):
            cancelled = replace(snapshot.run, cancel_requested_at=T0, row_version=snapshot.run.row_version + 1)
            snapshot.update_run(cancelled)
            driven.settle(decide(snapshot, at(now)), now)
        cleared = [key for key, row in snapshot.tasks.items() if row.state in TASK_TERMINAL - {S.REMOVED}]
        if cleared and data.draw(st.integers(0, 12)) == 0:
            keys = driven.move(*data.draw(st.sampled_from(sorted(cleared))), S.WAITING)
            driven.settle(driven.decided(keys, now), now)
        movable = [key for key, row in snapshot.tasks.items() if row.state is S.SCHEDULED or row.state in TASK_ACTIVE]
        if not movable or snapshot.run.state is not RunState.RUNNING:
            continue
        key = data.draw(st.sampled_from(sorted(movable)))
        row = snapshot.task(key)
        new = S.QUEUED if row.state is S.SCHEDULED else S.RUNNING
        if row.state is S.RUNNING:
            new = data.draw(st.sampled_from(ENDS))
        driven.finish(data, key, new, now)
    if snapshot.run.state in (RunState.SUCCESS, RunState.FAILED):
        assert all(row.state in TASK_TERMINAL for row in snapshot.tasks.values())


@settings(max_examples=80, deadline=None)
@given(dags(), st.data())
def test_every_run_comes_to_an_end(spec: DagSpec, data: st.DataObject) -> None:
    driven = Driven(spec)
    ends = st.sampled_from([S.SUCCESS, S.SUCCESS, S.FAILED, S.SKIPPED, S.CANCELLED])
    for _ in range(12 * len(spec.tasks)):
        for ready in driven.snapshot.ready():
            if driven.snapshot.task((ready.task_id, ready.map_index)).state is S.SCHEDULED:
                driven.finish(data, (ready.task_id, ready.map_index), data.draw(ends), 0)
    assert driven.snapshot.run.state in (RunState.SUCCESS, RunState.FAILED)
    assert driven.snapshot.unfinished == 0
