"""From a parse child's report, or its end without one, to a :class:`ParsedFile`. Reports are read with suspicion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..execution.children import Exited
from ..model.assets import contradiction
from ..model.errors import FlowError
from ..model.ids import check_id, check_name
from ..model.records import ParseReport, parse_timeout_message
from ..model.schedule_checks import check_schedule
from ..model.spec import DagSpec, canonical, dag_from_json
from .notebooks import check_notebooks
from .parsed import ParsedFile, Problem
from .scan import is_text


def from_report(report: ParseReport, folder: Path, dag_file: str, root: Path) -> ParsedFile:
    """Check what a parse child reported of ``dag_file``; every defect becomes a problem of this file only."""
    problems = [_problem(warning, "warning") for warning in report.warnings]
    dags: list[DagSpec] = []
    if report.error is not None:
        problems.append(_problem(report.error, "error"))
    for data in report.dags:
        try:
            dag = _checked(data, dag_file)
        except (FlowError, ValueError, TypeError, KeyError, AttributeError) as error:
            problems.append(Problem(f"the parsed DAG is not usable: {error}"))
            continue
        dags.append(dag)
        problems += check_notebooks(dag, folder, root, _lines(report, dag.dag_id))
    seen: set[str] = set()
    for dag in dags:
        if dag.dag_id in seen:
            problems.append(Problem(f"dag_id {dag.dag_id!r} is defined twice in {dag_file}: rename one"))
        seen.add(dag.dag_id)
    if (wrong := contradiction(dags)) is not None:
        problems.append(Problem(wrong))
    files = tuple(sorted({dag_file, *_paths(report.modules), *_paths(report.files)}))
    lines = {dag.dag_id: line for dag in dags if (line := _lines(report, dag.dag_id).get("")) is not None}
    parsed = ParsedFile(folder, dag_file, tuple(dags), tuple(problems), files, float(report.seconds), lines)
    return replace(parsed, dags=()) if parsed.failed else parsed


def without_mail(parsed: ParsedFile) -> ParsedFile:
    """Add one warning per DAG that wants mail to be sent: nobody has said how."""
    wanted = [dag.dag_id for dag in parsed.dags if any(task.email for task in dag.tasks)]
    text = "email is set but smtp_host is not: no mail is sent (set c.JupyterFlow.smtp_host)"
    more = [Problem(f"DAG {dag_id!r}: {text}", parsed.lines.get(dag_id), kind="warning") for dag_id in wanted]
    return replace(parsed, problems=(*parsed.problems, *more))


def without_report(ended: Exited | None, timeout: float, folder: Path, dag_file: str) -> ParsedFile:
    """Say how the parse of ``dag_file`` ended without a report. ``ended`` None: it was killed over its timeout."""
    if ended is None:
        message = parse_timeout_message(timeout)
    elif ended.problem:
        message = f"the parse could not run: {ended.problem}"
    elif ended.signal is not None:
        message = f"the file's process was killed by signal {ended.signal}"
    else:
        message = f"the file ended the process with exit code {ended.exit_code} (os._exit?)"
    return ParsedFile(folder, dag_file, (), (Problem(message),), (dag_file,))


def bad_report(message: str, folder: Path, dag_file: str) -> ParsedFile:
    """Say that what the parse child left cannot be used."""
    problem = Problem(f"what the file left as its result is not usable: {message[:500]}")
    return ParsedFile(folder, dag_file, (), (problem,), (dag_file,))


def _checked(data: Mapping[str, Any], dag_file: str) -> DagSpec:
    dag = dag_from_json(data)
    check_id(dag.dag_id, "dag_id")
    known: set[str] = set()
    for task in dag.tasks:
        check_id(task.task_id, "task_id")
        check_name(task.pool, f"pool of task {task.task_id!r}:")
        check_name(task.queue, f"queue of task {task.task_id!r}:")
        if task.resource_group:
            check_name(task.resource_group, f"resource_group of task {task.task_id!r}:")
        if unknown := set(task.upstream) - known:
            raise ValueError(f"task {task.task_id!r} is not after its upstream {sorted(unknown)}")
        known.add(task.task_id)
    if len(known) != len(dag.tasks):
        raise ValueError("a task_id stands twice")
    if (wrong := check_schedule(dag.schedule, dag.timezone)) is not None:
        raise ValueError(wrong)
    if dag.dag_file != dag_file:
        raise ValueError(f"it names the DAG file {dag.dag_file!r}")
    try:
        canonical(dag).encode()
    except UnicodeEncodeError as error:
        before = error.object[max(0, error.start - 40) : error.start]
        raise ValueError(f"half of a surrogate pair, which is no text, stands after {before!r}") from None
    return dag


def _problem(data: Mapping[str, Any], kind: Any) -> Problem:
    line, trace = data.get("line"), data.get("traceback")
    return Problem(
        str(data.get("message") or "unknown error")[:4000],
        line if type(line) is int else None,
        trace[:100_000] if isinstance(trace, str) else None,
        kind,
    )


def _lines(report: ParseReport, dag_id: str) -> dict[str, int]:
    found = report.lines.get(dag_id) if isinstance(report.lines, Mapping) else None
    return {key: line for key, line in found.items() if type(line) is int} if isinstance(found, Mapping) else {}


def _paths(names: tuple[Any, ...]) -> list[str]:
    return [name for name in names if isinstance(name, str) and _is_path(name)]


def _is_path(name: str) -> bool:
    return is_text(name) and not name.startswith("/") and ".." not in name.split("/")
