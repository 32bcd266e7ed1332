"""What people ask of a task whose process is just about to begin: clear, mark and cancel it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from support import invariants, witnesses
from support.houses import House, states_of
from support.waiting import wait_for

from jupyter_flow.wire.armed_faults import FAULTS_VARIABLE

DAG = (
    witnesses.TASK_SOURCE
    + """
with DAG("soon") as dag:
    PythonOperator(task_id="t", python_callable=witnessed, op_kwargs={"gate": os.environ.get("GATE")})
"""
)
OPEN = (
    "select a.id from attempt a join task_instance t on t.id = a.task_instance_id"
    " where a.attempt_number = 1 and a.finished_at is null and t.run_id = ?"
)


@pytest.fixture
def slow_to_begin(house: House, tmp_path: Path) -> House:
    """A house in which a second passes between the claim of a task and the start of its process."""
    house.env |= {**witnesses.environment(tmp_path / "witnesses"), FAULTS_VARIABLE: "task.before_fork=delay:1"}
    house.env["GATE"] = str(tmp_path / "gate")
    house.write_dag(DAG)
    return house.start("--kill-grace", "1")


def has_ended(house: House, run_id: str) -> bool:
    return not house.rows(OPEN, run_id)


def test_a_task_that_is_about_to_start_is_cleared_marked_and_cancelled(slow_to_begin: House, tmp_path: Path) -> None:
    house = slow_to_begin
    for what in ("clear", "mark", "cancel"):
        house.trigger("soon", run_id=what)
        house.wait_for_task("soon", what, "t", "queued")
        if what == "clear":
            house.call("tasks.clear", dag_id="soon", run_id=what, task_id="t")
        elif what == "mark":
            house.call("tasks.mark", dag_id="soon", run_id=what, task_id="t", state="success")
        else:
            house.call("runs.cancel", dag_id="soon", run_id=what)
        assert house.rows("select started_at from attempt order by claimed_at desc")[0]["started_at"] is None
        wait_for(partial(has_ended, house, what), "nobody wants its attempt: it is ended", 30)
    (tmp_path / "gate").touch()
    found = {what: states_of(house.wait_for_run("soon", what))["t"] for what in ("clear", "mark", "cancel")}
    assert found == {"clear": "success", "mark": "success", "cancel": "cancelled"}
    ends = [entry.key[1] for entry in witnesses.Journal.read(tmp_path / "witnesses").entries if entry.what == "end"]
    assert ends == ["clear"]
    engine = create_engine(f"sqlite:///{house.home / 'flow.db'}")
    try:
        assert not invariants.check(engine) + invariants.settled(engine)
        assert not witnesses.disagreements(engine, tmp_path / "witnesses")
    finally:
        engine.dispose()
