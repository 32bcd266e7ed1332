"""Effects of ends, looked at in the tables: asset events and XComs are there once for each accepted one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .faults import Violation
from .rows import Event


class Effects:
    """The part of the checks that looks at the effects of ends, when the world is over."""

    world: Any
    raw: Any
    tasks: Any
    runs: Any
    accepted: Any

    def _events_of_assets(self) -> None:
        found = Counter(
            tuple(row)
            for row in self.raw.execute(
                "SELECT source_dag_id, source_run_id, source_task_id, source_map_index FROM asset_event"
            )
        )
        for task in self.tasks.values():
            run = self.runs[task.dag_run_id]
            spec = next(item for item in self.world.specs[run.dag_id].tasks if item.task_id == task.task_id)
            there = found[run.dag_id, run.run_id, task.task_id, task.map_index]
            wanted = self.accepted[task.id] * len(spec.outlets)
            if there != wanted:
                raise Violation(f"{task.task_id}[{task.map_index}] made {there} asset events, not {wanted}")

    def _xcoms(self) -> None:
        query = """SELECT x.task_id, x.map_index, x.attempt_id, t.attempt_id, t.state FROM xcom x JOIN task_instance t
         ON t.dag_run_id = x.dag_run_id AND t.task_id = x.task_id AND t.map_index = x.map_index"""
        for task_id, map_index, by, current, state in self.raw.execute(query):
            if by != current:
                raise Violation(f"{task_id}[{map_index}] ({state}) keeps an XCom of attempt {by}, it is {current}")

    def _forgotten(self, events: list[Event]) -> None:
        """What was cleared has no XComs."""
        query = "SELECT count(*) FROM xcom WHERE dag_run_id = ? AND task_id = ? AND map_index = ?"
        for event in events:
            if event.code == "cleared" and event.task_id is not None and event.state_to == "waiting":
                (count,) = self.raw.execute(query, (event.dag_run_id, *event.key)).fetchone()
                if count:
                    raise Violation(f"{event.task_id}[{event.map_index}] was cleared and keeps {count} XComs")
