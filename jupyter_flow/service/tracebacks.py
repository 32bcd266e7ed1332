"""Frames out of the text of a traceback, as Python and as IPython write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_PYTHON = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_IPYTHON = re.compile(
    r"^(?:File|Cell) (?P<file>In\[\d+\]|[^:]+?)(?::(?P<line>\d+)|, line (?P<at>\d+))(?:, in (?P<function>.+?))?$"
)
_ARROW = re.compile(r"^-+> ?(?P<line>\d+) (?P<code>.*)$")
_FOREIGN = re.compile(
    r"/(site-packages|dist-packages)/|/lib/python3[^/]*/|^<|/jupyter_flow/(runner|operators|authoring)/"
)


@dataclass(frozen=True)
class Frame:
    """One place of a traceback. ``is_own``: not of Python, a library or the house; ``is_cell``: of the notebook."""

    file: str
    line: int | None
    function: str
    code: str
    is_own: bool
    is_cell: bool


def plain(text: str) -> str:
    """Return ``text`` without terminal colours."""
    return _ANSI.sub("", text)


def read_frames(lines: Sequence[str], own_folders: Sequence[str] = ()) -> list[Frame]:
    """Return the frames of the last traceback in ``lines``, the outermost first."""
    frames: list[Frame] = []
    for index, text in enumerate(lines):
        if text.startswith("Traceback (most recent call last)"):
            frames.clear()  # of several, the last one counts
        found = _PYTHON.match(text) or _IPYTHON.match(text)
        if found is None:
            continue
        parts = found.groupdict()
        file = parts["file"].strip()
        number = parts.get("line") or parts.get("at")
        is_cell = file.startswith("In[")
        is_own = is_cell or any(file.startswith(folder) for folder in own_folders) or not _FOREIGN.search(file)
        function = (parts.get("function") or "").split("(")[0].strip("<> ")
        code = _code(lines, index, int(number) if number else None)
        frames.append(Frame(file, int(number) if number else None, function, code, is_own, is_cell))
    return frames


def _code(lines: Sequence[str], index: int, line: int | None) -> str:
    """Return the code of the frame whose head stands at ``index``."""
    for text in lines[index + 1 : index + 12]:
        if _PYTHON.match(text) or _IPYTHON.match(text):
            return ""
        if arrow := _ARROW.match(text):
            return arrow["code"].strip() if line is None or int(arrow["line"]) == line else ""
        if text.startswith("    ") and not re.match(r"^\s+\d+ ", text):
            return text.strip()
    return ""
