"""What can be said of DAG folders without a host and without a database: by parsing them now."""

from __future__ import annotations

import select
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..execution.children import Launcher
from ..execution.local import make_launcher
from ..model.changes import RunInfo
from ..model.config import FlowConfig
from ..model.errors import FlowError, InvalidInput, NotFound
from ..model.instants import from_iso, from_iso_or_none
from ..model.spec import DagSpec
from ..model.timetable import Timetable
from ..model.timetable_records import TimetableReport, TimetableRequest
from ..parsing.loop import File, ParseLoop
from ..parsing.parsed import ParsedFile, Problem
from ..parsing.scan import FolderScan
from ..parsing.timetables import TimetableLoop
from ..wire.paths import runtime_dir
from . import documents
from .clock import SystemClock
from .custom_timetables import infos_of, upcoming_request
from .documents import Document

FEW = 6
"""Up to so many files are parsed in processes started from scratch: a forkserver would not pay."""


def parse_folders(config: FlowConfig) -> list[ParsedFile]:
    """Parse every DAG file of the DAG folders, in bounded children, and return them by folder and name."""
    for folder in config.dag_folders:
        if not folder.is_dir():
            raise InvalidInput(f"DAG folder {folder} is not a folder: name one with --dags DIR")
    scans = [FolderScan(folder.resolve()) for folder in config.dag_folders]
    files = [(scan.folder, name) for scan in scans for name in scan.look().changed]
    return _refuse_duplicates(_parse(config, files))


def parse_file(config: FlowConfig, path: Path) -> ParsedFile:
    """Parse one DAG file, in a bounded child."""
    real = path.resolve()
    if not real.is_file():
        raise InvalidInput(f"{path}: no such file")
    for folder in config.dag_folders:
        if real.is_relative_to(folder.resolve()):
            (parsed,) = _parse(config, [(folder.resolve(), real.relative_to(folder.resolve()).as_posix())])
            return parsed
    (parsed,) = _parse(config, [(real.parent, real.name)])
    return parsed


def parse_text(config: FlowConfig, folder: Path, dag_file: str, text: str) -> ParsedFile:
    """Parse ``dag_file`` of ``folder`` as if it held ``text``, in a bounded child; nothing is written there."""
    with tempfile.TemporaryDirectory(prefix="jupyter-flow-") as scratch:
        overlay = Path(scratch)
        candidate = overlay / dag_file
        candidate.parent.mkdir(parents=True, exist_ok=True)
        candidate.write_text(text, encoding="utf-8", newline="")
        (parsed,) = _parse(config, [(folder, dag_file)], overlay)
    return parsed


def list_dags(config: FlowConfig) -> Document:
    """The DAGs of the folders, in the shape of :func:`.views.list_dags`."""
    found = parse_folders(config)
    return {"dags": [_dag(config, parsed, dag) for parsed, dag in _dags(found)]}


def show_dag(config: FlowConfig, dag_id: str) -> Document:
    """One DAG with its graph, in the shape of :func:`.views.show_dag`."""
    parsed, dag = _find(config, dag_id)
    return {**_dag(config, parsed, dag), **documents.graph_document(dag)}


def next_runs(config: FlowConfig, dag_id: str, count: int = 1, after: str | None = None) -> list[Document]:
    """The next scheduled runs of a DAG, in the shape of :func:`.views.next_runs`."""
    parsed, dag = _find(config, dag_id)
    start = from_iso(after) if after is not None else SystemClock().wall()
    if dag.schedule.kind == "custom":
        upcoming = _ask(config, parsed, dag, start, count)
    else:
        upcoming = Timetable(dag.schedule, dag.timezone).upcoming(
            start, count, from_iso_or_none(dag.start_date), from_iso_or_none(dag.end_date)
        )
    return [documents.next_run_document(info) for info in upcoming]


def list_errors(config: FlowConfig) -> list[Document]:
    """Errors and warnings of the DAG files, in the shape of :func:`.views.list_errors`."""
    return [
        {
            "file": parsed.dag_file,
            "folder": str(parsed.folder),
            "line": problem.line,
            "message": problem.message,
            "traceback": problem.traceback,
            "kind": problem.kind,
        }
        for parsed in parse_folders(config)
        for problem in parsed.problems
    ]


def _ask(config: FlowConfig, parsed: ParsedFile, dag: DagSpec, after: datetime, count: int) -> list[RunInfo]:
    """Return what the custom timetable of ``dag`` says. Raises :class:`FlowError` with what is wrong with it."""
    request = TimetableRequest(str(parsed.folder), parsed.dag_file, "", dag.dag_id, "", "", end_date=dag.end_date)
    start_date, now = from_iso_or_none(dag.start_date), SystemClock().wall()
    request = upcoming_request(request, start_date, after, count, now)
    answers: list[TimetableReport] = []
    with _children(config, few=True) as (home, launcher):
        loop = TimetableLoop(config, launcher, home)
        loop.ask(request, answers.append)
        _run_to_end(loop, launcher)
    (answer,) = answers
    if answer.error is not None:
        raise FlowError(f"DAG {dag.dag_id!r}: {answer.error}")
    return infos_of(answer)


def _parse(config: FlowConfig, files: Sequence[File], overlay: Path | None = None) -> list[ParsedFile]:
    with _children(config, few=len(files) <= FEW) as (home, launcher):
        loop = ParseLoop(config, launcher, home, overlay)
        for file in files:
            loop.enqueue(file)
        _run_to_end(loop, launcher)
        return sorted(loop.finished, key=lambda item: (item.folder, item.dag_file))


@contextmanager
def _children(config: FlowConfig, few: bool) -> Iterator[tuple[Path, Launcher]]:
    """Start children from a home that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="jupyter-flow-") as scratch:
        home = Path(scratch)
        launcher = make_launcher(replace(config, home=home, forkservers=config.forkservers and not few))
        try:
            yield home, launcher
        finally:
            launcher.close()
            shutil.rmtree(runtime_dir(home), ignore_errors=True)


def _run_to_end(loop: ParseLoop | TimetableLoop, launcher: Launcher) -> None:
    clock = SystemClock()
    try:
        loop.pump(clock.monotonic())
        while loop.busy:
            deadline = loop.next_deadline()
            wait = None if deadline is None else max(0.0, deadline - clock.monotonic())
            select.select(launcher.fileobjs(), [], [], wait)
            loop.take(launcher.notices())
            loop.pump(clock.monotonic())
    finally:
        loop.close()


def _dags(found: Sequence[ParsedFile]) -> list[tuple[ParsedFile, DagSpec]]:
    return sorted(((parsed, dag) for parsed in found for dag in parsed.dags), key=lambda item: item[1].dag_id)


def _find(config: FlowConfig, dag_id: str) -> tuple[ParsedFile, DagSpec]:
    found = parse_folders(config)
    for parsed, dag in _dags(found):
        if dag.dag_id == dag_id:
            return parsed, dag
    broken = sum(parsed.failed for parsed in found)
    hint = f"; {broken} DAG files do not load: `jupyter flow dags errors`" if broken else ""
    raise NotFound(f"DAG {dag_id!r} does not exist{hint}")


def _dag(config: FlowConfig, parsed: ParsedFile, dag: DagSpec) -> Document:
    start, end = from_iso_or_none(dag.start_date), from_iso_or_none(dag.end_date)
    info = Timetable(dag.schedule, dag.timezone).next_run(None, SystemClock().wall(), start, end, dag.catchup)
    paused = dag.is_paused_upon_creation
    return {
        **documents.spec_document(dag),
        "is_paused": config.dags_are_paused_at_creation if paused is None else paused,
        "is_active": True,
        "dag_folder": str(parsed.folder),
        "version": None,
        "warnings": [problem.message for problem in parsed.problems if problem.kind == "warning"],
        "next_run": None if info is None else documents.next_run_document(info),
        "recent_runs": [],
    }


def _refuse_duplicates(found: Sequence[ParsedFile]) -> list[ParsedFile]:
    """Let a ``dag_id`` that an earlier file defines be an error of the later file, as a host does."""
    owners: dict[str, str] = {}
    result = []
    for parsed in found:
        problems = []
        for dag in parsed.dags:
            if (owner := owners.setdefault(dag.dag_id, parsed.dag_file)) != parsed.dag_file:
                text = f"{parsed.dag_file}: DAG id {dag.dag_id!r} is defined in {owner} already: rename one of the two"
                problems.append(Problem(text, parsed.lines.get(dag.dag_id)))
        kept = tuple(dag for dag in parsed.dags if owners[dag.dag_id] == parsed.dag_file)
        result.append(replace(parsed, dags=kept, problems=(*parsed.problems, *problems)))
    return result
