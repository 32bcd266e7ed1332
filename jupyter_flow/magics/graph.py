"""A DAG drawn: as Mermaid text, which JupyterLab renders, and as plain text."""

from __future__ import annotations

from ..model.spec import DagSpec, TaskSpec

# Every class names its text colour: Lab's dark theme would otherwise write light on light.
CLASSES = {
    "notebook": "fill:#fff1e0,stroke:#e46e2e,color:#1f1f1f",
    "shell": "fill:#e6e6e6,stroke:#616161,color:#1f1f1f",
    "python": "fill:#e1eefb,stroke:#2c6fb3,color:#1f1f1f",
    "empty": "fill:#ffffff,stroke:#9e9e9e,color:#1f1f1f",
    "other": "fill:#ede7f6,stroke:#5e35b1,color:#1f1f1f",
}
KINDS = {
    "NotebookOperator": "notebook",
    "NotebookCellOperator": "notebook",
    "BashOperator": "shell",
    "EmptyOperator": "empty",
}


def mermaid(dag: DagSpec) -> str:
    """Return ``dag`` as a Mermaid flowchart, from left to right."""
    names = {task.task_id: f"t{number}" for number, task in enumerate(dag.tasks)}
    lines = ["flowchart LR"]
    lines += [f'  {names[task.task_id]}["{_label(task)}"]:::{_kind(task)}' for task in dag.tasks]
    lines += [f"  {names[upstream]} --> {names[task.task_id]}" for task in dag.tasks for upstream in task.upstream]
    used = {_kind(task) for task in dag.tasks}
    lines += [f"  classDef {kind} {style}" for kind, style in CLASSES.items() if kind in used]
    return "\n".join(lines) + "\n"


def plain(dag: DagSpec) -> str:
    """Return ``dag`` as lines of text: its schedule, then each task with what it waits for."""
    schedule = dag.schedule.summary or dag.schedule.expression or dag.schedule.kind.replace("none", "")
    count = len(dag.tasks)
    head = f"DAG {dag.dag_id}: {count} task{'' if count == 1 else 's'}, "
    head += f"schedule {schedule} ({dag.timezone})" if schedule else "no schedule (runs when triggered)"
    lines = [head]
    for task in dag.tasks:
        line = f"  {task.task_id}  {task.operator}"
        if task.upstream:
            line += f"  after {', '.join(task.upstream)}"
        if task.trigger_rule != "all_success":
            line += f"  [{task.trigger_rule}]"
        lines.append(line)
    return "\n".join(lines)


def _kind(task: TaskSpec) -> str:
    if task.operator in KINDS:
        return KINDS[task.operator]
    return "python" if "python" in task.operator.lower() or task.operator.startswith("@task") else "other"


def _label(task: TaskSpec) -> str:
    parts = [task.task_id, f"<small>{_escape(task.operator)}</small>"]
    if task.trigger_rule != "all_success":
        parts.append(f"<small>{_escape(task.trigger_rule)}</small>")
    return "<br/>".join([_escape(parts[0]), *parts[1:]])


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
