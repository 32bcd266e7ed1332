"""DAG files as last parsed, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from ..model.rows import DagFile, ImportProblem
from .events import append
from .schema import dag_file, import_problem

_THIS_FILE = (dag_file.c.dag_folder == bindparam("b_folder")) & (dag_file.c.dag_file == bindparam("b_file"))
_UPDATE_FILE = update(dag_file).where(_THIS_FILE)
_DELETE_FILE = delete(dag_file).where(_THIS_FILE)
_INSERT_FILE = insert(dag_file)
_ITS_PROBLEMS = (import_problem.c.dag_folder == bindparam("b_folder")) & (
    import_problem.c.dag_file == bindparam("b_file")
)
_PROBLEMS = select(import_problem).where(_ITS_PROBLEMS).order_by(import_problem.c.id)
_DELETE_PROBLEMS = delete(import_problem).where(_ITS_PROBLEMS)


def known_files(connection: Connection) -> dict[tuple[str, str], DagFile]:
    """Return (DAG folder, DAG file) -> the file as it was when last parsed."""
    found = connection.execute(select(dag_file))
    return {(row.dag_folder, row.dag_file): _to_file(row) for row in found}


def record_file(connection: Connection, file: DagFile) -> None:
    """Remember that ``file`` was parsed as it is."""
    values = asdict(file) | {"depends_on": list(file.depends_on)}
    if connection.execute(_UPDATE_FILE, values | _place(file.dag_folder, file.dag_file)).rowcount == 0:
        connection.execute(_INSERT_FILE, [values])


def forget_file(connection: Connection, folder: str, file: str) -> None:
    """Forget a DAG file that is gone (its problems: :func:`replace_problems` with none)."""
    connection.execute(_DELETE_FILE, _place(folder, file))


def replace_problems(
    connection: Connection, folder: str, file: str, problems: Sequence[ImportProblem], now: datetime
) -> bool:
    """Let ``problems`` be all that is wrong with a DAG file; tell whether that is news (then with an event)."""
    known = connection.execute(_PROBLEMS, _place(folder, file)).all()
    if [_essence(_to_problem(row)) for row in known] == [_essence(problem) for problem in problems]:
        return False
    connection.execute(_DELETE_PROBLEMS, _place(folder, file))
    if problems:
        connection.execute(insert(import_problem), [asdict(problem) for problem in problems])
    append(connection, "import_errors_changed", now)
    return True


def add_problem(connection: Connection, problem: ImportProblem, now: datetime) -> None:
    """Note one thing more that is wrong with a DAG file, until it is parsed again (once, with an event)."""
    known = connection.execute(_PROBLEMS, _place(problem.dag_folder, problem.dag_file)).all()
    if _essence(problem) not in [_essence(_to_problem(row)) for row in known]:
        connection.execute(insert(import_problem), [asdict(problem)])
        append(connection, "import_errors_changed", now)


def list_problems(connection: Connection, kind: str | None = None) -> list[ImportProblem]:
    """Return all problems (``kind``: only errors or only warnings) by file and line."""
    query = select(import_problem).order_by(import_problem.c.dag_file, import_problem.c.line, import_problem.c.id)
    if kind is not None:
        query = query.where(import_problem.c.kind == kind)
    return [_to_problem(row) for row in connection.execute(query)]


def _place(folder: str, file: str) -> dict[str, str]:
    return {"b_folder": folder, "b_file": file}


def _essence(problem: ImportProblem) -> tuple[Any, ...]:
    return (problem.kind, problem.dag_id, problem.line, problem.message, problem.traceback)


def _to_file(row: Row[Any]) -> DagFile:
    return DagFile(
        row.dag_folder, row.dag_file, row.size, row.mtime_ns, row.sha256, tuple(row.depends_on), row.parsed_at
    )


def _to_problem(row: Row[Any]) -> ImportProblem:
    return ImportProblem(
        dag_folder=row.dag_folder,
        dag_file=row.dag_file,
        line=row.line,
        message=row.message,
        traceback=row.traceback,
        created_at=row.created_at,
        kind=row.kind,
        dag_id=row.dag_id,
    )
