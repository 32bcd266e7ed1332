"""Deciding against a slow model: random DAGs, random ends of tasks, all trigger rules, branches, mapping, setups."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from support.flows import at, run_row, task_rows
from support.random_dags import KEY, dags, expanded, follows
from support.slow_model import SlowRun

from jupyter_flow.model.changes import Change, ExpandChange, RunChange
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import TaskState
from jupyter_flow.scheduling.decide import decide_changed
from jupyter_flow.scheduling.lengths import XComLength
from jupyter_flow.scheduling.snapshot import Key, RunSnapshot

S = TaskState
ENDS = st.sampled_from([S.SUCCESS, S.SUCCESS, S.SUCCESS, S.FAILED, S.SKIPPED, S.CANCELLED])


def settle(snapshot: RunSnapshot, keys: list[Key]) -> None:
    while changes := decide_changed(snapshot, keys, at(0)):
        keys = [key for change in changes for key in apply(snapshot, change)]


def apply(snapshot: RunSnapshot, change: Change) -> list[Key]:
    if isinstance(change, RunChange):
        row = snapshot.run
        snapshot.update_run(replace(row, state=change.state, row_version=row.row_version + 1))
        return []
    if isinstance(change, ExpandChange):
        return snapshot.update_tasks(expanded(snapshot.instances(change.task_id), change.length, change.id * 1000))
    old = snapshot.task((change.task_id, change.map_index))
    return snapshot.update_tasks([replace(old, state=change.state, row_version=old.row_version + 1)])


def compare(snapshot: RunSnapshot, slow: SlowRun) -> None:
    assert {key: str(row.state) for key, row in snapshot.tasks.items()} == slow.states


@settings(max_examples=600, deadline=None)
@given(dags(largest=8).map(lambda spec: replace(spec, fail_fast=False, dagrun_timeout=None)), st.data())
def test_deciding_says_what_the_documented_rules_say(spec: DagSpec, data: st.DataObject) -> None:
    snapshot, slow = RunSnapshot(run_row(), spec, task_rows(spec)), SlowRun(spec)
    settle(snapshot, list(snapshot.tasks))
    slow.settle()
    compare(snapshot, slow)
    while ready := sorted((item.task_id, item.map_index) for item in snapshot.ready()):
        key = data.draw(st.sampled_from(ready))
        state = data.draw(ENDS)
        follow = data.draw(follows(spec, key[0])) if state is S.SUCCESS else None
        length = data.draw(st.sampled_from([2, 1, 0, 3, None])) if state is S.SUCCESS else None
        if length is not None:
            snapshot.update_lengths([XComLength(*key, KEY, length)])
            slow.pushed[key] = length
        if follow is not None:
            slow.chosen[key] = follow
        slow.states[key] = str(state)
        row = snapshot.task(key)
        ended = replace(row, state=state, follow=follow, row_version=row.row_version + 1)
        settle(snapshot, snapshot.update_tasks([ended]))
        slow.settle()
        compare(snapshot, slow)
    assert str(snapshot.run.state) == slow.ended
