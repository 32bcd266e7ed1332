"""A house under test: a temporary home and DAG folder, a real host process, a client, the real CLI.

A house that was started ends all its processes in :meth:`House.close` and fails the test when one survives.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from jupyter_flow.model.errors import FlowError, NoHost, NotFound
from jupyter_flow.storage import database
from jupyter_flow.storage.migrating import migrate
from jupyter_flow.wire.client import HouseClient
from jupyter_flow.wire.paths import house_socket, runtime_dir

from . import files
from .census import TAG_VARIABLE, Found, census, kill_all, wait_until_gone
from .waiting import wait_for

RUN_OVER = frozenset({"success", "failed", "cancelled"})
ACTOR = {"user": "test", "auth": "cli"}


@dataclass(frozen=True)
class CliResult:
    """What one CLI call gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer of a ``--json`` call."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise AssertionError(f"not JSON: {self}") from None

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class House:
    """One home with its DAG folder. Nothing runs until :meth:`start`.

    ``makes_database``: the host makes its SQLite database itself, as that of a user does. Otherwise it finds an empty
    one of this version: that spares each of some hundred hosts a quarter of its start.
    """

    makes_database = False

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home = base / "home"
        self.dags = base / "dags"
        self.dags.mkdir(parents=True, exist_ok=True)
        self.tag = uuid.uuid4().hex
        self.process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER_FLOW", "JPY_"))},
            "JUPYTER_FLOW_HOME": str(self.home),
            TAG_VARIABLE: self.tag,
            "IPYTHONDIR": str(base / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(base / "jupyter-runtime"),
            "JUPYTER_CONFIG_DIR": str(base / "jupyter-config"),
            "PYTHONUNBUFFERED": "1",
        }

    # --- files

    def write_dag(self, text: str, name: str = "example.py") -> Path:
        """Write a DAG file into the DAG folder."""
        return files.write_dag(self.dags, text, name)

    def write_notebook(
        self,
        cells: Iterable[files.Cell],
        name: str = "notebook.ipynb",
        kernel: str = "python3",
        language: str = "python",
    ) -> Path:
        """Write a notebook into the DAG folder."""
        return files.write_notebook(self.dags, list(cells), name, kernel, language)

    # --- the host

    def start(self, *options: str, timeout: float = 60.0, env: dict[str, str] | None = None) -> House:
        """Start a host (``python -m jupyter_flow.service`` with extra ``options``) and wait until it answers."""
        has_server = "JUPYTER_FLOW_DB_URL" in {**self.env, **(env or {})} or "--db-url" in options
        if not (self.makes_database or has_server or self.home.exists()):
            self.home.mkdir(mode=0o700)
            with open(os.open(self.home / "flow.db", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(_empty_database())
        self.spawn(*options, env=env)
        wait_for(self.answers, lambda: f"the host of {self.home} answers; its output:\n{self.output()}", timeout)
        return self

    def spawn(self, *options: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a host without waiting for it."""
        if self.process is not None and self.process.poll() is None:
            raise AssertionError("this house already has a host: stop or kill it first")
        self._starts += 1
        command = [sys.executable, "-m", "jupyter_flow.service", "--home", str(self.home), "--dags", str(self.dags)]
        with self._output_path().open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self.env, **(env or {})},
                cwd=self.base,
                start_new_session=True,
            )
        return self.process

    def answers(self) -> bool:
        """Tell whether the host answers and is well. Fails if it has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the host ended with {self.process.returncode}:\n{self.output()}")
        try:
            return self.call("host.status", timeout=5)["state"] == "healthy"
        except (NoHost, FlowError, OSError):
            return False

    def _output_path(self) -> Path:
        return self.base / f"host-{self._starts}.out"

    def output(self) -> str:
        """What the latest host printed."""
        path = self._output_path()
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """Process id of the host."""
        if self.process is None:
            raise AssertionError("no host was started")
        return self.process.pid

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the host a signal (SIGKILL) and wait for its end. Its runners go on."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)

    def stop(self, tasks: bool = True, timeout: float = 60.0) -> None:
        """Ask the host to end (with its tasks) and wait for it."""
        if self.process is None or self.process.poll() is not None:
            return
        try:
            self.call("host.stop", tasks=tasks)
        except FlowError:
            self.process.terminate()
        self.process.wait(timeout)

    # --- asking

    def client(self, timeout: float = 30.0) -> HouseClient:
        """Return a new connection to the host (a context manager)."""
        return HouseClient(self.home, {"actor": ACTOR}, timeout)

    def call(self, op: str, timeout: float = 30.0, **args: Any) -> Any:
        """Ask the host one thing over ``house.sock``."""
        with self.client(timeout) as client:
            return client.call(op, **args)

    def cli(self, *args: str, timeout: float = 120.0, env: dict[str, str] | None = None) -> CliResult:
        """Run ``jupyter flow ARGS`` as a real process with this home and DAG folder.

        A traceback on stderr fails the test: refusals are one line.
        """
        command = [sys.executable, "-m", "jupyter_flow", *args]
        given = {"JUPYTER_FLOW_DAGS": str(self.dags), **self.env, **(env or {})}
        done = subprocess.run(
            command, env=given, cwd=self.base, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout
        )
        result = CliResult(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback (most recent call last)" not in result.err, str(result)
        return result

    def cli_json(self, *args: str, timeout: float = 120.0) -> Any:
        """Run a CLI command with ``--json``, expect exit 0 and return its answer."""
        result = self.cli(*args, "--json", timeout=timeout)
        assert result.code == 0, str(result)
        return result.json

    def wait_for_dag(self, dag_id: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until the host knows ``dag_id`` and return it."""

        def known() -> Any:
            try:
                return self.call("dags.show", dag_id=dag_id)
            except NotFound:
                return None

        def missing() -> str:
            return f"the host knows {dag_id}; import errors: {self._errors()}; its output:\n{self.output()[-4000:]}"

        return wait_for(known, missing, timeout)

    def _errors(self) -> Any:
        try:
            return self.call("dags.errors")
        except FlowError as error:
            return str(error)

    def trigger(self, dag_id: str, unpause: bool = True, **args: Any) -> dict[str, Any]:
        """Wait for the DAG, trigger it (unpausing it) and return the run."""
        self.wait_for_dag(dag_id)
        return self.call("dags.trigger", dag_id=dag_id, unpause=unpause, **args)

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return the run with its ``tasks``."""
        return self.call("runs.show", dag_id=dag_id, run_id=run_id)

    def wait_for_run(
        self, dag_id: str, run_id: str, timeout: float = 90.0, states: Iterable[str] = RUN_OVER
    ) -> dict[str, Any]:
        """Wait until the run is in one of ``states`` (default: over) and return it with its ``tasks``."""
        wanted = set(states)

        def arrived() -> Any:
            run = self.run(dag_id, run_id)
            return run if run["state"] in wanted else None

        try:
            return wait_for(arrived, f"run {run_id} of {dag_id} reaches {sorted(wanted)}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(dag_id, run_id)}") from None

    def wait_for_task(
        self, dag_id: str, run_id: str, task_id: str, *states: str, timeout: float = 60.0
    ) -> dict[str, Any]:
        """Wait until the task instance is in one of ``states`` and return it."""

        def arrived() -> Any:
            task = task_of(self.run(dag_id, run_id), task_id)
            return task if task["state"] in states else None

        try:
            return wait_for(arrived, f"task {task_id} of {run_id} reaches {states}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(dag_id, run_id)}") from None

    def run_dag(self, dag_id: str, timeout: float = 90.0, **args: Any) -> dict[str, Any]:
        """Trigger ``dag_id``, wait for its end and return the run with its ``tasks``."""
        run = self.trigger(dag_id, **args)
        return self.wait_for_run(dag_id, run["run_id"], timeout)

    def story(self, dag_id: str, run_id: str) -> str:
        """Return what is known of a run and the tail of the host's output, for messages of failed tests."""
        try:
            known = json.dumps(self.run(dag_id, run_id), indent=1)
        except FlowError as error:
            known = str(error)
        return f"{known}\n--- host\n{self.output()[-4000:]}"

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read the database directly (read-only): a witness that does not ask the host. ``?`` stands for a value."""
        if url := self.env.get("JUPYTER_FLOW_DB_URL"):
            engine = create_engine(url)
            with engine.connect() as server:
                found = [dict(row) for row in server.exec_driver_sql(sql.replace("?", "%s"), values).mappings()]
            engine.dispose()
            return found
        connection = sqlite3.connect(f"file:{self.home / 'flow.db'}?mode=ro", uri=True, timeout=30)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()

    # --- the end

    def census(self) -> list[Found]:
        """Return all living processes of this house."""
        return census(self.tag, str(self.base))

    def close(self) -> None:
        """End everything. Raises AssertionError when a process outlived its house."""
        stuck = ""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop(timeout=30)
            except (subprocess.TimeoutExpired, OSError) as error:
                stuck = f"the host did not end when asked: {error}\n{self.output()[-4000:]}"
        self._end_detached_runners()
        left = wait_until_gone(self.tag, str(self.base), timeout=30)
        kill_all(left)
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait(30)
        shutil.rmtree(runtime_dir(self.home), ignore_errors=True)
        if stuck or left:
            raise AssertionError("\n".join([stuck, "processes outlived their house:", *map(str, left)]))

    def _end_detached_runners(self) -> None:
        # A test that killed its host leaves runners that rightly go on: they are not leaks, they are ended here.
        if self.process is None or self.process.returncode in (0, None):
            return
        kill_all(census(self.tag))

    @property
    def socket(self) -> Path:
        """Path of ``house.sock``."""
        return house_socket(self.home)


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flow.db"
        engine = database.create_engine(f"sqlite:///{path}")
        migrate(engine)
        engine.dispose()
        assert [file.name for file in path.parent.iterdir()] == ["flow.db"], "nothing is left in a journal"
        return path.read_bytes()


def task_of(run: dict[str, Any], task_id: str, map_index: int = -1) -> dict[str, Any]:
    """Return one task instance of a run document."""
    for task in run["tasks"]:
        if task["task_id"] == task_id and task["map_index"] == map_index:
            return task
    raise AssertionError(f"no task {task_id} in {[task['task_id'] for task in run['tasks']]}")


def states_of(run: dict[str, Any]) -> dict[str, str]:
    """Return task id -> state of a run document."""
    return {task["task_id"]: task["state"] for task in run["tasks"]}
