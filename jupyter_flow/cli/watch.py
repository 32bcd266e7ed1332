"""Watching a run until it is over: what comes from the host, and how it looks on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

import click

from ..model.errors import NoHost
from ..model.state import RUN_TERMINAL, TASK_ACTIVE, TASK_TERMINAL
from .output import STYLES, cell, clean, console, instant, reason_text, seconds, table
from .settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

RunDocument = Mapping[str, Any]


def follow_run(settings: Settings, dag_id: str, run_id: str) -> Iterator[RunDocument]:
    """Yield the run (with ``tasks``) now and after each change, the last time when it is over.

    Raises :class:`NoHost` when the host goes away meanwhile.
    """
    # Subscribe first and ask afterwards, so that no change falls between the two.
    with settings.client() as notices, settings.client() as client:
        notices.call("events.subscribe")
        pushes = notices.pushes()
        before = None
        while True:
            run = client.call("runs.show", dag_id=dag_id, run_id=run_id)
            if run != before:
                yield run
            if run["state"] in RUN_TERMINAL:
                return
            before = run
            if next(pushes, None) is None:
                raise NoHost(f"the host went away while {run_id} was watched: its state is kept, ask again")


def wait_for_end(
    settings: Settings, dag_id: str, run_id: str, on_change: Callable[[RunDocument], None] | None = None
) -> RunDocument:
    """Return the run when it is over; call ``on_change`` on the way."""
    last: RunDocument = {}
    for last in follow_run(settings, dag_id, run_id):
        if on_change is not None:
            on_change(last)
    return last


class RunView:
    """Shows a run while it goes on: a live line per task on a terminal, else a line per change."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stdout.isatty() and not quiet
        self._progress: Progress | None = None
        self._lines: dict[tuple[str, int], TaskID] = {}
        self._states: dict[tuple[str, int], tuple[str, int]] = {}

    def __enter__(self) -> Self:
        if self._live:
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                SpinnerColumn(finished_text="•"),
                TextColumn("{task.description}", markup=False),
                TextColumn("{task.fields[state]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}", markup=False, style="dim"),
                console=console(),
            )
            self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, run: RunDocument) -> None:
        """Show ``run``, a run document with ``tasks``."""
        for task in run.get("tasks", ()):
            key = (task["task_id"], task["map_index"])
            now = (task["state"], task["try_number"])
            if self._progress is not None:
                self._update(self._progress, key, task)
            elif not self._quiet and self._states.get(key, ("waiting", 0)) != now:
                click.echo(_line(task))
            self._states[key] = now

    def _update(self, progress: Progress, key: tuple[str, int], task: Mapping[str, Any]) -> None:
        state = task["state"]
        if key not in self._lines:
            name = f"{_name(task):<32}"
            self._lines[key] = progress.add_task(name, start=False, total=1, state="", note="")
        line = self._lines[key]
        before = self._states.get(key, ("", 0))[0]
        if state in TASK_ACTIVE and before not in TASK_ACTIVE:
            progress.reset(line, start=True, total=1)
        style = STYLES.get(state, "") or "default"
        note = one_line_of(task) if state not in ("success", "waiting") else ""
        progress.update(line, state=f"[{style}]{state:<16}[/]", note=note)
        if state in TASK_TERMINAL and before != state:
            progress.update(line, completed=1)
            progress.stop_task(line)


def one_line_of(task: Mapping[str, Any]) -> str:
    """Return the reason of a task instance, cut to the width of a line."""
    text = clean(" ".join(reason_text(task).split()))
    return text if len(text) <= 100 else text[:99] + "…"


def _name(task: Mapping[str, Any]) -> str:
    return task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"


def _line(task: Mapping[str, Any]) -> str:
    words = [f"{_name(task):<32}", f"{task['state']:<16}"]
    if task["state"] in TASK_TERMINAL and task.get("duration") is not None:
        words.append(seconds(task["duration"]))
    if (note := one_line_of(task)) and task["state"] != "success":
        words.append(note)
    return clean("  ".join(words)).rstrip()


def show_run(run: RunDocument) -> None:
    """Print a run and the table of its task instances."""
    head = f"{run['dag_id']}  {run['run_id']}  {run['state']}"
    if run.get("duration") is not None:
        head += f"  {seconds(run['duration'])}"
    if note := reason_text(run):
        head += f"  ({note})"
    click.echo(clean(head))
    columns = ("task", "operator", "state", "try>", "started (UTC)", "duration>", "reason")
    rows = [
        (
            _name(task),
            task["operator"],
            cell(task["state"]),
            task["try_number"] or "",
            instant(task["start_date"]),
            seconds(task["duration"]),
            reason_text(task) if task["state"] != "success" else "",
        )
        for task in run.get("tasks", ())
    ]
    console().print(table(columns, rows))
