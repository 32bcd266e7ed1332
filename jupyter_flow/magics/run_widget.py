"""The live side of ``flow.run()``: widgets that are written anew at each look at the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import HTML, Button, Dropdown, HBox, Layout, VBox  # type: ignore[import-untyped]

from ..model.state import RUN_TERMINAL
from .run_follower import RunFollower
from .run_words import html_bars, html_head, html_log, shown_tasks, task_name

VIEW = "application/vnd.jupyter.widget-view+json"
LINES = 12
AUTOMATIC = "what fails or runs"


class RunWidget:
    """Head, bars, a log to choose, and a button that cancels the run."""

    def __init__(self, follower: RunFollower, cancel: Callable[[], None]) -> None:
        self._follower = follower
        self._cancel = cancel
        self._head, self._bars, self._log = HTML(), HTML(), HTML()
        self._button = Button(
            description="Cancel run", icon="stop", tooltip="Cancel this DAG run and what runs of it now"
        )
        self._button.on_click(self._cancel_clicked)
        self._choice = Dropdown(description="Log of", options=[AUTOMATIC], layout=Layout(width="24em"))
        self._choice.observe(self._chosen, names="value")
        head = HBox([self._head, self._button], layout=Layout(justify_content="space-between", align_items="center"))
        self._box = VBox([head, self._bars, self._choice, self._log], layout=Layout(max_width="60em"))
        self.update()

    @property
    def view(self) -> dict[str, Any]:
        """What a display bundle holds of it."""
        return dict(self._box.get_view_spec())

    def update(self) -> None:
        """Write what is known now."""
        follower = self._follower
        run = follower.run_document
        head = html_head(run)
        if follower.trouble:
            head += html_log([follower.trouble])
        self._set(self._head, head)
        self._set(self._bars, html_bars(run))
        names = [AUTOMATIC, *(task_name(task) for task in shown_tasks(run)[0])]
        if list(self._choice.options) != names:
            chosen = self._choice.value
            self._choice.options = names
            self._choice.value = chosen if chosen in names else AUTOMATIC
        focus = follower.focus()
        title = f"log of {focus}" if focus else "nothing has been logged yet"
        lines = follower.log(focus)[-LINES:] if focus else []
        self._set(self._log, html_log([f"— {title}", *lines]))
        is_over = run["state"] in RUN_TERMINAL or follower.over.is_set()
        if is_over or run.get("cancel_requested"):
            self._button.disabled = True
            self._button.description = "Run is over" if is_over else "Cancelling …"
        _hear_while_cells_run(self._button, self._choice)

    @staticmethod
    def _set(widget: HTML, text: str) -> None:
        if widget.value != text:
            widget.value = text

    def _chosen(self, change: dict[str, Any]) -> None:
        self._follower.chosen = None
        self._follower.look(None if change["new"] == AUTOMATIC else change["new"])

    def _cancel_clicked(self, _: Button) -> None:
        self._button.disabled = True
        self._button.description = "Cancelling …"
        self._cancel()


def _hear_while_cells_run(*widgets: Any) -> None:
    """Let clicks come to the subshell that the front end sends them to, so that they count while a cell waits.

    A kernel that has subshells leads them to the shell which wrote to the widget last: that of the waiting cell.
    """
    for widget in widgets:
        vars(widget.comm).pop("_reply_subshell_id", None)
