"""Outputs of cells: limited in size, merged, and written to ``cells.jsonl`` and the log as they come."""

from __future__ import annotations

import json
import re
from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output, output_from_msg

from .spool_files import LogFile

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def size_of(output: NotebookNode) -> int:
    """Return about how many bytes ``output`` takes in the notebook."""
    if output.output_type == "stream":
        return len(output.text)
    if output.output_type == "error":
        return sum(len(line) for line in output.traceback) + len(output.evalue)
    data = output.get("data", {})
    return sum(len(value) if isinstance(value, str) else len(json.dumps(value)) for value in data.values())


def plain(text: str) -> str:
    """Return ``text`` without terminal colours."""
    return _ANSI.sub("", text)


class OutputLimits:
    """How much a cell and the notebook may still put out; what is over is cut, and marked once per cell."""

    def __init__(self, per_cell: int, per_notebook: int) -> None:
        self._per_cell = per_cell
        self._left = per_notebook
        self._per_notebook = per_notebook
        self._used: dict[int, int] = {}
        self._marked: set[int] = set()

    def admit(self, cell_index: int, output: NotebookNode) -> list[NotebookNode]:
        """Return what may be kept of ``output``: itself, a part and a mark, or nothing.

        Errors are always kept, with their traceback cut to the limit.
        """
        used = self._used.get(cell_index, 0)
        room = min(self._per_cell - used, self._left)
        size = size_of(output)
        if size <= room:
            self._use(cell_index, size)
            return [output]
        kept = []
        if output.output_type == "error":
            output.traceback = [line[:10_000] for line in output.traceback[-20:]]
            output.evalue = output.evalue[:10_000]
            return [output]
        if output.output_type == "stream" and room > 0:
            output.text = output.text[:room]
            kept.append(output)
        self._use(cell_index, max(room, 0))
        if cell_index not in self._marked:
            self._marked.add(cell_index)
            kept.append(self._mark(self._per_cell - used <= room))
        return kept

    def reset(self, cell_index: int) -> None:
        """The cell's outputs were cleared: they count no more."""
        self._left += self._used.pop(cell_index, 0)
        self._marked.discard(cell_index)

    def _use(self, cell_index: int, size: int) -> None:
        self._used[cell_index] = self._used.get(cell_index, 0) + size
        self._left -= size

    def _mark(self, cell_is_full: bool) -> Any:
        limit, what = (self._per_cell, "this cell") if cell_is_full else (self._per_notebook, "this notebook")
        text = f"\n[output cut: {what} has put out more than {limit} bytes]\n"
        return new_output("stream", name="stderr", text=text)


def mark_of_loss(count: int) -> Any:
    """Return the output that stands for ``count`` messages that nobody could take in."""
    text = f"\n[output lost: this cell put out faster than it could be read, {count} messages are missing]\n"
    return new_output("stream", name="stderr", text=text)


def append_merged(outputs: list[NotebookNode], output: NotebookNode) -> None:
    """Append ``output``; text of the same stream is joined to the last one, as JupyterLab does."""
    last = outputs[-1] if outputs else None
    if (
        last is not None
        and output.output_type == "stream"
        and last.output_type == "stream"
        and last.name == output.name
    ):
        text = last.pop("text")  # so that nobody else holds it: then it grows in place, however long it is
        text += output.text
        last["text"] = text
    else:
        outputs.append(output)


def log_output(log: LogFile, output: Any) -> None:
    """Write streams and tracebacks to the attempt's log."""
    if output.output_type == "stream":
        text = output.text.removesuffix("\n")
        log.write(output.name, plain(text))
    elif output.output_type == "error":
        log.write("stderr", plain("\n".join(output.traceback)) or f"{output.ename}: {output.evalue}", "error")


def output_of(msg: dict[str, Any]) -> NotebookNode:
    """Return the output that a message is; most without the check by schema, which takes half of all the time."""
    content = msg["content"]
    if msg["msg_type"] == "stream" and isinstance(content.get("name"), str) and isinstance(content.get("text"), str):
        return NotebookNode(output_type="stream", name=content["name"], text=content["text"])
    if msg["msg_type"] == "display_data" and _is_plain(content):
        data, metadata = from_dict(content["data"]), from_dict(content["metadata"])
        return NotebookNode(output_type="display_data", data=data, metadata=metadata)
    output: NotebookNode = output_from_msg(msg)
    return output


def _is_plain(content: dict[str, Any]) -> bool:
    """Whether a display is one for certain, by its looks: texts by their mime type."""
    data = content.get("data")
    return (
        isinstance(data, dict)
        and isinstance(content.get("metadata"), dict)
        and all(isinstance(value, str) or str(kind).endswith("+json") for kind, value in data.items())
    )
