"""The mails that the house sends by itself: a task failed or is tried again, SLAs were missed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = "font-family:sans-serif;font-size:14px"


def failure_mail(
    run: Mapping[str, Any], facts: Mapping[str, Any], urls: Mapping[str, str], detail: str
) -> tuple[str, str]:
    """Return subject and HTML body of the mail about a task that failed (or is tried again).

    ``run``: ``dag_id``, ``run_id``, ``logical_date``. ``facts``: of the callback. ``detail``: its traceback or the end
    of its log.
    """
    task = facts["task_id"] if facts["map_index"] < 0 else f"{facts['task_id']}[{facts['map_index']}]"
    again = facts["event"] == "retry"
    what = "failed and is tried again" if again else "failed"
    reason = (facts.get("reason") or {}).get("text", "")
    subject = f"Jupyter Flow: {run['dag_id']}.{task} {what}: {reason}"[:200]
    rows = {
        "DAG": run["dag_id"],
        "run": run["run_id"],
        "logical date": run["logical_date"] or "none",
        "task": task,
        "try": f"{facts['try_number']} of {facts['max_tries']}",
        "ended": facts["end_date"],
        "reason": reason,
    }
    link = urls.get("task")
    look = f"jupyter flow tasks log {run['dag_id']} {run['run_id']} {facts['task_id']}"
    where = f'<p><a href="{escape(link)}">Open the run in JupyterLab</a></p>' if link else ""
    body = (
        f'<div style="{_STYLE}"><p>Task <b>{escape(task)}</b> {what}.</p>{_table(rows)}{where}'
        f"<p>Its log: <code>{escape(look)}</code></p><pre>{escape(detail)}</pre></div>"
    )
    return subject, body


def sla_mail(dag_id: str, task_list: str, blocking_task_list: str, urls: Mapping[str, str]) -> tuple[str, str]:
    """Return subject and HTML body of the digest of all SLAs that were missed together."""
    link = urls.get("run")
    where = f'<p><a href="{escape(link)}">Open JupyterLab</a></p>' if link else ""
    body = (
        f'<div style="{_STYLE}"><p>These tasks missed their SLA:</p><pre>{escape(task_list)}</pre>'
        f"<p>Blocked by:</p><pre>{escape(blocking_task_list) or 'nothing'}</pre>{where}"
        f"<p>All misses: <code>{escape(f'jupyter flow slas list {dag_id}')}</code></p></div>"
    )
    return f"Jupyter Flow: SLA missed in DAG {dag_id}", body


def _table(rows: Mapping[str, Any]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}: </td><td>{escape(str(value))}</td></tr>" for name, value in rows.items())
    return f"<table>{cells}</table>"
