"""A DAG drawn: as data for the panel's own graph, as Mermaid text, as HTML and as plain text.

``states``: task id -> its state in the last run, where there was one.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ..model.spec import DagSpec, TaskSpec
from .run_words import SHAPES, state_mark

GRAPH = "application/vnd.jupyter-flow.dag+json"
"""What the panel draws itself, in the colours of the last run as it goes on."""

# Every class names its text colour: Lab's dark theme would otherwise write light on light.
CLASSES = {
    "notebook": "fill:#fff1e0,stroke:#e46e2e,color:#1f1f1f",
    "shell": "fill:#e6e6e6,stroke:#616161,color:#1f1f1f",
    "python": "fill:#e1eefb,stroke:#2c6fb3,color:#1f1f1f",
    "empty": "fill:#ffffff,stroke:#9e9e9e,color:#1f1f1f",
    "other": "fill:#ede7f6,stroke:#5e35b1,color:#1f1f1f",
    "success": "fill:#e3f3e4,stroke:#2e7d32,color:#1f1f1f",
    "failed": "fill:#fde3e3,stroke:#c62828,color:#1f1f1f,stroke-width:2px",
    "running": "fill:#dcebfb,stroke:#1565c0,color:#1f1f1f,stroke-width:2px",
    "warned": "fill:#fff3d6,stroke:#b26a00,color:#1f1f1f",
}
_WARNED = ("cancelled", "up_for_retry", "up_for_reschedule", "upstream_failed")
KINDS = {
    "NotebookOperator": "notebook",
    "NotebookCellOperator": "notebook",
    "BashOperator": "shell",
    "EmptyOperator": "empty",
}


def bundle(dag: DagSpec, states: Mapping[str, str]) -> dict[str, Any]:
    """Return ``dag`` in every form that a front end may know."""
    return {
        GRAPH: document(dag),
        "text/vnd.mermaid": mermaid(dag, states),
        "text/html": html(dag, states),
        "text/plain": plain(dag, states),
    }


def document(dag: DagSpec) -> dict[str, Any]:
    """Return what the panel needs to draw ``dag``: the names are those of the REST documents."""
    groups = [
        {
            "group_id": group.group_id,
            "parent": group.parent,
            "label": group.label or group.group_id,
            "tooltip": group.tooltip,
            "is_mapped": group.expand is not None,
        }
        for group in dag.groups
    ]
    tasks = [
        {
            "task_id": task.task_id,
            "task_display_name": task.display_name or task.task_id,
            "operator": task.operator,
            "group": task.group,
            "trigger_rule": task.trigger_rule,
            "is_setup": task.is_setup,
            "is_teardown": task.is_teardown,
            "is_mapped": task.expand is not None,
            "upstream": list(task.upstream),
        }
        for task in dag.tasks
    ]
    labels = [{"upstream": before, "downstream": after, "label": label} for before, after, label in dag.labels]
    return {"dag_id": dag.dag_id, "version": 0, "tasks": tasks, "groups": groups, "labels": labels}


def mermaid(dag: DagSpec, states: Mapping[str, str] | None = None) -> str:
    """Return ``dag`` as a Mermaid flowchart, from left to right."""
    known = states or {}
    names = {task.task_id: f"t{number}" for number, task in enumerate(dag.tasks)}
    looks = {task.task_id: _look(task, known) for task in dag.tasks}
    lines = ["flowchart LR"]
    for task in dag.tasks:
        lines.append(f'  {names[task.task_id]}["{_label(task, known)}"]:::{looks[task.task_id]}')
    lines += [f"  {names[upstream]} --> {names[task.task_id]}" for task in dag.tasks for upstream in task.upstream]
    used = set(looks.values())
    lines += [f"  classDef {kind} {style}" for kind, style in CLASSES.items() if kind in used]
    return "\n".join(lines) + "\n"


def html(dag: DagSpec, states: Mapping[str, str]) -> str:
    """Return ``dag`` as a table, for where nothing is drawn."""
    cell = "padding:1px 12px 1px 0;text-align:left;border:0"
    rows = []
    for task in dag.tasks:
        state = state_mark(states[task.task_id]) if task.task_id in states else ""
        words = [escape(task.task_id), escape(task.operator), escape(", ".join(task.upstream)), state]
        rows.append("<tr style='background:none'>" + "".join(f"<td style='{cell}'>{word}</td>" for word in words))
    heads = ("task", "operator", "after", "last run") if states else ("task", "operator", "after", "")
    head = "".join(f"<th scope='col' style='{cell}'>{word}</th>" for word in heads)
    table = (
        f"<table style='border-collapse:collapse'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    return f"<div>{escape(_head(dag))}</div>{table if dag.tasks else ''}"


def plain(dag: DagSpec, states: Mapping[str, str] | None = None) -> str:
    """Return ``dag`` as lines of text: its schedule, then each task with what it waits for."""
    lines = [_head(dag)]
    for task in dag.tasks:
        line = f"  {task.task_id}  {task.operator}"
        if task.upstream:
            line += f"  after {', '.join(task.upstream)}"
        if task.trigger_rule != "all_success":
            line += f"  [{task.trigger_rule}]"
        if state := (states or {}).get(task.task_id):
            line += f"  {SHAPES[state]} {state}"
        lines.append(line)
    return "\n".join(lines)


def _head(dag: DagSpec) -> str:
    schedule = dag.schedule.summary or dag.schedule.expression or dag.schedule.kind.replace("none", "")
    count = len(dag.tasks)
    head = f"DAG {dag.dag_id}: {count} task{'' if count == 1 else 's'}, "
    return head + (f"schedule {schedule} ({dag.timezone})" if schedule else "no schedule (runs when triggered)")


def _look(task: TaskSpec, states: Mapping[str, str]) -> str:
    state = states.get(task.task_id, "")
    return state if state in CLASSES else "warned" if state in _WARNED else _kind(task)


def _kind(task: TaskSpec) -> str:
    if task.operator in KINDS:
        return KINDS[task.operator]
    return "python" if "python" in task.operator.lower() or task.operator.startswith("@task") else "other"


def _label(task: TaskSpec, states: Mapping[str, str]) -> str:
    parts = [task.task_id, f"<small>{_escape(task.operator)}</small>"]
    if task.trigger_rule != "all_success":
        parts.append(f"<small>{_escape(task.trigger_rule)}</small>")
    if state := states.get(task.task_id):
        parts.append(f"<small>{SHAPES[state]} {state}</small>")
    return "<br/>".join([_escape(parts[0]), *parts[1:]])


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
