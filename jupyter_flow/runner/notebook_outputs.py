"""From kernel messages to a notebook's outputs: nbclient's way, with limits, records and messages to the house."""

from __future__ import annotations

from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from .cell_records import CellRecords
from .messages import PROGRESS, HouseMessages
from .outputs import OutputLimits, append_merged, output_of


class NotebookOutputs(NotebookClient):
    """nbclient's handling of outputs, widgets and display ids; ``failure``: an unusable message to the house."""

    def __init__(
        self,
        nb: NotebookNode,
        kernel_name: str,
        *,
        records: CellRecords,
        messages: HouseMessages,
        limits: OutputLimits,
    ) -> None:
        super().__init__(nb, kernel_name=kernel_name, allow_errors=False)
        self._records = records
        self._messages = messages
        self._limits = limits
        self.failure: TaskFailure | None = None

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Take one message; raises CellExecutionComplete at the end of the cell's."""
        if msg["msg_type"] in ("stream", "display_data") and not (msg["content"].get("transient") or {}).get(
            "display_id"
        ):
            return self.output(cell.outputs, msg, None, cell_index)  # the way of almost all messages of a storm
        return super().process_message(msg, cell, cell_index)

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Take one output message: house messages, limits, merging, records."""
        if msg["msg_type"] == "display_data" and self._take_message(msg["content"].get("data"), cell_index):
            return None
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        out: Any = output_of(msg)
        if self.clear_before_next_output:
            self.clear_before_next_output = False
            outs.clear()
            self.clear_display_id_mapping(cell_index)
            self._cleared(cell_index)
        for admitted in self._limits.admit(cell_index, out):
            if display_id and admitted is out:
                self._display_id_map.setdefault(display_id, {}).setdefault(cell_index, []).append(len(outs))
            self._records.output(cell_index, admitted)
            append_merged(outs, admitted)
        kept: NotebookNode = out
        return kept

    def _take_message(self, data: Any, cell_index: int) -> bool:
        """Take a message to the house out of a display; True if it is not for the notebook's outputs."""
        try:
            taken = self._messages.take(data) if isinstance(data, dict) else None
        except ValueError as error:
            failure = TaskFailure(Reason("exception", {"type": "unusable message", "message": str(error)}))
            self.failure = self.failure or failure
            return False
        if taken is None or taken[0] != PROGRESS:
            return False
        self._records.progress(cell_index, taken[1])
        return True

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        super()._update_display_id(display_id, msg)
        for cell_index, positions in self._display_id_map.get(display_id, {}).items():
            for position in positions:
                self._records.updated(cell_index, position, self.nb.cells[cell_index].outputs[position])

    def clear_output(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        """Take a clear_output message."""
        super().clear_output(outs, msg, cell_index)
        if not self.clear_before_next_output:
            self._cleared(cell_index)

    def _cleared(self, cell_index: int) -> None:
        self._limits.reset(cell_index)
        self._records.cleared(cell_index)
