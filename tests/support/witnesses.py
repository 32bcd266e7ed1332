"""Witnesses that do not ask our database: what really ran (W1, W2), which processes live (W4), what files hold (W5).

W3, the invariants of the rows, stands in ``invariants``. A DAG file whose tasks are to be witnessed begins with
:data:`TASK_SOURCE` (a notebook with :data:`NOTEBOOK_SOURCE`), and the house's environment has :func:`environment`:

    house.env.update(witnesses.environment(folder))
    house.write_dag(witnesses.TASK_SOURCE + '''
    with DAG("d") as dag:
        PythonOperator(task_id="t", python_callable=witnessed, op_kwargs={"seconds": 0.1})
    ''')
"""

from __future__ import annotations

import hashlib
import json
import os
import textwrap
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from jupyter_flow.storage import schema
from jupyter_flow.wire import kept

from .census import Found, attempt_processes

FOLDER_VARIABLE = "FLOW_WITNESSES"

_CORE = """
import contextlib, fcntl, hashlib, json, os, time

@contextlib.contextmanager
def witness(dag_id, run_id, task_id, map_index=-1):
    folder = os.environ["FLOW_WITNESSES"]
    facts = {"dag": dag_id, "run": run_id, "task": task_id, "map": map_index,
             "attempt": os.environ.get("JUPYTER_FLOW_ATTEMPT", ""), "pid": os.getpid()}

    def write(what):
        line = json.dumps({"what": what, **facts, "ns": time.monotonic_ns()}) + "\\n"
        journal = os.open(os.path.join(folder, "journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(journal, line.encode())
        os.close(journal)

    name = hashlib.sha256(f"{dag_id} {run_id} {task_id} {map_index}".encode()).hexdigest()[:32]
    lock = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        write("second holder")
        raise SystemExit(f"{task_id} of {run_id} runs already")
    write("start")
    yield facts
    write("end")
    os.close(lock)
"""
TASK_SOURCE = (
    _CORE
    + """
from jupyter_flow import DAG, BashOperator, EmptyOperator, NotebookOperator, PythonOperator, get_current_context

def witnessed(seconds=0.0, fail_until=0, gate=None):
    instance = get_current_context()["ti"]
    with witness(instance.dag_id, instance.run_id, instance.task_id, instance.map_index):
        time.sleep(seconds)
        while gate is not None and not os.path.exists(gate):
            time.sleep(0.02)
        if instance.try_number < fail_until:
            raise ValueError("not yet")
"""
)
"""Python for the head of a DAG file: ``witnessed`` is the callable of a task."""
NOTEBOOK_SOURCE = (
    _CORE
    + """
from contextlib import ExitStack
from jupyter_flow import flow

_facts = flow.context
_stack = ExitStack()
_stack.enter_context(witness(_facts["dag_id"], _facts["run_id"], _facts["task_id"], _facts.get("map_index", -1)))
"""
)
"""The first cell of a notebook; the last one is :data:`NOTEBOOK_END`."""
NOTEBOOK_END = "_stack.close()"


def environment(folder: Path) -> dict[str, str]:
    """Return what the environment of the host must have; makes ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    return {FOLDER_VARIABLE: str(folder)}


@dataclass(frozen=True)
class Entry:
    """A line of the journal. ``ns``: monotonic."""

    what: str
    dag: str
    run: str
    task: str
    map: int
    attempt: str
    pid: int
    ns: int

    @property
    def key(self) -> tuple[str, str, str, int]:
        return (self.dag, self.run, self.task, self.map)


@dataclass(frozen=True)
class Journal:
    """W1 and W2: what tasks wrote down themselves."""

    entries: list[Entry]

    @classmethod
    def read(cls, folder: Path) -> Journal:
        path = folder / "journal"
        lines = path.read_text().splitlines() if path.exists() else []
        return cls([Entry(**json.loads(line)) for line in lines])

    def count(self, what: str, task: str | None = None) -> int:
        return sum(entry.what == what and task in (None, entry.task) for entry in self.entries)

    def starts(self) -> dict[tuple[str, str, str, int], list[Entry]]:
        """Key -> its starts."""
        found: dict[tuple[str, str, str, int], list[Entry]] = defaultdict(list)
        for entry in self.entries:
            if entry.what == "start":
                found[entry.key].append(entry)
        return found

    def doubled(self) -> list[str]:
        """Say where two ran at once (W1), or one attempt ran twice (W2)."""
        found = [
            f"{entry.key}: attempt {entry.attempt} was a second holder"
            for entry in self.entries
            if entry.what == "second holder"
        ]
        attempts: dict[tuple[Any, ...], int] = defaultdict(int)
        for entry in self.entries:
            attempts[entry.what, *entry.key, entry.attempt] += 1
        return found + [f"{key}: {count} times" for key, count in attempts.items() if count > 1]


def disagreements(engine: Engine, folder: Path, optional: frozenset[str] = frozenset()) -> list[str]:
    """Say where the journal and the database differ. Tasks named in ``optional`` are not witnessed.

    Every start is of an attempt that was claimed, of this very task; every accepted success came to its end.
    """
    journal = Journal.read(folder)
    problems = journal.doubled()
    with engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(schema.task_instance))}
        attempts = {row.id: row for row in connection.execute(select(schema.attempt))}
    ended = {entry.attempt for entry in journal.entries if entry.what == "end"}
    witnessed = {(entry.dag, entry.task) for entry in journal.entries}
    for entry in journal.entries:
        attempt = attempts.get(entry.attempt)
        row = rows.get(attempt.task_instance_id) if attempt is not None else None
        if row is None:
            problems.append(f"{entry.key} ran as attempt {entry.attempt}, which the database does not know")
        elif (row.dag_id, row.run_id, row.task_id) != entry.key[:3]:
            problems.append(f"{entry.key} ran as attempt {entry.attempt}, which is one of {row.run_id}/{row.task_id}")
    for attempt in attempts.values():
        row = rows[attempt.task_instance_id]
        is_asked = (row.dag_id, row.task_id) in witnessed and row.task_id not in optional
        if attempt.outcome == "success" and is_asked and attempt.id not in ended:
            problems.append(f"{row.run_id}/{row.task_id}: attempt {attempt.id} is success but came to no end")
    return problems


def lost_finishes(engine: Engine, folder: Path) -> list[str]:
    """Say which tasks came to their end and are not recorded as over (ask when nothing runs any more)."""
    journal = Journal.read(folder)
    with engine.connect() as connection:
        attempts = {row.id: row for row in connection.execute(select(schema.attempt))}
    return [
        f"{entry.key}: attempt {entry.attempt} ended, the database says nothing of it"
        for entry in journal.entries
        if entry.what == "end" and (entry.attempt not in attempts or attempts[entry.attempt].finished_at is None)
    ]


def leftover_processes(engine: Engine, home: Path | None = None) -> list[str]:
    """W4: say which processes carry the tag of a finished attempt.

    Those of kernels that the house at ``home`` keeps may, until their time is over.
    """
    with engine.connect() as connection:
        finished = connection.execute(select(schema.attempt.c.id).where(schema.attempt.c.finished_at.is_not(None)))
        wanted = {row.id for row in finished}
    now = time.time()
    notes = kept.read_all(home) if home is not None else []
    wanted -= {item.attempt_id for item in notes if item.is_held and now < item.until + 1}
    return [f"attempt {name} is finished: {process}" for name, process in _tagged() if name in wanted]


def _tagged() -> list[tuple[str, Found]]:
    """Return attempt id and process of all processes with a tag."""
    mark = b"JUPYTER_FLOW_ATTEMPT="
    names: set[str] = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                environ = Path(entry.path, "environ").read_bytes()
            except OSError:
                continue
            names |= {part[len(mark) :].decode() for part in environ.split(b"\0") if part.startswith(mark)}
    return [(name, process) for name in names if name.strip("0") for process in attempt_processes(name)]


def broken_files(engine: Engine, spool: Path) -> list[str]:
    """W5: say which final files do not parse, or are not those whose digest the database has."""
    problems = []
    with engine.connect() as connection:
        attempts = list(connection.execute(select(schema.attempt).where(schema.attempt.c.outcome.is_not(None))))
    for attempt in attempts:
        if attempt.outcome in ("lost", "stale"):
            continue
        folder = spool / attempt.id
        # who was cancelled and ended without a result is over all the same: the house says so itself
        has_result = attempt.outcome == "success" or (folder / "result.json").exists()
        checks: list[tuple[str, str | None, int | None]] = [("result.json", None, None)] if has_result else []
        checks += [("log.jsonl", attempt.log_sha256, attempt.log_size)] if attempt.log_sha256 else []
        if attempt.notebook_path and attempt.notebook_sha256:
            checks += [(Path(attempt.notebook_path).name, attempt.notebook_sha256, attempt.notebook_size)]
        for name, digest, size in checks:
            problems += [f"attempt {attempt.id}: {name} {why}" for why in _file_problems(folder / name, digest, size)]
    return problems


def _file_problems(path: Path, digest: str | None, size: int | None) -> list[str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    try:
        for text in data.splitlines() if path.suffix == ".jsonl" else [data]:
            json.loads(text)
    except ValueError as error:
        return [f"does not parse: {error}"]
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        return [f"has {len(data)} bytes that are not those in the database ({size} bytes)"]
    return []


def dedent(text: str) -> str:
    """Return the head for witnessed tasks with ``text``, dedented, after it: a DAG file."""
    return TASK_SOURCE + textwrap.dedent(text)
