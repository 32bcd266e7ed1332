"""The fixed scenario of the crash test, in parts: each from a home to its end, with what must have come out.

A part is short, so that it can be gone through for every fault point that it passes. What a person would do again
after a crash (ask a second time, restart the host) a part does itself: :meth:`Play.ask` repeats a command that was
not answered, under one idempotency key where there is one.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import witnesses
from support.houses import RUN_OVER, House

from jupyter_flow.model.errors import Conflict, FlowError, NoHost, NotFound
from jupyter_flow.wire.armed_faults import FAULTS_VARIABLE

DAGS = (
    witnesses.TASK_SOURCE
    + """
from datetime import timedelta

def called(context):
    with open(os.path.join(os.environ["FLOW_WITNESSES"], "called"), "a") as file:
        file.write(context["ti"].task_id + "\\n")

with DAG("plain", params={"n": 1}) as plain:
    first = PythonOperator(task_id="first", python_callable=witnessed)
    first >> [BashOperator(task_id="shell", bash_command="echo {{ params.n }}"), EmptyOperator(task_id="empty")]

with DAG("retry") as retry:
    PythonOperator(
        task_id="again", python_callable=witnessed, op_kwargs={"fail_until": 2}, retries=1,
        retry_delay=timedelta(seconds=0), on_success_callback=called,
        execution_timeout=timedelta(seconds=60),
    )

with DAG("orders") as orders:
    gated = PythonOperator(
        task_id="gated", python_callable=witnessed,
        op_kwargs={"gate": os.path.join(os.environ.get("FLOW_WITNESSES", "/nowhere"), "gate")},
    )
    gated >> PythonOperator(task_id="after", python_callable=witnessed)

with DAG("note") as note:
    NotebookOperator(task_id="note", notebook="note.ipynb", output_path="out/{{ run_id }}.ipynb")
"""
)
NOTEBOOK = [witnesses.NOTEBOOK_SOURCE, "print('CHAOS')", witnesses.NOTEBOOK_END]
HOST_OPTIONS = ("--kill-grace", "1", "--unpaused", "--waiting-kernels", "0")


@dataclass
class Play:
    """One going through a part. ``faults``: the variable of the first host; hosts after a crash have none."""

    house: House
    folder: Path
    faults: str = ""
    options: tuple[str, ...] = ()
    restarts: int = 0
    restarted_at: float | None = None
    ended_at: float = 0.0
    deadline: float = field(default_factory=lambda: time.monotonic() + 90.0)

    def begin(self) -> None:
        """Start the host that is to crash; whether it comes up is not waited for."""
        self.house.spawn(*HOST_OPTIONS, *self.options, env={FAULTS_VARIABLE: self.faults})

    def mend(self) -> None:
        """Start the host again if it has gone."""
        if time.monotonic() > self.deadline:
            raise AssertionError(f"the part is not over in time; the host:\n{self.house.output()[-3000:]}")
        process = self.house.process
        if process is None or process.poll() is None:
            return
        if process.returncode != -9:
            raise AssertionError(f"the host ended with {process.returncode}:\n{self.house.output()[-3000:]}")
        self.restarts += 1
        if self.restarts > 5:
            raise AssertionError("the host was killed five times by one fault")
        self.house.spawn(*HOST_OPTIONS, *self.options)
        self.restarted_at = time.monotonic()

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for ``condition``, with a host."""
        while True:
            self.mend()
            try:
                found = condition()
            except (NoHost, OSError):
                found = None
            if found:
                return found
            if time.monotonic() > self.deadline:
                raise AssertionError(f"not in time: {what}; the host:\n{self.house.output()[-3000:]}")
            time.sleep(0.02)

    def ask(self, op: str, done: Callable[[], bool] | None = None, **args: Any) -> Any:
        """Give a command until it is answered; ``done`` tells whether an earlier one was carried out after all."""
        asked = 0
        while True:
            self.mend()
            try:
                return self.house.call(op, timeout=20, **args)
            except (NoHost, OSError, NotFound):
                pass
            except Conflict:
                if asked and done is not None and done():
                    return None
                raise
            asked += 1
            time.sleep(0.02)

    def trigger(self, dag_id: str, key: str, **args: Any) -> str:
        """Trigger under an idempotency key, once the DAG is known; the run id."""

        def known() -> bool:
            try:
                return bool(self.house.call("dags.show", timeout=20, dag_id=dag_id))
            except NotFound:
                return False

        self.until(known, f"DAG {dag_id} is known")
        run = self.ask("dags.trigger", dag_id=dag_id, unpause=True, idempotency_key=key, **args)
        return str(run["run_id"])

    def run(self, dag_id: str, run_id: str) -> Any:
        return self.house.call("runs.show", timeout=20, dag_id=dag_id, run_id=run_id)

    def over(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Wait for the end of the run."""

        def ended() -> Any:
            run = self.run(dag_id, run_id)
            return run if run["state"] in RUN_OVER else None

        return dict(self.until(ended, f"run {run_id} of {dag_id} is over"))

    def task(self, dag_id: str, run_id: str, task_id: str, *states: str) -> Any:
        """Wait until the task is in one of ``states``."""

        def arrived() -> Any:
            found = [task for task in self.run(dag_id, run_id)["tasks"] if task["task_id"] == task_id]
            return found[0] if found and found[0]["state"] in states else None

        return self.until(arrived, f"{task_id} of {run_id} is {states}")

    def started(self, count: int) -> None:
        """Wait until the journal has so many starts of ``gated``."""
        self.until(lambda: witnesses.Journal.read(self.folder).count("start", "gated") >= count, f"{count} starts")

    def open_gate(self) -> None:
        (self.folder / "gate").touch()


def plain(play: Play) -> None:
    """Migrate an empty database, parse, trigger with conf, run a Python and a shell task."""
    play.begin()
    run = play.trigger("plain", "one", conf={"n": 2})
    found = play.over("plain", run)
    assert found["state"] == "success", found
    assert found["conf"] == {"n": 2}


def retry(play: Play) -> None:
    """Fail, try again, succeed, call back."""
    play.begin()
    run = play.trigger("retry", "one")
    found = play.over("retry", run)
    assert found["state"] == "success", found

    def called() -> bool:
        callbacks = play.house.call("tasks.callbacks", dag_id="retry", run_id=run, task_id="again")["callbacks"]
        return bool(callbacks) and all(item["state"] in ("success", "lost") for item in callbacks)

    play.until(called, "the callback is over")
    path = play.folder / "called"
    calls = path.read_text().splitlines() if path.exists() else []
    assert len(calls) <= 1, calls


def orders(play: Play) -> None:
    """Cancel what runs, clear it, mark it."""
    play.begin()
    run = play.trigger("orders", "one")
    play.started(1)
    ids = {"dag_id": "orders", "run_id": run}
    play.ask("runs.cancel", lambda: play.run(**ids)["state"] == "cancelled", **ids)
    assert play.over(**ids)["state"] == "cancelled"
    play.ask("runs.clear", lambda: play.run(**ids)["state"] in ("queued", "running"), **ids)
    play.started(2)
    play.ask("tasks.mark", **ids, task_id="gated", state="success")
    found = play.over(**ids)
    assert found["state"] == "success", found
    still_open = "select id from attempt where finished_at is null"  # a host that is stopped leaves them to the next
    play.until(lambda: not play.house.rows(still_open), "the attempt of what was marked has ended")
    play.open_gate()


def adopt(play: Play) -> None:
    """Kill the host while a task runs; the next one takes it over."""
    play.begin()
    run = play.trigger("orders", "one")
    play.started(1)
    if play.house.process is not None:
        play.house.process.kill()
        play.house.process.wait(30)
    if play.faults and not play.restarts:
        play.house.spawn(*HOST_OPTIONS, *play.options, env={FAULTS_VARIABLE: play.faults})
    play.task("orders", run, "gated", "running", "success")
    play.open_gate()
    found = play.over("orders", run)
    assert found["state"] == "success", found


def note(play: Play) -> None:
    """A notebook task, its result copied beside the DAG file."""
    play.begin()
    run = play.trigger("note", "one")
    found = play.over("note", run)
    assert found["state"] == "success", found
    copy = play.house.dags / "out" / f"{run}.ipynb"
    assert "CHAOS" in copy.read_text()
    copy.unlink()


PARTS: dict[str, Callable[[Play], None]] = {item.__name__: item for item in (plain, retry, orders, adopt, note)}


def end(play: Play) -> None:
    """Stop the host; if that crashes it, start it and stop it again."""
    while True:
        play.mend()
        process = play.house.process
        assert process is not None
        try:
            play.house.call("host.stop", timeout=20)
        except (FlowError, OSError):
            time.sleep(0.02)
            if process.poll() is None:
                continue
        process.wait(30)
        if process.returncode == 0:
            return


class Stage:
    """A DAG folder for all plays, and a home in which it is parsed already, to be copied for each play."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._first = House(base / "first")
        self._first.env.update(witnesses.environment(base / "first-witnesses"))
        self._first.write_dag(DAGS, "scenario.py")
        self._first.write_notebook(NOTEBOOK, "note.ipynb")
        self._first.start(*HOST_OPTIONS, "--no-forkservers")
        for dag_id in ("plain", "retry", "orders", "note"):
            self._first.wait_for_dag(dag_id)
        self._first.close()

    def play(self, name: str, number: int | str, faults: str = "", options: tuple[str, ...] = ()) -> Play:
        """Go through a part, in a new home; the host is stopped at the end, but the house is not closed."""
        base = self.base / f"{name}-{number}"
        house = House(base)
        house.dags = self._first.dags
        house.env.update(witnesses.environment(base / "witnesses"))
        if name != "plain":  # that one begins with nothing
            shutil.copytree(self._first.home, house.home)
        play = Play(house, base / "witnesses", faults, options)
        try:
            PARTS[name](play)
            play.ended_at = time.monotonic()
            end(play)
        except BaseException as error:
            with contextlib.suppress(AssertionError):
                house.close()
            if isinstance(error, FlowError):
                raise AssertionError(f"{error}; the host:\n{house.output()[-3000:]}") from error
            raise
        return play
