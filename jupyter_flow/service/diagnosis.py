"""What made a task fail: its exception, the frames of its own code, and hints with their evidence. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.reason import Reason
from .tracebacks import Frame, plain, read_frames

Document = dict[str, Any]
SOURCE_LINES = 5
MOST_FRAMES = 8
_LAST_LINE = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Timeout|Iteration)): ?(.*)$")
_MISSING_FILE = re.compile(r"No such file or directory: ['\"]?(?P<path>[^'\"]+)['\"]?|^(?P<bare>[^\s:'\"]+\.\w{1,5})$")
_MISSING_MODULE = re.compile(r"No module named ['\"](?P<name>[^'\"]+)['\"]")
_SIGNALS = {4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM"}


@dataclass(frozen=True)
class Failure:
    """All that is known of a failed attempt.

    ``cells``: those of its executed notebook, ``failing_cell`` an index into them. ``log``: its last lines.
    ``samples``: ``(seconds, CPU seconds, resident bytes, processes)`` each. ``memory_limit``: bytes, None if there
    is none; ``machine_memory``: bytes of the machine, None if not known.
    """

    reason: Reason | None
    failing_cell: int | None = None
    cells: Sequence[Mapping[str, Any]] = ()
    log: Sequence[str] = ()
    signal: int | None = None
    exit_code: int | None = None
    kernelspec: str | None = None
    cwd: str | None = None
    own_folders: Sequence[str] = ()
    peak_rss: int | None = None
    samples: Sequence[Sequence[float]] = ()
    memory_limit: int | None = None
    machine_memory: int | None = None


@dataclass(frozen=True)
class Hint:
    """What probably happened, in a sentence, and what says so."""

    code: str
    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What is to be shown. ``cell``: ``{"index", "number", "first_line", "error_line", "source"}``."""

    cell: Document | None = None
    exception: Document | None = None
    frames: tuple[Frame, ...] = ()
    hints: tuple[Hint, ...] = field(default=())

    def to_json(self) -> Document:
        """Return it as JSON-ready data."""
        return {
            "cell": self.cell,
            "exception": self.exception,
            "frames": [dict(vars(frame)) for frame in self.frames],
            "hints": [{**vars(hint), "evidence": list(hint.evidence)} for hint in self.hints],
        }


def diagnose(failure: Failure) -> Diagnosis:
    """Say what is known about a failure."""
    error = _error_output(failure)
    lines = plain("\n".join(str(line) for line in error["traceback"])).splitlines() if error else list(failure.log)
    frames = read_frames(lines, failure.own_folders)
    exception = _exception(failure, error, lines)
    cell = _cell(failure, frames)
    own = sorted(range(len(frames)), key=lambda place: (not frames[place].is_own, -place))
    shown = tuple(frames[place] for place in own[:MOST_FRAMES])
    return Diagnosis(cell, exception, shown, tuple(_hints(failure, exception, cell)))


def _error_output(failure: Failure) -> Document | None:
    cell = _failing(failure)
    for output in reversed(cell.get("outputs") or () if cell else ()):
        if isinstance(output, dict) and output.get("output_type") == "error":
            traceback = output.get("traceback")
            return {
                "type": str(output.get("ename", "")),
                "message": plain(str(output.get("evalue", ""))),
                "traceback": traceback if isinstance(traceback, list) else [],
            }
    return None


def _failing(failure: Failure) -> Mapping[str, Any] | None:
    index = failure.failing_cell
    if index is None or not 0 <= index < len(failure.cells):
        return None
    return failure.cells[index]


def _exception(failure: Failure, error: Document | None, lines: Sequence[str]) -> Document | None:
    if error is not None:
        return {"type": error["type"], "message": error["message"]}
    reason = failure.reason
    if reason is not None and {"type", "message"} <= set(reason.args):
        return {"type": str(reason.args["type"]), "message": str(reason.args["message"])}
    if reason is not None and reason.code in ("exit_code", "exception"):
        for line in reversed(lines):
            if found := _LAST_LINE.match(line.strip()):
                return {"type": found[1], "message": found[2]}
    return None


def _cell(failure: Failure, frames: Sequence[Frame]) -> Document | None:
    """Return the failing cell with the lines around the one that failed."""
    cell = _failing(failure)
    if cell is None or failure.failing_cell is None:
        return None
    source = cell.get("source", "")
    lines = ("".join(source) if isinstance(source, list) else str(source)).split("\n")
    at = next((frame.line for frame in frames if frame.is_cell and frame.line is not None), None)
    if at is not None and not 1 <= at <= len(lines):
        at = None
    first = max(1, min((at or 1) - SOURCE_LINES // 2, len(lines) - SOURCE_LINES + 1))
    before = failure.cells[: failure.failing_cell + 1]
    return {
        "index": failure.failing_cell,
        "number": sum(item.get("cell_type") == "code" for item in before),
        "first_line": first,
        "error_line": at,
        "source": "\n".join(lines[first - 1 : first - 1 + SOURCE_LINES]),
    }


def _hints(failure: Failure, exception: Document | None, cell: Document | None) -> list[Hint]:
    kind = (exception or {}).get("type", "").rpartition(".")[2]
    message = str((exception or {}).get("message", ""))
    reason = failure.reason or Reason("")
    where = f" in cell {cell['number']}" if cell else ""
    if _is_cuda(kind, message):
        first = message.split("\n")[0][:300]
        text = "The GPU has no memory left: use a smaller batch, or free what other processes hold there."
        return [Hint("cuda_out_of_memory", text, (first,))]
    if kind == "MemoryError" or reason.code == "memory_limit" or _is_out_of_memory(failure, reason):
        return [_out_of_memory(failure, kind, reason)]
    if kind in ("ModuleNotFoundError", "ImportError") and (found := _MISSING_MODULE.search(message)):
        name = found["name"].partition(".")[0]
        kernel = failure.kernelspec
        place = f"the environment of kernel {kernel}" if kernel else "the environment that the task runs in"
        evidence = (f"kernel: {kernel}",) if kernel else ()
        return [
            Hint("missing_module", f"{place[0].upper()}{place[1:]} has no module {name}: install it there.", evidence)
        ]
    if kind == "FileNotFoundError" and (found := _MISSING_FILE.search(message)):
        path = found["path"] or found["bare"]
        resolved = path if path.startswith("/") or not failure.cwd else f"{failure.cwd.rstrip('/')}/{path}"
        evidence = (f"looked for {resolved}", *((f"working folder {failure.cwd}",) if failure.cwd else ()))
        return [Hint("missing_file", f"There is no file {path} where the task looks for it.", evidence)]
    if kind == "PermissionError":
        return [Hint("permission", "The task may not open what it asked for.", (message[:300],))]
    if reason.code in ("timeout", "timeout_cell") or kind in ("TimeoutError", "CellTimeoutError", "AirflowTaskTimeout"):
        seconds = reason.args.get("seconds")
        limit = (f"limit: {float(seconds):g} s",) if isinstance(seconds, int | float) else ()
        text = f"It was not finished in time: the limit was reached{where}. Raise it, or look at what takes so long."
        return [Hint("timeout", text, (*limit, *_slow_cells(failure)))]
    number = reason.args.get("signal", failure.signal)
    if reason.code in ("kernel_died", "kernel_died_exit", "signal"):
        name = _SIGNALS.get(number, "") if isinstance(number, int) else ""
        how = (
            f"by signal {number}{f' ({name})' if name else ''}"
            if number is not None
            else (f"with exit code {reason.args.get('exit_code', failure.exit_code)}")
        )
        why = " A library in C or C++ crashed." if number in (4, 6, 7, 8, 11) else ""
        return [Hint("kernel_died", f"The process ended {how}{where}, without a Python error.{why}", _memory(failure))]
    if reason.code == "exit_code" and reason.args.get("exit_code") == 127:
        line = next((line for line in reversed(failure.log) if "not found" in line), "")
        return [
            Hint(
                "missing_command",
                "The command does not exist on this machine, or not on PATH.",
                (line,) if line else (),
            )
        ]
    return []


def _is_cuda(kind: str, message: str) -> bool:
    return "CUDA out of memory" in message or (kind == "OutOfMemoryError" and "CUDA" in message)


def _is_out_of_memory(failure: Failure, reason: Reason) -> bool:
    """Whether it was killed (by signal 9, or as a shell says it): nobody of the house does that without a reason."""
    killed = reason.code in ("kernel_died", "signal") and reason.args.get("signal", failure.signal) == 9
    return killed or (reason.code in ("exit_code", "kernel_died_exit") and reason.args.get("exit_code") in (137, -9))


def _out_of_memory(failure: Failure, kind: str, reason: Reason) -> Hint:
    evidence = [f"{kind} was raised"] if kind == "MemoryError" else []
    if reason.code == "memory_limit":
        evidence.append(str(reason))
    elif not evidence:
        evidence.append("it was ended by signal 9 (SIGKILL), as the system does when memory runs out")
    return Hint("out_of_memory", "Memory ran out.", (*evidence, *_memory(failure)))


def _memory(failure: Failure) -> tuple[str, ...]:
    held = [sample[2] for sample in failure.samples if len(sample) > 2]
    peak = max([*held, failure.peak_rss or 0])
    if not peak:
        return ()
    words = f"it held up to {_bytes(peak)}"
    if held:
        words += f", {_bytes(held[-1])} in its last sample"
    if failure.memory_limit:
        words += f"; its limit is {_bytes(failure.memory_limit)}"
    elif failure.machine_memory:
        words += f"; the machine has {_bytes(failure.machine_memory)}"
    return (words,)


def _slow_cells(failure: Failure) -> tuple[str, ...]:
    """Name the slowest cells before the one that failed."""
    took = []
    number = 0
    for cell in failure.cells:
        number += cell.get("cell_type") == "code"
        facts = (cell.get("metadata") or {}).get("papermill") or {}
        seconds = facts.get("duration")
        if isinstance(seconds, int | float) and seconds >= 1:
            took.append((float(seconds), number))
    return tuple(f"cell {number} took {seconds:.0f} s" for seconds, number in sorted(took, reverse=True)[:3])


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
