"""A DAG run as text and as HTML without script, style sheet or widget: what a saved notebook shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from ..model.state import RUN_TERMINAL, TASK_TERMINAL

Document = Mapping[str, Any]

MOST_ROWS = 60
"""Tasks that are drawn with a bar; of more, those that went well are only counted."""
LOG_LINES = 12

SHAPES = {
    "success": "✓",
    "failed": "✗",
    "running": "▶",
    "queued": "◷",
    "scheduled": "◌",
    "waiting": "○",
    "skipped": "»",
    "cancelled": "■",
    "up_for_retry": "↻",
    "up_for_reschedule": "↺",
    "upstream_failed": "▲",
    "removed": "−",
}
"""State -> a shape that tells it without its colour."""
_GOOD, _BAD = "var(--jp-success-color1, #2e7d32)", "var(--jp-error-color1, #c62828)"
_BUSY, _WARN = "var(--jp-brand-color1, #1565c0)", "var(--jp-warn-color1, #b26a00)"
_IDLE = "var(--jp-ui-font-color2, #616161)"
_COLOURS = {
    "success": _GOOD,
    "failed": _BAD,
    "running": _BUSY,
    "cancelled": _WARN,
    "up_for_retry": _WARN,
    "up_for_reschedule": _WARN,
    "upstream_failed": _WARN,
}
_LOUDEST = ("failed", "cancelled", "upstream_failed", "up_for_retry", "up_for_reschedule", "running", "queued")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_MONO = "font-family:var(--jp-code-font-family, monospace);font-size:var(--jp-code-font-size, 13px)"


def task_name(task: Document) -> str:
    """Return the id of a task, with its map index where it has one."""
    index = task.get("map_index", -1)
    return f"{task['task_id']}[{index}]" if index >= 0 else str(task["task_id"])


def one_line(run: Document) -> str:
    """Return id, state, tasks that are over and seconds of ``run``."""
    tasks = run.get("tasks", ())
    over = sum(task["state"] in TASK_TERMINAL for task in tasks)
    parts = [f"{over} of {len(tasks)} tasks over"] if tasks and run["state"] not in RUN_TERMINAL else []
    parts += [_seconds(run.get("duration"))] if run.get("duration") is not None else []
    parts += [run["reason"]["text"]] if run.get("reason") and run["state"] != "success" else []
    more = f" ({', '.join(parts)})" if parts else ""
    return f"{run['run_id']} of {run['dag_id']}: {run['state']}{more}"


def plain_run(run: Document, logs: Mapping[str, Sequence[str]]) -> str:
    """Return ``run`` with its tasks as lines of text. ``logs``: the last lines of some tasks, by name."""
    rows, rest = shown_tasks(run)
    width = max([len(task_name(task)) for task in rows], default=0)
    lines = [f"{SHAPES[run['state']]} {one_line(run)}"]
    for task in rows:
        words = [task["state"], _seconds(task["duration"]), _reason(task)]
        lines.append(f"  {SHAPES[task['state']]} {task_name(task):{width}}  {'  '.join(filter(None, words))}")
    lines += [f"  … and {rest}"] if rest else []
    for name, tail in logs.items():
        lines += [f"  log of {name}:", *(f"    {line}" for line in tail[-LOG_LINES:])]
    return "\n".join(lines)


def html_run(run: Document, logs: Mapping[str, Sequence[str]]) -> str:
    """Return ``run`` as HTML: a bar per task on the run's time axis, and the last lines of some logs, folded."""
    parts = [html_head(run), html_bars(run)]
    for name, tail in logs.items():
        title = f"<summary style='cursor:pointer'>log of {escape(name)}</summary>"
        parts.append(f"<details open style='margin-top:6px'>{title}{html_log(tail[-LOG_LINES:])}</details>")
    return f"<div style='max-width:60em'>{''.join(parts)}</div>"


def html_head(run: Document) -> str:
    """Return the line over the bars."""
    name = f"<strong>{escape(run['dag_id'])}</strong> <span style='opacity:.75'>{escape(run['run_id'])}</span>"
    tasks = run.get("tasks", ())
    over = sum(task["state"] in TASK_TERMINAL for task in tasks)
    words = [f"{over} of {len(tasks)} tasks", _seconds(run.get("duration"))]
    reason = _reason(run) if run["state"] != "success" else ""
    more = f"<div style='color:{_IDLE}'>{escape(reason)}</div>" if reason else ""
    tail = escape(" · ".join(filter(None, words)))
    return f"<div style='line-height:1.6'>{state_mark(run['state'])} {name} <span>· {tail}</span>{more}</div>"


def html_bars(run: Document) -> str:
    """Return a table: state, task, bar, seconds and reason of each task."""
    rows, rest = shown_tasks(run)
    body = "".join(_row(run, task) for task in rows)
    more = f"<div style='color:{_IDLE}'>… and {escape(rest)}</div>" if rest else ""
    style = "border-collapse:collapse;width:100%;line-height:1.7;margin:4px 0"
    return f"<table style='{style}' aria-label='Tasks of the run'><tbody>{body}</tbody></table>{more}"


def html_log(lines: Sequence[str]) -> str:
    """Return the last lines of a log."""
    style = f"{_MONO};line-height:1.4;margin:2px 0;padding:6px 8px;white-space:pre-wrap;overflow-wrap:anywhere"
    style += ";background:var(--jp-layout-color2, #f2f2f2);color:var(--jp-content-font-color1, #1f1f1f)"
    return f"<pre style='{style}'>{escape(chr(10).join(lines)) or '…'}</pre>"


def log_text(text: str) -> list[str]:
    """Return what a terminal would show of a piece of a log: no colours, of a progress bar its last stand."""
    return [_CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]) for line in text.rstrip("\n").split("\n")]


def shown_tasks(run: Document) -> tuple[list[Document], str]:
    """Return the tasks to draw, in their order, and words about those that are left out."""
    tasks = list(run.get("tasks", ()))
    if len(tasks) <= MOST_ROWS:
        return tasks, ""
    ranks = {state: rank for rank, state in enumerate(_LOUDEST)}
    ranked = sorted(range(len(tasks)), key=lambda place: ranks.get(tasks[place]["state"], len(ranks)))
    kept = set(ranked[:MOST_ROWS])
    rest = Counter(task["state"] for place, task in enumerate(tasks) if place not in kept)
    words = ", ".join(f"{count} {state}" for state, count in rest.most_common())
    return [task for place, task in enumerate(tasks) if place in kept], f"{rest.total()} more: {words}"


def _row(run: Document, task: Document) -> str:
    cell = "padding:1px 8px 1px 0;white-space:nowrap;text-align:left;border:0"
    begin, width = _place(run, task)
    bar = ""
    if width is not None:
        colour = _COLOURS.get(task["state"], _IDLE)
        left = f"position:absolute;left:{begin:.1f}%;width:max(4px, {width:.1f}%)"
        bar = f"<span style='{left};top:2px;bottom:2px;border-radius:2px;background:{colour}'></span>"
    track = "position:relative;height:1.1em;min-width:8em;background:var(--jp-layout-color2, #eee);border-radius:2px"
    reason = _reason(task) if task["state"] not in ("success", "running") else ""
    small = f"<div style='color:{_IDLE};white-space:normal'>{escape(reason)}</div>" if reason else ""
    name = escape(task_name(task))
    return (
        f"<tr data-task='{name}' style='background:none'><td style='{cell}'>{state_mark(task['state'])}</td>"
        f"<th scope='row' style='{cell};font-weight:normal'>{name}{small}</th>"
        f"<td style='{cell};width:55%' aria-hidden='true'><div style='{track}'>{bar}</div></td>"
        f"<td style='{cell};text-align:right'>{_seconds(task['duration'])}</td></tr>"
    )


def _place(run: Document, task: Document) -> tuple[float, float | None]:
    """Return where the bar begins and how long it is, in percent of the run; None: it has not begun."""
    if task["start_date"] is None or run["start_date"] is None:
        return 0.0, None
    whole = max(float(run["duration"] or 0.0), 0.001)
    after = (datetime.fromisoformat(task["start_date"]) - datetime.fromisoformat(run["start_date"])).total_seconds()
    begin = min(max(after / whole, 0.0), 1.0)
    return begin * 100, min((task["duration"] or 0.0) / whole, 1.0 - begin) * 100


def state_mark(state: str) -> str:
    """Return a state as HTML: shape, word and colour."""
    colour = _COLOURS.get(state, _IDLE)
    words = escape(state.replace("_", " "))
    return f"<span style='color:{colour};font-weight:600;white-space:nowrap'>{SHAPES[state]} {words}</span>"


def _reason(document: Document) -> str:
    return str(document["reason"]["text"]) if document.get("reason") else ""


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    minutes, seconds = divmod(round(value), 60)
    return (
        f"{minutes // 60} h {minutes % 60} min"
        if minutes >= 60
        else (f"{minutes} min {seconds} s" if minutes else f"{value:.1f} s")
    )
