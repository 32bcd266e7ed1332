"""The process that loads one DAG file and says what is in it: ``python -m jupyter_flow.runner.parse_child SPOOL``."""

from __future__ import annotations

import json
import linecache
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ..authoring import variable
from ..authoring.dag import DAG
from ..authoring.exceptions import DagError, FlowWarning
from ..authoring.to_spec import to_spec
from ..model.errors import FlowError, NoHost, NotFound
from ..model.records import ParseReport, ParseRequest, parse_timeout_message
from ..model.spec import DagSpec, plain
from ..model.timetable_records import TimetableRequest
from ..wire.arming import arm_process, hide_faults
from ..wire.client import HouseClient
from .ask_timetable import check_timetables
from .dag_loader import DagFileLoader
from .fork_hygiene import become_subreaper
from .leftovers import end_leftovers
from .read_files import noting_reads
from .spool_files import RESULT, save_atomically
from .template_files import with_includes

SPEC = "spec.json"
_MESSAGE = 500
_TRACEBACK = 20_000
_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep


class _Overdue(BaseException):
    """The file takes too long: raised where it stands, so that its place is known."""


def run(request: ParseRequest) -> ParseReport:
    """Load the file and return what it holds; the same is written to ``result.json`` in ``request.spool``."""
    report = load(request)
    data = json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":"))
    save_atomically(Path(request.spool) / RESULT, data.encode("utf-8", "backslashreplace"), name="parse_report")
    return report


def load(request: ParseRequest) -> ParseReport:
    """Load the file and return what it holds. No failure of the file comes through: it is in ``error``."""
    started = time.monotonic()
    loader = DagFileLoader(request.dag_folder, request.dag_file, request.overlay)
    specs: list[DagSpec] = []
    modules: tuple[str, ...] = (loader.path,)
    reads: set[str] = set()
    lines: dict[str, dict[str, int]] = {}
    error: dict[str, Any] | None = None
    variable.set_parse_reader(lambda key: ask_variable(request.home, key))
    try:
        with warnings.catch_warnings(record=True) as caught, loader:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", FlowWarning)
            warnings.simplefilter("always", SyntaxWarning)
            try:
                with noting_reads(loader.folder) as reads, at_most(request.timeout):
                    file = loader.load()
                    specs = [
                        to_spec(dag, request.dag_file, request.default_timezone, request.strict) for dag in file.dags
                    ]
                    check_timetables(file.dags, specs, loader.path)
                modules = (*file.modules, *reads)
                lines = {dag.dag_id: _lines(dag, loader) for dag in file.dags}
            except BaseException as problem:
                error = describe(problem, loader)
                modules = (*loader.modules(), *reads)
    finally:
        variable.set_parse_reader(None)
    return ParseReport(
        dag_file=request.dag_file,
        dags=() if error else tuple(plain(spec) for spec in specs),
        error=error,
        warnings=tuple(_warnings(caught, loader)),
        modules=tuple(sorted({*_relative(modules, loader.folder)})),
        files=tuple(sorted(_static_files(specs, loader))),
        seconds=round(time.monotonic() - started, 6),
        lines={} if error else lines,
    )


@contextmanager
def at_most(seconds: float | None) -> Iterator[None]:
    """Interrupt what runs inside after ``seconds``. What swallows that is killed by the house a little later."""
    if seconds is None:
        yield
        return

    deadline = time.monotonic() + seconds

    def overdue(*_: object) -> None:
        if (left := deadline - time.monotonic()) <= 0:
            raise _Overdue(parse_timeout_message(seconds))
        signal.setitimer(signal.ITIMER_REAL, left)  # the file used the alarm for itself: ours comes later

    signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _lines(dag: DAG, loader: DagFileLoader) -> dict[str, int]:
    places = {"": dag.location, **{task.task_id: task.location for task in dag.tasks}}
    return {task_id: line for task_id, (file, line) in places.items() if file == loader.path}


def describe(problem: BaseException, loader: DagFileLoader) -> dict[str, Any]:
    """Return ``{"line", "message", "traceback"}`` of what loading the file raised.

    ``line`` is the line of the DAG file (in a DAG notebook: of the cell) that was at fault or was running.
    """
    shown = _cut(problem)
    line, place = _place(problem, loader)
    return {
        "line": line,
        "message": _one_line(f"{place}{_words(problem)}"),
        "traceback": shown[-_TRACEBACK:],
    }


def _words(problem: BaseException) -> str:
    if isinstance(problem, (FlowError, _Overdue)):
        return str(problem)
    if isinstance(problem, SystemExit):
        return f"the file ends the process: sys.exit({problem.code!r}) must not run when it is loaded"
    if isinstance(problem, KeyboardInterrupt):
        return "KeyboardInterrupt while the file was loaded"
    if isinstance(problem, MemoryError):
        return "MemoryError: loading the file needs more memory than it may have"
    if isinstance(problem, ModuleNotFoundError) and problem.name:
        return f"no module named {problem.name!r}: install it into this environment, or put it beside the DAG file"
    if isinstance(problem, SyntaxError):
        return f"{type(problem).__name__}: {problem.msg}"
    try:
        text = str(problem)
    except Exception:
        text = "(its text cannot be read)"
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


def _place(problem: BaseException, loader: DagFileLoader) -> tuple[int | None, str]:
    """Return the line in the DAG file, and where else the problem is, as the beginning of a sentence."""
    lines: list[tuple[str, int]] = [
        (frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(problem.__traceback__)
    ]
    if isinstance(problem, SyntaxError) and problem.filename and problem.lineno:
        lines.append((problem.filename, problem.lineno))
    if isinstance(problem, DagError) and problem.location:
        lines.append(problem.location)
    own = [(file, line) for file, line in lines if _is_dag_file(file, loader)]
    beneath = [(file, line) for file, line in lines if file.startswith(loader.folder + os.sep)]
    line = own[-1][1] if own else None
    cell = own[-1][0].partition("[")[2].rstrip("]") if own else ""
    if beneath and not _is_dag_file(beneath[-1][0], loader):
        file, at = beneath[-1]
        return line, f"{os.path.relpath(file, loader.folder)}, line {at}: "
    return line, f"{cell}: " if cell else ""


def _is_dag_file(name: str, loader: DagFileLoader) -> bool:
    return name == loader.path or name.startswith(f"{loader.path}[")


def _cut(problem: BaseException) -> str:
    """The traceback without our own frames and the import machinery."""
    try:
        whole = traceback.TracebackException.from_exception(problem, limit=-50)
        part: traceback.TracebackException | None = whole
        while part is not None:
            kept = [frame for frame in part.stack if not _is_ours(frame.filename)]
            part.stack = traceback.StackSummary.from_list(kept)
            part = part.__cause__ or part.__context__
        text = "".join(whole.format())
        if isinstance(problem, DagError) and problem.location and not whole.stack:
            file, line = problem.location
            at = traceback.StackSummary.from_list([(file, line, "<module>", linecache.getline(file, line).strip())])
            text = f"Traceback (most recent call last):\n{''.join(at.format())}{text}"
        return text
    except Exception:  # an exception whose own methods fail
        return f"{type(problem).__name__}\n"


def _is_ours(name: str) -> bool:
    return name.startswith((_PACKAGE, "<frozen importlib"))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 1] + "…"


def _warnings(caught: list[warnings.WarningMessage], loader: DagFileLoader) -> Iterator[dict[str, Any]]:
    for item in caught:
        if not item.filename.startswith(loader.folder):
            continue
        own = _is_dag_file(item.filename, loader)
        cell = item.filename.partition("[")[2].rstrip("]") if own else ""
        place = "" if own else f"{os.path.relpath(item.filename, loader.folder)}, line {item.lineno}: "
        yield {
            "line": item.lineno if own else None,
            "message": _one_line(f"{cell + ': ' if cell else place}{item.message}"),
        }


def _relative(paths: tuple[str, ...], folder: str) -> Iterator[str]:
    for path in paths:
        if path.startswith(folder + os.sep):
            yield PurePosixPath(os.path.relpath(path, folder)).as_posix()


def _static_files(specs: list[DagSpec], loader: DagFileLoader) -> set[str]:
    base = os.path.dirname(loader.path)
    found: set[str] = set()
    for spec in specs:
        named = {os.path.normpath(os.path.join(base, path)) for task in spec.tasks for path in task.files}
        folders = [base, *(os.path.normpath(os.path.join(base, folder)) for folder in spec.template_searchpath)]
        found |= with_includes(named, folders)
    return set(_relative(tuple(found), loader.folder))


def ask_variable(home: str, key: str) -> str | None:
    """Ask the house for a variable while a DAG file is loaded. None if it is not set."""
    try:
        with HouseClient(Path(home), {"actor": {"user": "parse", "auth": "parse"}}, timeout=5.0) as client:
            answer = client.call("variables.get", key=key)
    except NotFound:
        return None
    except NoHost:
        raise RuntimeError(
            f"variable {key!r} cannot be read here, because no house answers: "
            f"use a template {{{{ var.value.{key} }}}}, or read it inside the task"
        ) from None
    value = answer.get("value") if isinstance(answer, dict) else answer
    return None if value is None else str(value)


def main_in_fork(spool: str) -> int:
    """Do what ``spool``/spec.json asks; the exit code is 0 whenever a report was written.

    What the DAG file has started ends with its parse: it would be started again by every later one.
    """
    become_subreaper()
    hide_faults()
    request = json.loads((Path(spool) / SPEC).read_bytes())
    if request["kind"] == "timetable":
        from . import timetable_child  # it loads DAG files as we do

        timetable_child.run(TimetableRequest(**request))
    else:
        run(ParseRequest(**request))
    end_leftovers(None, grace=0.0, thorough=False)
    return 0


if __name__ == "__main__":
    arm_process("parser")
    sys.exit(main_in_fork(sys.argv[1]))
