from __future__ import annotations

import pytest

from jupyter_flow.model.errors import IllegalTransition
from jupyter_flow.model.state import (
    RUN_TERMINAL,
    RUN_TRANSITIONS,
    TASK_FAILED,
    TASK_TERMINAL,
    TASK_TRANSITIONS,
    RunState,
    TaskState,
    check_run_transition,
    check_task_transition,
)


def reachable(table: dict, start: object) -> set:
    found, todo = {start}, [start]
    while todo:
        for state in table[todo.pop()]:
            if state not in found:
                found.add(state)
                todo.append(state)
    return found


def test_every_state_is_in_the_tables_and_none_is_a_dead_end() -> None:
    assert set(TASK_TRANSITIONS) == set(TaskState)
    assert set(RUN_TRANSITIONS) == set(RunState)
    for state in TaskState:
        assert reachable(TASK_TRANSITIONS, state) == set(TaskState)
    for state in RunState:
        assert reachable(RUN_TRANSITIONS, state) == set(RunState)


def test_no_state_follows_itself() -> None:
    assert all(state not in following for state, following in TASK_TRANSITIONS.items())
    assert all(state not in following for state, following in RUN_TRANSITIONS.items())


def test_terminal_tasks_start_again_only_through_waiting() -> None:
    for state in TASK_TERMINAL:
        assert not TASK_TRANSITIONS[state] & {TaskState.SCHEDULED, TaskState.QUEUED, TaskState.RUNNING}
    for state in RUN_TERMINAL:
        assert RunState.RUNNING not in RUN_TRANSITIONS[state]
    assert TASK_FAILED <= TASK_TERMINAL


def test_an_illegal_transition_tells_the_story() -> None:
    with pytest.raises(IllegalTransition, match=r"d/r/a\[-1\].*success -> running"):
        check_task_transition(TaskState.SUCCESS, TaskState.RUNNING, "d/r/a[-1]")
    with pytest.raises(IllegalTransition, match="d/r: success -> running"):
        check_run_transition(RunState.SUCCESS, RunState.RUNNING, "d/r")
