"""Workloads without a host, and a loop that runs an executor as a host does."""

from __future__ import annotations

import select
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from jupyter_flow.execution.children import Exited, Notice, Started
from jupyter_flow.execution.executor import Executor
from jupyter_flow.execution.local import LocalExecutor, make_executor
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Limits, RunFacts, Workload
from jupyter_flow.model.spec import TaskSpec

T = TypeVar("T")
NOON = "2026-01-01T12:00:00+00:00"
RUN = RunFacts(
    dag_id="example",
    run_id="manual__1",
    run_type="manual",
    logical_date=NOON,
    data_interval_start=NOON,
    data_interval_end=NOON,
    queued_at=NOON,
    start_date=NOON,
    conf={},
    params={},
    triggered_by="test",
    timezone="UTC",
)


def config_of(base: Path, **settings: Any) -> FlowConfig:
    """A house's settings with its home under ``base`` and a short kill grace."""
    home = base / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    settings.setdefault("limits", Limits(kill_grace=0.5))
    return FlowConfig(home=home, **settings)


def workload_of(config: FlowConfig, folder: Path, task: TaskSpec, **fields: Any) -> Workload:
    """One attempt of ``task``, whose DAG file stands in ``folder``."""
    attempt_id = uuid.uuid4().hex
    return Workload(
        attempt_id=attempt_id,
        attempt_number=1,
        try_number=1,
        max_tries=1,
        map_index=-1,
        task=task,
        run=RUN,
        dag_file="example.py",
        dag_folder=str(folder),
        root=str(folder),
        bundle=str(folder),
        cwd=str(folder),
        spool=str(config.home / "spool" / attempt_id),
        home=str(config.home),
        limits=config.limits,
        **fields,
    )


def bash(command: str, **fields: Any) -> TaskSpec:
    """A task that runs ``command`` in bash."""
    return TaskSpec(
        task_id="bash",
        operator="BashOperator",
        operator_ref="jupyter_flow.operators.bash:BashOperator",
        arguments={"bash_command": command},
        **fields,
    )


def empty() -> TaskSpec:
    """A task that does nothing."""
    return TaskSpec(
        task_id="empty", operator="EmptyOperator", operator_ref="jupyter_flow.operators.empty:EmptyOperator"
    )


def notebook(path: str, **arguments: Any) -> TaskSpec:
    """A task that runs the notebook at ``path`` (relative to the DAG file)."""
    return TaskSpec(
        task_id="notebook",
        operator="NotebookOperator",
        operator_ref="jupyter_flow.operators.notebook:NotebookOperator",
        arguments={"notebook": path, **arguments},
        files=(path,),
    )


class Loop:
    """Drives an executor as the host's loop does, and keeps all notices."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.notices: list[Notice] = []

    def until(self, condition: Callable[[], T], what: str, timeout: float = 60.0) -> T:
        """Run the loop until ``condition`` holds; fail with ``what`` at the deadline."""
        deadline = time.monotonic() + timeout
        while True:
            if value := condition():
                return value
            self.executor.tick(time.monotonic())
            if news := self.executor.notices():
                self.notices += news
                for notice in news:
                    if isinstance(notice, Started) and notice.kind == "task":
                        self.executor.recorded(notice.key, True)
                continue
            now = time.monotonic()
            assert now < deadline, f"not within {timeout:g} s: {what}; notices: {self.notices}"
            due = self.executor.next_tick()
            pause = 0.05 if due is None else min(0.05, max(0.0, due - now))
            select.select(list(self.executor.fileobjs()), [], [], pause)

    def started(self, key: str) -> Started:
        """Wait for the start of ``key``."""
        found = self.until(lambda: [item for item in self.notices if _is(item, Started, key)], f"start of {key}")[0]
        assert isinstance(found, Started)
        return found

    def ended(self, key: str, timeout: float = 60.0) -> Exited:
        """Wait for the end of ``key``."""
        found = self.until(lambda: [item for item in self.notices if _is(item, Exited, key)], f"end of {key}", timeout)
        assert len(found) == 1
        assert isinstance(found[0], Exited)
        return found[0]


def _is(notice: Notice, kind: type, key: str) -> bool:
    return isinstance(notice, kind) and notice.key == key


@contextmanager
def running(config: FlowConfig) -> Iterator[tuple[LocalExecutor, Loop]]:
    """An executor made as the host makes it, and its loop."""
    executor = make_executor(config)
    try:
        yield executor, Loop(executor)
    finally:
        executor.close()
