"""How many no-op tasks a second the drawer takes through claim, start and finish, in grouped transactions.

Run: ``python benchmarks/storage_throughput.py [tasks] [group]``. One DAG of independent tasks, SQLite on the
local disk, synchronous=FULL; decisions are made as the host makes them.
"""

from __future__ import annotations

import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jupyter_flow.model.changes import NewRun, RunChange, TaskChange
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.records import Report
from jupyter_flow.model.slots import SlotLimits
from jupyter_flow.model.spec import DagSpec, TaskSpec
from jupyter_flow.model.state import RunState, RunType, TaskState
from jupyter_flow.scheduling.decide import decide, decide_changed
from jupyter_flow.scheduling.outcomes import after_report
from jupyter_flow.scheduling.slots import pick
from jupyter_flow.scheduling.snapshot import RunSnapshot
from jupyter_flow.storage import attempts, dags, migrating, queries, reports, runs
from jupyter_flow.storage.database import begin_write, create_engine


def settle(connection, snapshot, changes, now):
    """Apply decisions until nothing follows."""
    while changes:
        tasks = [change for change in changes if isinstance(change, TaskChange)]
        keys = snapshot.update_tasks(runs.transition_many(connection, tasks, now).tasks)
        for change in changes:
            if isinstance(change, RunChange):
                snapshot.update_run(runs.transition_run(connection, change, now))
        changes = decide_changed(snapshot, keys, now)


def main(count: int, group: int, folder: Path) -> None:
    engine = create_engine(f"sqlite:///{folder / 'flow.db'}")
    began = time.perf_counter()
    migrating.migrate(engine)
    print(f"migrate a fresh file: {1000 * (time.perf_counter() - began):.0f} ms")
    tasks = tuple(TaskSpec(f"t{i}", "PythonOperator") for i in range(count))
    spec = DagSpec("bench", "bench.py", tasks, max_active_tasks=10_000)
    now = datetime.now(UTC)
    limits = SlotLimits(parallelism=group, pools={"default_pool": 10_000})
    began = time.perf_counter()
    with begin_write(engine) as connection:
        stored = dags.store_dag(connection, spec, dag_folder="/dags", bundle_hash="0" * 64, now=now)
        run = NewRun("bench", "manual__1", RunType.MANUAL, now, now, now, now, "cli", "bench")
        created = runs.create_run(connection, run, stored.dag.version_id, spec, now)
        row = runs.transition_run(connection, RunChange(created.run.id, RunState.RUNNING), now)
        snapshot = RunSnapshot(row, spec, created.tasks)
        settle(connection, snapshot, decide(snapshot, now), now)
    print(f"create and schedule {count} tasks: {1000 * (time.perf_counter() - began):.0f} ms")
    began = time.perf_counter()
    commits = 0
    while snapshot.run.state is RunState.RUNNING:
        with begin_write(engine) as connection:  # claims
            now = datetime.now(UTC)
            wanted = pick(snapshot.ready(), queries.usage(connection), limits).chosen
            asked = [runs.Claim(item, uuid.uuid4().hex, "0" * 64, now + timedelta(seconds=60)) for item in wanted]
            claimed = runs.claim(connection, asked, limits, "host", now).tasks
            snapshot.update_tasks(claimed)
        with begin_write(engine) as connection:  # starts
            starts = [attempts.AttemptStart(task.attempt_id, 1, 2, "boot", now) for task in claimed]
            attempts.started(connection, starts)
            changes = [TaskChange(t.id, t.task_id, -1, TaskState.RUNNING, attempt_id=t.attempt_id) for t in claimed]
            running = runs.transition_many(connection, changes, now).tasks
            snapshot.update_tasks(running)
        with begin_write(engine) as connection:  # ends
            ends = []
            for task in running:
                report = Report(task.attempt_id, "success", Reason("ok"), now.isoformat(), now.isoformat())
                ends.append(reports.ReportedEnd(after_report(task, spec.tasks[0], report, now), report))
            keys = snapshot.update_tasks(reports.apply_reports(connection, ends, now).tasks)
            settle(connection, snapshot, decide_changed(snapshot, keys, now), now)
        commits += 3
    seconds = time.perf_counter() - began
    print(f"{count} tasks in groups of {group}: {count / seconds:.0f} tasks/s, {commits} commits, {seconds:.2f} s")
    engine.dispose()


if __name__ == "__main__":
    arguments = [int(text) for text in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        main(*(arguments + [200, 20][len(arguments) :]), Path(name))
