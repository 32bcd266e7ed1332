"""One run in memory whose decisions are applied as storage would apply them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from jupyter_flow.model.changes import Change, ExpandChange, RunChange
from jupyter_flow.model.rows import TaskInstance
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import TaskState
from jupyter_flow.scheduling.decide import decide, decide_changed
from jupyter_flow.scheduling.lengths import XComLength
from jupyter_flow.scheduling.past import PastRun
from jupyter_flow.scheduling.snapshot import Key, RunSnapshot

from .flows import ACTOR, T0, run_row, task_rows
from .random_dags import KEY, expanded


class Deciding:
    """``ends`` in the order given; ``states`` is what came of it."""

    def __init__(self, spec: DagSpec, past: PastRun | None = None, **run: object) -> None:
        self.snapshot = RunSnapshot(run_row(**run), spec, task_rows(spec), past=past)
        self.settle(decide(self.snapshot, T0))

    def settle(self, changes: list[Change], now: datetime = T0) -> None:
        while changes:
            keys = [key for change in changes for key in self._apply(change)]
            changes = decide_changed(self.snapshot, keys, now)

    def end(self, name: str, state: TaskState, length: int | None = None, now: datetime = T0, **more: Any) -> None:
        """Let ``task`` or ``task[index]`` go to ``state``, having pushed a list of ``length``."""
        key = key_of(name)
        if length is not None:
            self.snapshot.update_lengths([XComLength(*key, KEY, length)])
        old = self.snapshot.task(key)
        news = self.snapshot.update_tasks([replace(old, state=state, row_version=old.row_version + 1, **more)])
        self.settle(decide_changed(self.snapshot, news, now), now)

    def end_all(self, *names: str, state: TaskState = TaskState.SUCCESS) -> None:
        for name in names:
            self.end(name, state)

    def request_cancel(self) -> None:
        row = self.snapshot.run
        asked = replace(row, cancel_requested_at=T0, cancel_requested_by=ACTOR.user, row_version=row.row_version + 1)
        self.snapshot.update_run(asked)
        self.settle(decide(self.snapshot, T0))

    def _apply(self, change: Change) -> list[Key]:
        if isinstance(change, RunChange):
            row = self.snapshot.run
            new = replace(row, state=change.state, reason=change.reason, row_version=row.row_version + 1)
            self.snapshot.update_run(replace(new, retries_used=change.retries_used or row.retries_used))
            return []
        if isinstance(change, ExpandChange):
            rows = self.snapshot.instances(change.task_id)
            return self.snapshot.update_tasks(expanded(rows, change.length, change.id * 1000))
        old = self.snapshot.task((change.task_id, change.map_index))
        assert old.row_version == change.row_version
        new_row = replace(old, state=change.state, reason=change.reason, row_version=old.row_version + 1)
        return self.snapshot.update_tasks([replace(new_row, max_tries=change.max_tries or old.max_tries)])

    @property
    def states(self) -> dict[str, str]:
        return {name_of(key): str(row.state) for key, row in sorted(self.snapshot.tasks.items())}

    def row(self, name: str) -> TaskInstance:
        return self.snapshot.task(key_of(name))

    def why(self, name: str) -> str:
        return str(self.row(name).reason)


def key_of(name: str) -> Key:
    task_id, _, index = name.rstrip("]").partition("[")
    return task_id, int(index or -1)


def name_of(key: Key) -> str:
    return key[0] if key[1] == -1 else f"{key[0]}[{key[1]}]"
