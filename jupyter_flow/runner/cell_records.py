"""What happens to the cells, written three times: papermill's metadata, ``cells.jsonl``, the saved notebook."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import nbformat
from nbformat import NotebookNode
from papermill.engines import NotebookExecutionManager  # type: ignore[import-untyped]

from ..model.reason import Reason
from .kernel_source import KernelEnd
from .outputs import log_output
from .process_figures import ProcessFigures, figures_of
from .spool_files import JsonLines, LogFile

_SAVE_EVERY = 2.0
_SAVE_SHARE = 20
"""A save that took t seconds is followed by the next one after 20 t at the earliest."""
_encode = json.JSONEncoder(ensure_ascii=False).encode


Past = tuple[list[NotebookNode], int | None]
"""Outputs and execution count of a cell that an earlier attempt has executed."""


class TruthfulExecutionManager(NotebookExecutionManager):
    """papermill's keeper of metadata, which calls no cell completed that did not run to its end."""

    def notebook_complete(self, **kwargs: Any) -> None:
        """Finish the metadata; cells that were never reached stay ``pending``, an interrupted one ``failed``."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        if self.start_time is not None:
            self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        for index, cell in enumerate(self.nb.cells):
            if cell.metadata.papermill["status"] == self.RUNNING:
                self.cell_exception(cell, index)
                self.cell_complete(cell, index)
        self.complete_pbar()
        self.cleanup_pbar()
        self.save()


class CellRecords:
    """Tells the manager, the events file and the log what the run does; saves the notebook while it changes.

    ``save``: called with the notebook's bytes; it answers False if there was no room for them.
    ``failing_cell``: index of the cell that ended the run badly; ``first_index``: of the first one to be executed.
    """

    def __init__(
        self,
        manager: NotebookExecutionManager,
        events: JsonLines | None,
        log: LogFile | None,
        save: Callable[[bytes], bool] | None,
    ) -> None:
        self._manager = manager
        self._events = events
        self._log = log
        self._save = save
        self._changed = True
        self._next_save = 0.0
        self.first_index = self.last_index = 0
        self.failing_cell: int | None = None
        self.kernel_figures: ProcessFigures | None = None
        codes = 0
        self._numbers = []
        for cell in manager.nb.cells:
            codes += cell.cell_type == "code"
            self._numbers.append(max(codes, 1))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within: lines of events and log are written at the end, by one call."""
        with ExitStack() as stack:
            for lines in (self._events, self._log):
                if lines is not None:
                    stack.enter_context(lines.together())
            yield

    def begin_after(self, past: Sequence[Past]) -> None:
        """Let the first cells be as they were left by an earlier attempt, with whose kernel this one goes on."""
        self.first_index = len(past)
        for cell, (outputs, count) in zip(self._manager.nb.cells, past, strict=False):
            cell.metadata.papermill["status"] = self._manager.COMPLETED
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = outputs, count

    def cell_number(self, index: int) -> int:
        """Return which code cell ``index`` is, counted from 1: what people call the cell."""
        return self._numbers[index] if 0 <= index < len(self._numbers) else 1

    def cell_started(self, cell: NotebookNode, index: int) -> None:
        """The run has come to this cell."""
        self.last_index = index
        self._manager.cell_start(cell, index)
        if cell.cell_type == "code":
            self._event(index, "started")

    def output(self, index: int, output: NotebookNode) -> None:
        """An output has been appended (or joined to the last one)."""
        self._event(index, "output", output=output)
        if self._log is not None:
            log_output(self._log, output)

    def updated(self, index: int, position: int, output: NotebookNode) -> None:
        """The output at ``position`` was replaced (``update_display_data``)."""
        self._event(index, "updated", position=position, output=output)

    def cleared(self, index: int) -> None:
        """The cell's outputs were cleared."""
        self._event(index, "cleared")

    def progress(self, index: int, data: dict[str, Any]) -> None:
        """The notebook says how far it is."""
        self._event(index, "progress", fraction=data["fraction"], text=str(data.get("text", "")))

    def cell_completed(self, cell: NotebookNode, index: int) -> None:
        """The cell ran to its end."""
        self._manager.cell_complete(cell, index)
        if cell.cell_type == "code":
            self._event(index, "finished", execution_count=cell.get("execution_count"))

    def cell_failed(self, cell: NotebookNode, index: int, reason: Reason) -> None:
        """The cell raised or exited."""
        self._bad_end(cell, index)
        self._event(index, "failed", reason=reason.to_json(), execution_count=cell.get("execution_count"))

    def cell_died(self, cell: NotebookNode, index: int, end: KernelEnd) -> None:
        """The kernel ended within the cell."""
        self._bad_end(cell, index)
        self._event(index, "died", signal=end.signal, exit_code=end.exit_code)

    def cell_interrupted(self, cell: NotebookNode, index: int) -> None:
        """A cancel or timeout ended the cell."""
        self._bad_end(cell, index)
        self._event(index, "interrupted")

    def kernel_ends(self, pid: int | None) -> None:
        """The kernel is about to be killed: note what it has used."""
        self.kernel_figures = None if pid is None else figures_of(pid)

    def save_if_due(self) -> None:
        """Save the notebook if it has changed and the last save is long enough ago."""
        if self._changed and time.monotonic() >= self._next_save:
            self._save_as(_encode)  # without the beauty of the last one: outputs come meanwhile

    def save_now(self) -> None:
        """Save the notebook, or let it be saved later if there is no room for it."""
        self._save_as(nbformat.writes)

    def _save_as(self, written: Callable[[NotebookNode], str]) -> None:
        if self._save is None:
            return
        started = time.monotonic()
        text = written(self._manager.nb)
        self._changed = not self._save(text.encode("utf-8", "surrogatepass"))
        took = time.monotonic() - started
        self._next_save = time.monotonic() + max(_SAVE_EVERY, _SAVE_SHARE * took)

    def _bad_end(self, cell: NotebookNode, index: int) -> None:
        self.failing_cell = index
        self._manager.cell_exception(cell, index)
        self._manager.cell_complete(cell, index)

    def _event(self, index: int, event: str, **more: Any) -> None:
        self._changed = True
        if self._events is not None:
            self._events.append({"cell": index, "event": event, **more})
