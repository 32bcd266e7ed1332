"""One DAG run in a real database, driven step by step as the host drives it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine

from jupyter_flow.model.changes import Change, ExpandChange, RunChange, TaskChange
from jupyter_flow.model.rows import DagRun, TaskInstance
from jupyter_flow.model.slots import SlotLimits
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.decide import decide, decide_changed
from jupyter_flow.scheduling.lengths import XComLength
from jupyter_flow.scheduling.outcomes import after_report
from jupyter_flow.scheduling.snapshot import Key, RunSnapshot
from jupyter_flow.service.house import House
from jupyter_flow.storage import dags, decision_facts, expanding, queries, reports, runs
from jupyter_flow.storage.database import begin_write, connect_read, create_reader

from . import flows

LIMITS = SlotLimits(parallelism=16, notebook_parallelism=2, pools={"default_pool": 128})


class StoredRun:
    """A running DAG run of ``spec``; ``snapshot`` is kept up to date by every step."""

    def __init__(self, engine: Engine, spec: DagSpec, now: datetime = flows.T0, **new_run: object) -> None:
        self.engine = engine
        self.spec = spec
        with begin_write(engine) as connection:
            self.version_id = store(connection, spec, now=now)
            asked = flows.new_run(spec.dag_id, now, **new_run)
            created = runs.create_run(connection, asked, self.version_id, spec, now)
            run = runs.transition_run(connection, RunChange(created.run.id, RunState.RUNNING), now)
            self.snapshot = RunSnapshot(run, spec, created.tasks)
            self._settle(connection, decide(self.snapshot, now), now)

    def claim(self, now: datetime = flows.T0, limits: SlotLimits = LIMITS) -> list[TaskInstance]:
        """Claim and start all that is scheduled and fits."""
        with begin_write(self.engine) as connection:
            claimed = runs.claim(connection, flows.claims(self.snapshot.ready(), now), limits, "h1", now).tasks
            changes = [
                TaskChange(row.id, row.task_id, row.map_index, TaskState.RUNNING, attempt_id=row.attempt_id)
                for row in claimed
            ]
            running = runs.transition_many(connection, changes, now).tasks
            self._settle(connection, decide_changed(self.snapshot, self.snapshot.update_tasks(running), now), now)
        return running

    def finish(self, row: TaskInstance, outcome: str = "success", now: datetime = flows.T0, **more: object) -> None:
        """Apply the report of the current attempt of ``row``."""
        report = flows.report(row.attempt_id, outcome, now, **more)
        change = after_report(row, self.snapshot.specs[row.task_id], report, now)
        with begin_write(self.engine) as connection:
            end = reports.ReportedEnd(change, report, "spool/x/log.jsonl", None)
            applied = reports.apply_reports(connection, [end], now)
            sources = self.snapshot.topology.length_sources
            pairs = [(row.task_id, key) for key in sources.get(row.task_id, ())]
            lengths = decision_facts.xcom_lengths(connection, row.dag_run_id, pairs)
            self.snapshot.update_lengths(XComLength(*item) for item in lengths)
            keys = self.snapshot.update_tasks(applied.tasks)
            self._settle(connection, decide_changed(self.snapshot, keys, now), now)

    def settle(self, keys: Iterable[Key], now: datetime) -> None:
        """Apply what follows from changed keys or passed time."""
        with begin_write(self.engine) as connection:
            self._settle(connection, decide_changed(self.snapshot, keys, now), now)

    def run_to_end(self, now: datetime = flows.T0) -> DagRun:
        """Let every task succeed."""
        while running := self.claim(now):
            for row in running:
                self.finish(row, now=now)
        return self.run

    def start_again(self, now: datetime = flows.T0) -> None:
        """Let a cleared run go on."""
        with begin_write(self.engine) as connection:
            run = queries.run_by_id(connection, self.snapshot.run.id)
            runs.transition_run(connection, RunChange(run.id, RunState.RUNNING), now)
        self.reload()
        with begin_write(self.engine) as connection:
            self._settle(connection, decide(self.snapshot, now), now)

    def reload(self) -> None:
        """Build the snapshot anew from the rows, under the version that the run has now."""
        with self._reading() as connection:
            run = queries.run_by_id(connection, self.snapshot.run.id)
            self.spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
            self.snapshot = RunSnapshot(run, self.spec, queries.task_instances(connection, run.id))
            sources = self.snapshot.topology.length_sources
            pairs = [(name, key) for name, keys in sources.items() for key in keys]
            lengths = decision_facts.xcom_lengths(connection, run.id, pairs)
            self.snapshot.update_lengths(XComLength(*item) for item in lengths)

    @property
    def run(self) -> DagRun:
        with self._reading() as connection:
            return queries.run_by_id(connection, self.snapshot.run.id)

    @property
    def states(self) -> dict[str, str]:
        with self._reading() as connection:
            return {row.task_id: str(row.state) for row in queries.task_instances(connection, self.snapshot.run.id)}

    def row(self, task_id: str, map_index: int = -1) -> TaskInstance:
        with self._reading() as connection:
            run = self.snapshot.run
            return queries.get_task_instance(connection, run.dag_id, run.run_id, task_id, map_index)

    def indexes(self, task_id: str) -> dict[int, str]:
        """Map index -> state of the instances of one task."""
        with self._reading() as connection:
            rows = queries.task_instances(connection, self.snapshot.run.id)
            return {row.map_index: str(row.state) for row in rows if row.task_id == task_id}

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Read beside the writer's one connection, which the test may hold."""
        reader = create_reader(self.engine.url.render_as_string(hide_password=False))
        try:
            with connect_read(reader) as connection:
                yield connection
        finally:
            reader.dispose()

    def _settle(self, connection: Connection, changes: list[Change], now: datetime) -> None:
        while changes:
            tasks = [change for change in changes if isinstance(change, TaskChange)]
            applied = runs.transition_many(connection, tasks, now)
            assert applied.lost == []
            expansions = [change for change in changes if isinstance(change, ExpandChange)]
            keys = self.snapshot.update_tasks([*applied.tasks, *expanding.expand(connection, expansions, now)])
            for change in changes:
                if isinstance(change, RunChange):
                    self.snapshot.update_run(runs.transition_run(connection, change, now))
            changes = decide_changed(self.snapshot, keys, now)


def store(connection: Connection, spec: DagSpec, *, now: datetime = flows.T0, bundle: str = "b" * 64) -> int:
    """Store ``spec`` and return the id of its version."""
    return dags.store_dag(connection, spec, dag_folder="/dags", bundle_hash=bundle, now=now).dag.version_id


def store_in(house: House, spec: DagSpec) -> int:
    """Store ``spec`` in a house as a DAG of a DAG file, and return the key of its version."""
    with house.writing() as connection:
        return store(connection, spec, now=flows.T0)
