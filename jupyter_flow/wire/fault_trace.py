"""Notes the real commits, renames, fsyncs, forks and starts of an armed process in its trace, beside its fault points.

So a test can find an operation of ours that has no fault point. Only loaded when ``$JUPYTER_FLOW_FAULTS`` has a
``trace=``; what it hooks stays hooked until the process ends.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the kernel forkserver loads this file by its path
    from .armed_faults import Faults

OPERATIONS = {"os.rename": "rename", "os.fork": "fork", "subprocess.Popen": "start", "os.posix_spawn": "start"}
"""Audit event -> the verb in the names of its fault points."""

_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_STANDARD = (sysconfig.get_paths()["stdlib"] + os.sep, "<frozen", __file__)
_THIRD = (sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"])

_tracer: Faults | None = None
_hooked = False


def trace_operations(faults: Faults | None) -> None:
    """Note the operations of this process with ``faults`` from now on; None ends that."""
    global _tracer, _hooked
    _tracer = faults if faults is not None and faults.is_tracing else None
    if _tracer is None or _hooked:
        return
    _hooked = True
    sys.addaudithook(_on_event)
    _wrap_fsync()
    _wrap_connect()


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if _tracer is None:
        return
    if event in OPERATIONS and (place := _place(sys._getframe(1))) is not None:
        _tracer.note({"operation": OPERATIONS[event], "event": event, "place": place})


def _on_statement(statement: str) -> None:
    if _tracer is not None and statement.strip().upper().startswith(("COMMIT", "END")):
        place = _ours(sys._getframe(1))
        if place is not None and place.startswith("storage" + os.sep):
            _tracer.note({"operation": "commit", "event": statement, "place": place})


def _wrap_connect() -> None:
    from sqlite3 import dbapi2

    real = dbapi2.connect

    def connect(*arguments: Any, **options: Any) -> Any:
        connection = real(*arguments, **options)
        connection.set_trace_callback(_on_statement)
        return connection

    dbapi2.connect = connect


def _wrap_fsync() -> None:
    real = os.fsync

    def fsync(descriptor: Any) -> None:
        if _tracer is not None and (place := _place(sys._getframe(1))) is not None:
            _tracer.note({"operation": "fsync", "event": "os.fsync", "place": place})
        real(descriptor)

    os.fsync = fsync  # type: ignore[assignment]


def _place(frame: FrameType | None) -> str | None:
    """Return ``file:line`` of the caller if that is ours; the standard library only passes on."""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_STANDARD) or name.startswith(_THIRD):
            break
        frame = frame.f_back
    return _named(frame)


def _ours(frame: FrameType | None) -> str | None:
    """Return ``file:line`` of the nearest caller of ours, whatever stands between."""
    while frame is not None and (not frame.f_code.co_filename.startswith(_PACKAGE) or _is_here(frame)):
        frame = frame.f_back
    return _named(frame)


def _is_here(frame: FrameType) -> bool:
    return frame.f_code.co_filename == __file__


def _named(frame: FrameType | None) -> str | None:
    if frame is None or not frame.f_code.co_filename.startswith(_PACKAGE):
        return None
    return f"{frame.f_code.co_filename.removeprefix(_PACKAGE)}:{frame.f_lineno}"
