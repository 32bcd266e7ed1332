from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from support.flows import ACTOR, EMPTY, T0, at, chain, dag, run_row, task, task_rows

from jupyter_flow.model.changes import RunChange, TaskChange
from jupyter_flow.model.rows import TaskInstance
from jupyter_flow.model.spec import DagSpec
from jupyter_flow.model.state import RunState, TaskState
from jupyter_flow.scheduling.decide import decide, decide_changed
from jupyter_flow.scheduling.explain import why_waiting
from jupyter_flow.scheduling.snapshot import RunSnapshot

S = TaskState


class Sim:
    """Applies decisions to rows in memory as storage would."""

    def __init__(self, spec: DagSpec, **run: object) -> None:
        self.snapshot = RunSnapshot(run_row(**run), spec, task_rows(spec))
        self.steps: list[list[TaskChange | RunChange]] = []
        self.settle(decide(self.snapshot, T0))

    def settle(self, changes: list[TaskChange | RunChange], now: datetime = T0) -> None:
        while changes:
            self.steps.append(changes)
            keys = []
            for change in changes:
                if isinstance(change, RunChange):
                    row = self.snapshot.run
                    self.snapshot.update_run(
                        replace(row, state=change.state, reason=change.reason, row_version=row.row_version + 1)
                    )
                else:
                    old = self.snapshot.task((change.task_id, change.map_index))
                    assert old.row_version == change.row_version
                    new = replace(old, state=change.state, reason=change.reason, row_version=old.row_version + 1)
                    keys += self.snapshot.update_tasks([new])
            changes = decide_changed(self.snapshot, keys, now)

    def end(self, task_id: str, state: TaskState, now: datetime = T0, **more: object) -> None:
        old = self.snapshot.task((task_id, -1))
        keys = self.snapshot.update_tasks([replace(old, state=state, row_version=old.row_version + 1, **more)])
        self.settle(decide_changed(self.snapshot, keys, now), now)

    def request_cancel(self) -> None:
        row = self.snapshot.run
        self.snapshot.update_run(
            replace(row, cancel_requested_at=T0, cancel_requested_by=ACTOR.user, row_version=row.row_version + 1)
        )
        self.settle(decide(self.snapshot, T0))

    @property
    def states(self) -> dict[str, str]:
        return {task.task_id: str(task.state) for task in self.snapshot.tasks.values()}

    def row(self, task_id: str) -> TaskInstance:
        return self.snapshot.task((task_id, -1))


def test_a_chain_goes_one_by_one_to_success() -> None:
    sim = Sim(chain(3))
    for number in range(3):
        assert sim.states[f"t{number}"] == "scheduled"
        assert [ready.task_id for ready in sim.snapshot.ready()] == [f"t{number}"]
        sim.end(f"t{number}", S.SUCCESS)
    assert sim.snapshot.run.state is RunState.SUCCESS
    assert decide(sim.snapshot, T0) == []


def test_a_failure_fails_everything_downstream_and_the_run_with_names() -> None:
    sim = Sim(dag(task("a"), task("b", "a"), task("c", "b"), task("d")))
    sim.end("d", S.SUCCESS)
    sim.end("a", S.FAILED)
    assert sim.states == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "d": "success"}
    assert str(sim.row("b").reason) == "upstream a failed (trigger rule all_success)"
    assert sim.snapshot.run.state is RunState.FAILED
    assert str(sim.snapshot.run.reason) == "failed: a"


def test_a_failed_task_with_a_successful_leaf_leaves_the_run_successful() -> None:
    sim = Sim(dag(task("a"), task("cleanup", "a", rule="all_done")))
    sim.end("a", S.FAILED)
    sim.end("cleanup", S.SUCCESS)
    assert sim.snapshot.run.state is RunState.SUCCESS


def test_a_skip_goes_on_through_all_success_and_stops_at_none_failed() -> None:
    sim = Sim(dag(task("a"), task("b", "a"), task("c", "b", rule="none_failed"), task("alarm", "a", rule="one_failed")))
    sim.end("a", S.SKIPPED)
    assert sim.states == {"a": "skipped", "b": "skipped", "c": "scheduled", "alarm": "skipped"}
    assert str(sim.row("b").reason) == "upstream a skipped (trigger rule all_success)"
    sim.end("c", S.SUCCESS)
    assert sim.snapshot.run.state is RunState.SUCCESS


def test_one_failed_does_not_wait_for_the_rest() -> None:
    sim = Sim(dag(task("a"), task("b"), task("alarm", "a", "b", rule="one_failed")))
    sim.end("a", S.FAILED)
    assert sim.states["alarm"] == "scheduled"


def test_cancelled_counts_as_failed() -> None:
    sim = Sim(dag(task("a"), task("b", "a"), task("alarm", "a", rule="one_failed")))
    sim.end("a", S.CANCELLED)
    assert sim.states["b"] == "upstream_failed"
    assert sim.states["alarm"] == "scheduled"


def test_empty_operators_succeed_without_an_attempt() -> None:
    empty = replace(task("go"), operator="EmptyOperator", operator_ref=EMPTY)
    own_class = replace(task("own", "go"), operator="EmptyOperator", operator_ref=None, needs_dag_file=True)
    hooked = replace(empty, task_id="hooked", needs_dag_file=True)
    sim = Sim(dag(empty, own_class, hooked))
    assert sim.states == {"go": "success", "own": "scheduled", "hooked": "scheduled"}
    assert str(sim.row("go").reason) == "nothing to run"


def test_a_dag_without_tasks_succeeds() -> None:
    assert Sim(dag()).snapshot.run.state is RunState.SUCCESS


def test_a_retry_becomes_due_by_time_alone() -> None:
    sim = Sim(chain(2))
    sim.end("t0", S.UP_FOR_RETRY, check_at=at(60))
    assert sim.snapshot.next_check() == at(60)
    assert decide_changed(sim.snapshot, [], at(59)) == []
    reason = why_waiting(sim.snapshot, ("t0", -1))
    assert "2026-01-05T12:01:00+00:00" in str(reason)
    sim.settle(decide_changed(sim.snapshot, [], at(60)), at(60))
    assert sim.states["t0"] == "scheduled"
    assert sim.snapshot.next_check() is None


def test_a_queued_run_decides_nothing_until_it_starts() -> None:
    sim = Sim(chain(2), state=RunState.QUEUED)
    assert sim.steps == []
    assert sim.snapshot.ready() == []


def test_a_cancel_request_ends_what_is_not_active_and_then_the_run() -> None:
    sim = Sim(dag(task("a"), task("b"), task("c", "a", "b")))
    sim.end("a", S.RUNNING)
    sim.request_cancel()
    assert sim.states == {"a": "running", "b": "cancelled", "c": "cancelled"}
    assert sim.snapshot.run.state is RunState.RUNNING
    sim.end("a", S.CANCELLED)
    assert sim.snapshot.run.state is RunState.CANCELLED
    assert str(sim.snapshot.run.reason) == "the DAG run was cancelled by ada"


def test_a_queued_run_can_be_cancelled() -> None:
    sim = Sim(chain(2), state=RunState.QUEUED)
    sim.request_cancel()
    assert set(sim.states.values()) == {"cancelled"}
    assert sim.snapshot.run.state is RunState.CANCELLED


def test_a_cancel_request_for_one_task_leaves_the_run_going() -> None:
    sim = Sim(dag(task("a"), task("b")))
    sim.end("a", S.SCHEDULED, cancel_requested_at=T0, cancel_requested_by="ada")
    assert sim.states == {"a": "cancelled", "b": "scheduled"}
    assert [ready.task_id for ready in sim.snapshot.ready()] == ["b"]


def test_the_timeout_of_the_run_ends_everything() -> None:
    sim = Sim(dag(task("a"), task("b"), task("c", "a"), dagrun_timeout=30.0))
    sim.end("a", S.RUNNING)
    assert sim.snapshot.next_check() == at(30)
    assert decide_changed(sim.snapshot, [], at(29)) == []
    sim.settle(decide_changed(sim.snapshot, [], at(30)), at(30))
    assert sim.states == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert sim.snapshot.run.state is RunState.FAILED
    assert str(sim.snapshot.run.reason) == "dagrun_timeout: not finished after 30 s"


def test_what_was_scheduled_waits_again_when_its_upstream_is_cleared() -> None:
    sim = Sim(chain(2))
    sim.end("t0", S.SUCCESS)
    assert sim.states["t1"] == "scheduled"
    sim.end("t0", S.WAITING)
    assert sim.states == {"t0": "scheduled", "t1": "waiting"}


def test_removed_tasks_hold_up_nothing() -> None:
    sim = Sim(dag(task("a"), task("b"), task("c", "a", "b")))
    sim.end("a", S.REMOVED)
    sim.end("b", S.SUCCESS)
    assert sim.states["c"] == "scheduled"
    sim.end("c", S.SUCCESS)
    assert sim.snapshot.run.state is RunState.SUCCESS


def test_reasons_for_waiting_name_the_upstream_tasks() -> None:
    sim = Sim(dag(*(task(f"u{i}") for i in range(7)), task("join", *(f"u{i}" for i in range(7)))))
    assert str(why_waiting(sim.snapshot, ("join", -1))) == "waits for u0, u1, u2, u3, u4 and 2 more"
    assert why_waiting(sim.snapshot, ("u0", -1)) is None


def test_older_rows_are_no_news() -> None:
    sim = Sim(chain(1))
    row = sim.row("t0")
    assert sim.snapshot.update_tasks([row, replace(row, row_version=1, state=S.WAITING)]) == []
    assert sim.row("t0").state is S.SCHEDULED


def test_a_change_in_a_wide_dag_touches_only_its_neighbours() -> None:
    pairs = [(task(f"a{i}"), task(f"b{i}", f"a{i}")) for i in range(500)]
    sim = Sim(dag(*(spec for pair in pairs for spec in pair)))
    assert sim.snapshot.affected([("a7", -1)]) == [("a7", -1), ("b7", -1)]
    sim.end("a7", S.SUCCESS)
    assert [change.task_id for change in sim.steps[-1]] == ["b7"]
