"""``flow.run()``: start a run of a DAG from a notebook and watch it there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Self

from IPython.core.getipython import get_ipython
from IPython.display import display, update_display

from ..model.errors import FlowError, InvalidInput
from . import run_follower
from .run_follower import RunFollower
from .run_words import html_run, one_line, plain_run


def run(
    dag: Any = None,
    conf: Mapping[str, Any] | None = None,
    *,
    run_id: str | None = None,
    logical_date: str | None = None,
    unpause: bool = False,
) -> LiveRun:
    """Start a run of ``dag`` (an id or a DAG; default: the last ``%%dag`` of this notebook) and show it live.

    ``conf``: its params. ``run_id``: follow that run instead of starting one. ``unpause``: unpause the DAG too; a run
    of a paused one waits. It returns at once. Raises :class:`FlowError` if the house refuses or does not answer.
    """
    dag_id = _dag_id(dag)
    if run_id is not None:
        found = run_follower.known_run(dag_id, run_id)
    else:
        given = None if conf is None else dict(conf)
        found = run_follower.start_run(dag_id, conf=given, logical_date=logical_date, unpause=unpause)
    live = LiveRun(found)
    live.show()
    return live


def _dag_id(dag: Any) -> str:
    if dag is None:
        shell = get_ipython()
        magics = shell.magics_manager.registry.get("FlowMagics") if shell is not None else None
        dag = getattr(magics, "dag", None)
    dag_id = dag if isinstance(dag, str) else getattr(dag, "dag_id", None)
    if not isinstance(dag_id, str):
        raise InvalidInput("flow.run(): which DAG? Name it, or run the %%dag cell first")
    return dag_id


class LiveRun:
    """A DAG run that is followed in the background. ``str(run)`` says how it is, with its tasks."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._follower = RunFollower(document, self._changed)
        self._displays: list[tuple[str, Any]] = []
        self._shown_in: int | None = None
        self._follower.start()

    @property
    def dag_id(self) -> str:
        """The DAG."""
        return str(self._follower.run_document["dag_id"])

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self._follower.run_document["run_id"])

    @property
    def state(self) -> str:
        """Its state as last seen: ``queued``, ``running``, ``success``, ``failed`` or ``cancelled``."""
        return str(self._follower.run_document["state"])

    @property
    def tasks(self) -> dict[str, str]:
        """Task -> its state."""
        return {run_follower.task_name(task): task["state"] for task in self._follower.run_document.get("tasks", ())}

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the run has ended, or for so many seconds. An interrupt ends the waiting, not the run."""
        self._follower.over.wait(timeout)
        if self._follower.over.is_set():
            self._show_record()  # in this thread: who runs notebooks without a browser hears it
        return self

    def cancel(self) -> None:
        """Cancel the run. Raises the refusal."""
        run_follower.cancel_run(self.dag_id, self.run_id)
        self._follower.look()

    def show(self) -> None:
        """Show it here, live: as widgets where there are any, and as HTML and text."""
        from .run_widget import VIEW, RunWidget

        shell = get_ipython()
        widget = RunWidget(self._follower, self._cancel_quietly) if hasattr(shell, "kernel") else None
        self._shown_in = getattr(shell, "execution_count", None)
        bundle = self._record()
        if widget is not None and not self._follower.over.is_set():
            bundle[VIEW] = widget.view
        name = uuid.uuid4().hex
        display(bundle, raw=True, display_id=name)
        self._displays.append((name, widget))
        if self._follower.over.is_set():
            self._show_record()

    def _cancel_quietly(self) -> None:
        try:
            self.cancel()
        except FlowError as error:
            self._follower.trouble = str(error)
            self._changed()

    def _changed(self) -> None:
        for _, widget in list(self._displays):
            if widget is not None:
                widget.update()
        if self._follower.over.is_set():
            self._show_record()

    def _show_record(self) -> None:
        """Put what stays readable without a kernel in the place of the widgets."""
        for name, _ in list(self._displays):
            update_display(self._record(), raw=True, display_id=name)

    def _record(self) -> dict[str, Any]:
        run, logs = self._follower.run_document, self._follower.logs()
        return {"text/plain": plain_run(run, logs), "text/html": html_run(run, logs)}

    def __repr__(self) -> str:
        return f"<LiveRun {one_line(self._follower.run_document)}>"

    def __str__(self) -> str:
        return plain_run(self._follower.run_document, self._follower.logs())

    def _ipython_display_(self) -> None:
        """Show it where a cell ends with it; not twice in the cell that started it."""
        if self._shown_in != getattr(get_ipython(), "execution_count", None):
            self.show()
