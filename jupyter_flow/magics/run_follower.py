"""Follows one DAG run beside the kernel's main thread, by asking the house."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..model.errors import FlowError, NotFound
from ..model.state import RUN_TERMINAL
from .find_house import AnyHouse, find_house
from .run_words import LOG_LINES, log_text, task_name

PAUSE, LONG_PAUSE, BUSY = 0.3, 1.0, 20
"""Seconds between two looks at a run: at the first ``BUSY`` ones, and afterwards."""
KEPT_LINES = 200
MOST_PAGES = 20
"""Pages of a log that are read at one look; the rest at the next."""
LOGS_AT_END = 5

Document = Mapping[str, Any]


@contextmanager
def a_house() -> Iterator[AnyHouse]:
    """The house, for one thread and a few questions."""
    house = find_house()
    try:
        yield house
    finally:
        close = getattr(house, "close", None)
        if close is not None:
            close()


class LogTail:
    """The last lines of one task's latest attempt."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._attempt = self._after = 0

    def read(self, house: AnyHouse, task: Document) -> None:
        """Read what has been added."""
        ids = {name: task[name] for name in ("dag_id", "run_id", "task_id", "map_index")}
        for _ in range(MOST_PAGES):
            answer = house.call("tasks.log", **ids, after=self._after)
            if answer["attempt_number"] != self._attempt:
                anew = self._after > 0
                self.lines.clear()
                self._attempt, self._after = answer["attempt_number"], 0
                if anew:
                    continue  # a new attempt counts its lines from the beginning
            for line in answer["lines"]:
                self.lines.extend(log_text(str(line["text"])))
                self._after = line["seq"]
            if answer["complete"] or not answer["lines"]:
                return


class RunFollower(threading.Thread):
    """Keeps ``run`` and the logs of what is looked at fresh, and tells of each look.

    ``chosen``: the name of the task whose log is wanted; None: what failed, else what runs. ``trouble``: why the house
    does not answer, or None. ``over``: set when the run has ended, or is there no more.
    """

    def __init__(self, run: Document, tell: Callable[[], None]) -> None:
        super().__init__(name=f"jupyter-flow {run['run_id']}", daemon=True)
        self.run_document = run
        self.chosen: str | None = None
        self.trouble: str | None = None
        self.over = threading.Event()
        self._tails: dict[str, LogTail] = {}
        self._tell = tell
        self._look_now = threading.Event()
        self._context = contextvars.copy_context()  # so that what is shown belongs to the cell that began it

    def look(self, chosen: str | None = None) -> None:
        """Look again at once, at the log of the task ``chosen`` if one is named."""
        self.chosen = chosen or self.chosen
        self._look_now.set()

    def run(self) -> None:
        """Follow until the run is over."""
        self._context.run(self._follow)

    def focus(self) -> str | None:
        """Return the name of the task whose log is shown."""
        tasks = self.run_document.get("tasks", ())
        names = [task_name(task) for task in tasks]
        if self.chosen in names:
            return self.chosen
        for states in (("failed",), ("running",), ("cancelled", "up_for_retry")):
            found = [name for name, task in zip(names, tasks, strict=True) if task["state"] in states]
            if found:
                return found[0] if states == ("failed",) else found[-1]
        begun = [(task["start_date"], name) for name, task in zip(names, tasks, strict=True) if task["start_date"]]
        return max(begun)[1] if begun else None

    def log(self, name: str) -> list[str]:
        """Return the last lines of the log of a task, as far as they were read."""
        return list(self._tails[name].lines) if name in self._tails else []

    def logs(self) -> dict[str, list[str]]:
        """Return the ends of the logs that a record of the run shows: of what failed, else of what is looked at."""
        failed = [task_name(task) for task in self.run_document.get("tasks", ()) if task["state"] == "failed"]
        names = failed[:LOGS_AT_END] or filter(None, [self.focus()])
        return {name: lines[-LOG_LINES:] for name in names if (lines := self.log(name))}

    def _follow(self) -> None:
        looks = 0
        while not self.over.is_set():
            try:
                with a_house() as house:
                    while not self.over.is_set():
                        self._look(house)
                        self._look_now.wait(PAUSE if looks < BUSY else LONG_PAUSE)
                        self._look_now.clear()
                        looks += 1
            except NotFound as error:
                self._end(str(error))
            except FlowError as error:
                self.trouble = str(error)
                self._tell()
                self._look_now.wait(LONG_PAUSE)
                self._look_now.clear()

    def _look(self, house: AnyHouse) -> None:
        run = self.run_document
        self.run_document = run = house.call("runs.show", dag_id=run["dag_id"], run_id=run["run_id"])
        self.trouble = None
        is_over = run["state"] in RUN_TERMINAL
        tasks = {task_name(task): task for task in run["tasks"]}
        wanted = [self.focus()]
        if is_over:
            wanted += [name for name, task in tasks.items() if task["state"] == "failed"][:LOGS_AT_END]
        for name in dict.fromkeys(filter(None, wanted)):
            with contextlib.suppress(NotFound):
                self._tails.setdefault(name, LogTail()).read(house, tasks[name])
        if is_over:
            self._end(None)
        else:
            self._tell()

    def _end(self, trouble: str | None) -> None:
        self.trouble = trouble
        self.over.set()
        self._tell()


def start_run(dag_id: str, **args: Any) -> Document:
    """Trigger a run of a DAG; it answers the run with its tasks."""
    with a_house() as house:
        run = house.call("dags.trigger", dag_id=dag_id, **args)
        return dict(house.call("runs.show", dag_id=dag_id, run_id=run["run_id"]))


def known_run(dag_id: str, run_id: str) -> Document:
    """Return a run that there is. Raises NotFound."""
    with a_house() as house:
        return dict(house.call("runs.show", dag_id=dag_id, run_id=run_id))


def last_states(dag_id: str) -> dict[str, str]:
    """Return task -> state in the last run of a DAG; empty if there is none, or no house."""
    with contextlib.suppress(FlowError), a_house() as house:
        found = house.call("runs.list", dag_id=dag_id, limit=1)["runs"]
        run = house.call("runs.show", dag_id=dag_id, run_id=found[0]["run_id"]) if found else {"tasks": ()}
        return {task["task_id"]: task["state"] for task in run["tasks"]}
    return {}


def cancel_run(dag_id: str, run_id: str) -> None:
    """Cancel a run. Raises the refusal."""
    with a_house() as house:
        house.call("runs.cancel", dag_id=dag_id, run_id=run_id)
