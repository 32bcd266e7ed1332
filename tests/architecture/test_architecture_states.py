"""One table of states: Python, TypeScript, the terminal and the documents agree."""

from __future__ import annotations

import re

from support import sources

from jupyter_flow.cli.output import STYLES
from jupyter_flow.model.state import (
    RUN_TERMINAL,
    RUN_TRANSITIONS,
    TASK_TERMINAL,
    TASK_TRANSITIONS,
    RunState,
    TaskState,
)

STATES_FILE = sources.ROOT / "labextension" / "src" / "model" / "shared" / "states.ts"


def _array(name: str) -> list[str]:
    text = STATES_FILE.read_text(encoding="utf-8")
    found = re.search(rf"\b{name}\b[^=]*=\s*(?:new Set(?:<\w+>)?\()?\[(.*?)\]", text, re.DOTALL)
    assert found, f"{STATES_FILE.name} has no {name}"
    return re.findall(r"'([a-z_]+)'", found.group(1))


def test_typescript_has_the_same_states() -> None:
    assert _array("TASK_STATES") == [state.value for state in TaskState]
    assert _array("RUN_STATES") == [state.value for state in RunState]


def test_typescript_has_the_same_terminal_states() -> None:
    assert set(_array("ENDED")) == {state.value for state in TASK_TERMINAL | RUN_TERMINAL}


def test_typescript_gives_every_state_a_look() -> None:
    text = STATES_FILE.read_text(encoding="utf-8")
    looks = text[text.index("LOOKS") :]
    for state in {*TaskState, *RunState}:
        assert re.search(rf"^  {state.value}: \{{", looks, re.MULTILINE), state


def test_the_terminal_gives_every_state_a_style() -> None:
    assert set(STYLES) == {state.value for state in {*TaskState, *RunState}}


def test_the_table_of_transitions_is_whole() -> None:
    assert set(TASK_TRANSITIONS) == set(TaskState)
    assert set(RUN_TRANSITIONS) == set(RunState)
    for table in (TASK_TRANSITIONS, RUN_TRANSITIONS):
        for state, following in table.items():
            assert state not in following, state
            assert following, f"{state} leads nowhere: not even a clear"
