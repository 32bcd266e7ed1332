"""What a task may ask of the run before: ``depends_on_past`` and ``wait_for_downstream``. Airflow's meanings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model.reason import Reason
from ..model.spec import TaskSpec
from ..model.state import TaskState

_GOOD = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})


@dataclass(frozen=True)
class PastRun:
    """The run of the same DAG with the next earlier logical date.

    ``states``: of the task instances of each task that somebody asks for, removed ones left out. ``known``: ids of
    the tasks that an earlier run has, whichever.
    """

    dag_run_id: int
    run_id: str
    states: Mapping[str, tuple[TaskState, ...]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()


def asks_for_past(task: TaskSpec) -> bool:
    """Tell whether a task may have to wait for the run before."""
    return task.depends_on_past or task.wait_for_downstream


def asked_of_past(tasks: Mapping[str, TaskSpec], downstream: Mapping[str, list[str]]) -> set[str]:
    """Return the ids of the tasks whose states in the run before matter."""
    found: set[str] = set()
    for task in tasks.values():
        if asks_for_past(task):
            found.add(task.task_id)
            if task.wait_for_downstream:
                found.update(downstream[task.task_id])
    return found


def past_refusal(task: TaskSpec, downstream: list[str], past: PastRun | None) -> Reason | None:
    """Return why the run before holds the task up, None if it does not. Without a run before nothing waits.

    ``wait_for_downstream`` includes ``depends_on_past``. The first instance of a task that was added later waits only
    if ``ignore_first_depends_on_past`` is off.
    """
    if past is None or not asks_for_past(task):
        return None
    facts = {"task": task.task_id, "run": past.run_id}
    own = past.states.get(task.task_id, ())
    if not own:
        if task.ignore_first_depends_on_past and task.task_id not in past.known:
            return None
        return Reason("past_missing", facts)
    bad = [state for state in own if state not in _GOOD]
    if bad:
        return Reason("past_not_done", {**facts, "state": str(bad[0])})
    if task.wait_for_downstream:
        for name in downstream:
            for state in past.states.get(name, ()):
                if state not in _GOOD:
                    return Reason("past_downstream", {**facts, "below": name, "state": str(state)})
    return None
