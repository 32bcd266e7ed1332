"""Where in the author's file something was written."""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from .exceptions import FlowWarning

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_ROOMS = (
    *("authoring", "operators", "sensors", "notifications", "timetables", "airflow_names", "utils", "runner", "magics"),
)
_OWN = tuple(f"{_PACKAGE}/{room}/" for room in _ROOMS)


_given: list[tuple[str, int]] = []


def _author_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (frame.f_code.co_filename.startswith(_OWN) or _is_machinery(frame)):
        frame = frame.f_back
    return frame


def _is_machinery(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith("<frozen ") or name.endswith(("/contextlib.py", "/functools.py", "/inspect.py"))


@contextmanager
def written_at(file: str, line: int) -> Iterator[None]:
    """Take ``file`` and ``line`` as the author's, where no code of the author runs (the line of a cell magic)."""
    _given.append((file, line))
    try:
        yield
    finally:
        _given.pop()


def author_line() -> tuple[str, int]:
    """Return file and line of the innermost frame outside this package (``("", 0)`` if there is none)."""
    if _given:
        return _given[-1]
    frame = _author_frame()
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def place_words(location: tuple[str, int]) -> str:
    """Return ``line 5``, or ``cell 2, line 5`` for a place in a DAG notebook."""
    file, line = location
    cell = file.partition("[")[2].rstrip("]") if file.endswith("]") else ""
    return f"{cell}, line {line}" if cell else f"line {line}"


def warn(message: str, where: tuple[str, int] | None = None) -> None:
    """Warn the author, at ``where`` or at the line that runs now."""
    file, line = where or author_line()
    warnings.warn_explicit(message, FlowWarning, file or "<unknown>", line, registry={})


def remember_lines(filename: str, source: str) -> None:
    """Let tracebacks show the lines of ``source`` for a file name that is no file (a cell)."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
