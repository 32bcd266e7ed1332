"""Writes what a parse gave: DAGs with their bundles, import errors and warnings. In the caller's transaction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from ..model.assets import uses_in
from ..model.config import FlowConfig
from ..model.errors import Conflict
from ..model.rows import Dag, DagFile, ImportProblem
from ..storage import assets, dag_files, dags
from .bundles import make_bundle
from .parsed import ParsedFile, Problem


@dataclass(frozen=True)
class Applied:
    """DAGs whose next run must be computed anew, ids of DAGs that went, and whether anything at all is news.

    ``in_conflict``: a name in the file belongs to another file. ``freed``: names of assets may be free now.
    """

    reschedule: tuple[Dag, ...]
    gone: tuple[str, ...]
    changed: bool
    in_conflict: bool = False
    freed: bool = False


def bundle_of(parsed: ParsedFile, bundles: Path) -> str | None:
    """Make the bundle of a file that loaded; None if it has no DAG to run from it."""
    return make_bundle(bundles, parsed.folder, parsed.files) if parsed.dags else None


def apply_parsed(
    connection: Connection, parsed: ParsedFile, bundle_hash: str | None, config: FlowConfig, now: datetime
) -> Applied:
    """Store the DAGs of ``parsed``, or its problems: then the DAGs stay as they were last good.

    A ``dag_id`` that another file defines already is an import error of this file, naming both.
    """
    folder, problems = str(parsed.folder), list(parsed.problems)
    reschedule: list[Dag] = []
    gone: list[str] = []
    changed = in_conflict = freed = False
    if bundle_hash is not None:
        dags.record_bundle(connection, bundle_hash, parsed.files, _size(parsed), now)
        gone = dags.deactivate(connection, folder, parsed.dag_file, {dag.dag_id for dag in parsed.dags}, now)
        for spec in parsed.dags:
            paused = spec.is_paused_upon_creation
            uses = uses_in(spec)
            try:
                assets.check_names(connection, folder, parsed.dag_file, spec.dag_id, uses)
                stored = dags.store_dag(
                    connection,
                    spec,
                    dag_folder=folder,
                    bundle_hash=bundle_hash,
                    now=now,
                    paused=config.dags_are_paused_at_creation if paused is None else paused,
                )
            except Conflict as conflict:
                in_conflict = True
                problems.append(Problem(f"{parsed.dag_file}: {conflict}", parsed.lines.get(spec.dag_id)))
                continue
            changed = changed or stored.changed
            if stored.changed:
                freed = assets.store_uses(connection, spec.dag_id, uses, now) or freed
            if stored.schedule_changed or (stored.changed and spec.schedule.kind == "custom"):
                reschedule.append(stored.dag)
    elif not parsed.failed:
        gone = dags.deactivate(connection, folder, parsed.dag_file, (), now)
    rows = [_row(folder, parsed.dag_file, problem, now) for problem in problems]
    news = dag_files.replace_problems(connection, folder, parsed.dag_file, rows, now)
    dag_files.record_file(connection, _file(parsed, now))
    return Applied(tuple(reschedule), tuple(gone), bool(changed or gone or news), in_conflict, freed)


def apply_gone(connection: Connection, folder: str, dag_file: str, now: datetime) -> tuple[str, ...]:
    """Forget a DAG file that is no more; its DAGs become inactive. Returns their ids."""
    gone = dags.deactivate(connection, folder, dag_file, (), now)
    dag_files.replace_problems(connection, folder, dag_file, (), now)
    dag_files.forget_file(connection, folder, dag_file)
    return tuple(gone)


def _row(folder: str, dag_file: str, problem: Problem, now: datetime) -> ImportProblem:
    trace = None if problem.traceback is None else _storable(problem.traceback)
    return ImportProblem(folder, dag_file, problem.line, _storable(problem.message), trace, now, problem.kind)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _file(parsed: ParsedFile, now: datetime) -> DagFile:
    path = parsed.folder / parsed.dag_file
    try:
        info = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        size, mtime = info.st_size, info.st_mtime_ns
    except OSError:
        size, mtime, digest = 0, 0, ""
    return DagFile(str(parsed.folder), parsed.dag_file, size, mtime, digest, parsed.files, now)


def _size(parsed: ParsedFile) -> int:
    total = 0
    for name in parsed.files:
        try:
            total += (parsed.folder / name).stat().st_size
        except OSError:
            continue
    return total
