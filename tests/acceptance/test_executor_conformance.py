"""One suite for all executors: what a host may rely on, whichever carries its tasks out."""

from __future__ import annotations

import errno
import json
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from support.census import attempt_processes, kill_all, wait_until_gone
from support.execution import Loop, bash, config_of, empty, notebook, workload_of
from support.files import write_notebook
from support.waiting import wait_for

from jupyter_flow.execution.children import Exited, Reported, Started
from jupyter_flow.execution.choose import make_executor
from jupyter_flow.execution.executor import Executor, Problem, Running
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Report, Workload
from jupyter_flow.model.spec import TaskSpec
from jupyter_flow.wire import framing
from jupyter_flow.wire.paths import ensure_private_dir, house_socket, runtime_dir

SETTINGS: dict[str, dict[str, Any]] = {
    "inline": {"executor": "inline"},
    "local": {"executor": "local"},
    "dask": {"executor": "dask", "worker_num_min": 2, "worker_num_max": 2, "polling_interval": 0.5},
}
AT_ONCE = {"inline": 1, "dask": 2}


class House(threading.Thread):
    """Answers questions of runners at ``house.sock``, and keeps them."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        ensure_private_dir(runtime_dir(home).parent)
        ensure_private_dir(runtime_dir(home))
        self.asked: list[dict[str, Any]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        house_socket(home).unlink(missing_ok=True)
        self._listener.bind(str(house_socket(home)))
        self._listener.listen()
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while (message := framing.receive(connection)) is not None:
                self.asked.append(message)
                item = {"task_id": "up", "map_index": -1, "key": "return_value", "value": 41}
                ok = {"items": [item]} if message["op"] == "ask.xcom_pull" else {"found": True, "value": "blue"}
                framing.send(connection, {"id": message["id"], "ok": ok})

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def executor_of(config: FlowConfig) -> Iterator[Executor]:
    executor = make_executor(config)
    try:
        yield executor
    finally:
        executor.close()


def end_of(base: Path) -> None:
    """Fail if a process outlives its executor; what a test left on purpose was ended by the test."""
    left = wait_until_gone(str(base), timeout=30)
    kill_all(left)
    assert not left, "\n".join(map(str, left))


@pytest.fixture(scope="module", params=list(SETTINGS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def config(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowConfig]:
    base = tmp_path_factory.mktemp(kind)
    yield config_of(base, **SETTINGS[kind])
    end_of(base)


@pytest.fixture(scope="module")
def house(config: FlowConfig) -> Iterator[House]:
    house = House(config.home)
    yield house
    house.close()


@pytest.fixture(scope="module")
def loop(config: FlowConfig, house: House) -> Iterator[Loop]:
    with executor_of(config) as executor:
        loop = Loop(executor)
        if config.executor == "dask":  # its processes take their time to start: not that of the first test
            workload = workload_of(config, config.home, empty())
            executor.start(workload, "token")
            loop.ended(workload.attempt_id, 110)
        yield loop


@pytest.fixture
def fresh(kind: str, tmp_path: Path) -> Iterator[FlowConfig]:
    """A house of its own, for tests in which executors come and go."""
    settings = SETTINGS[kind]
    config = config_of(tmp_path, **{name: 1 if "worker" in name else value for name, value in settings.items()})
    yield config
    end_of(tmp_path)


def python(folder: Path, body: str, **fields: Any) -> TaskSpec:
    """A task whose function has ``body``; its DAG file is written into ``folder``."""
    lines = "\n".join("        " + line for line in body.strip().splitlines())
    text = (
        "import os, signal, sys\nfrom jupyter_flow import DAG, Variable, task\n\nwith DAG('example'):\n\n"
        f"    @task(task_id='work')\n    def work(ti=None):\n{lines}\n\n    work()\n"
    )
    (folder / "example.py").write_text(text)
    return TaskSpec(task_id="work", operator="PythonOperator", needs_dag_file=True, **fields)


def finish(loop: Loop, workload: Workload) -> Report:
    """Start, wait for the end, return the report; the notices came in order and nothing is left."""
    loop.executor.start(workload, "token")
    exited = loop.ended(workload.attempt_id)
    report = loop.executor.collect(workload.attempt_id)
    assert isinstance(report, Report), f"{report}; {exited}"
    check_order(loop, workload.attempt_id)
    check_gone(workload)
    return report


def check_order(loop: Loop, key: str) -> None:
    kinds = [type(notice) for notice in loop.notices if notice.key == key]
    assert kinds in ([Started, Reported, Exited], [Started, Exited]), kinds


def check_gone(workload: Workload) -> None:
    mark = f"JUPYTER_FLOW_ATTEMPT={workload.attempt_id}"
    assert not wait_until_gone(mark, timeout=30), attempt_processes(workload.attempt_id)


def log_of(workload: Workload, stream: str = "stdout") -> list[str]:
    path = Path(workload.spool, "log.jsonl")
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [item["text"] for item in map(json.loads, (x for x in lines if x[-1] == "\n")) if item["stream"] == stream]


def waiting_for(path: Path, then: str = "") -> TaskSpec:
    return bash(f"echo ready; while [ ! -e {path} ]; do sleep 0.05; done; {then}")


def test_success(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    workload = workload_of(config, tmp_path, bash("echo hello"))
    report = finish(loop, workload)
    assert report.outcome == "success"
    assert log_of(workload) == ["hello"]
    exited = loop.ended(workload.attempt_id)
    assert (exited.exit_code, exited.signal, exited.problem) == (0, None, "")
    assert Path(workload.spool).stat().st_mode & 0o777 == 0o700


def test_failure(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    report = finish(loop, workload_of(config, tmp_path, bash("exit 3")))
    assert (report.outcome, report.reason.code) == ("failed", "exit_code")


@pytest.mark.parametrize(
    ("body", "facts"), [("os._exit(7)", (7, None)), ("os.kill(os.getpid(), signal.SIGSEGV)", (None, signal.SIGSEGV))]
)
def test_exit_code_and_signal(loop: Loop, config: FlowConfig, tmp_path: Path, body: str, facts: Any) -> None:
    workload = workload_of(config, tmp_path, python(tmp_path, body))
    loop.executor.start(workload, "token")
    exited = loop.ended(workload.attempt_id)
    assert (exited.exit_code, exited.signal) == facts
    problem = loop.executor.collect(workload.attempt_id)
    assert isinstance(problem, Problem)
    assert problem.kind == "missing"
    check_gone(workload)


def test_a_bad_result_is_a_problem_of_this_attempt_only(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    body = "open(os.path.join(sys.argv[1], 'result.json'), 'w').write('[]')\nos._exit(0)"
    workload = workload_of(config, tmp_path, python(tmp_path, body))
    loop.executor.start(workload, "token")
    loop.ended(workload.attempt_id)
    problem = loop.executor.collect(workload.attempt_id)
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.message) == ("bad", "result.json is not an object")
    assert finish(loop, workload_of(config, tmp_path, empty())).outcome == "success"


def test_cancel_of_a_running_task_that_ignores_it(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    stubborn = "trap '' TERM INT; (trap '' TERM INT; exec setsid sleep 600) & echo ready; while :; do sleep 0.1; done"
    workload = workload_of(config, tmp_path, bash(stubborn))
    loop.executor.start(workload, "token")
    loop.until(lambda: log_of(workload) == ["ready"], "the command runs")
    loop.executor.cancel(workload.attempt_id)
    loop.executor.cancel(workload.attempt_id)
    loop.ended(workload.attempt_id)
    check_gone(workload)


def test_cancel_of_a_queued_task(loop: Loop, config: FlowConfig, kind: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    busy = [workload_of(config, tmp_path, waiting_for(go)) for _ in range(AT_ONCE.get(kind, 0))]
    for workload in busy:
        loop.executor.start(workload, "token")
    for workload in busy:
        loop.started(workload.attempt_id)
    witness = tmp_path / "ran"
    queued = workload_of(config, tmp_path, bash(f"sleep 1; touch {witness}"))
    loop.executor.start(queued, "token")
    loop.executor.cancel(queued.attempt_id)
    loop.ended(queued.attempt_id)
    go.touch()
    for workload in busy:
        loop.ended(workload.attempt_id)
    check_gone(queued)
    assert not witness.exists()
    result = loop.executor.collect(queued.attempt_id)  # where it began at once it may say itself that it was cancelled
    assert isinstance(result, Problem) or result.outcome == "cancelled"


def test_kill(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    workload = workload_of(config, tmp_path, bash("setsid sleep 600 & echo ready; sleep 600"))
    loop.executor.start(workload, "token")
    loop.until(lambda: log_of(workload) == ["ready"], "the command runs")
    loop.executor.kill(workload.attempt_id)
    assert loop.ended(workload.attempt_id).signal == signal.SIGKILL
    assert isinstance(loop.executor.collect(workload.attempt_id), Problem)
    check_gone(workload)


def test_timeout(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    report = finish(loop, workload_of(config, tmp_path, bash("sleep 600", execution_timeout=0.5)))
    assert (report.outcome, report.reason.code) == ("failed", "timeout")


def test_questions_reach_the_house_with_the_token(loop: Loop, config: FlowConfig, house: House, tmp_path: Path) -> None:
    body = "print(Variable.get('colour'), ti.xcom_pull(task_ids='up', dag_id='other', run_id='r') + 1)\nreturn 5"
    workload = workload_of(config, tmp_path, python(tmp_path, body))
    report = finish(loop, workload)
    assert report.outcome == "success", report.reason
    assert log_of(workload) == ["blue 42"]
    assert [dict(item) for item in report.xcoms] == [{"key": "return_value", "value": 5}]
    asked = [item for item in house.asked if item["attempt_id"] == workload.attempt_id]
    assert {item["op"] for item in asked} == {"ask.variable_get", "ask.xcom_pull"}
    assert {item["token"] for item in asked} == {"token"}


def test_a_huge_log_arrives_whole(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    workload = workload_of(config, tmp_path, bash("seq -f '%.0f and some more text to fill the line' 200000"))
    report = finish(loop, workload)
    lines = "\n".join(log_of(workload)).splitlines()
    assert len(lines) == 200_000
    assert lines[-1].startswith("200000 ")
    assert report.log_size == Path(workload.spool, "log.jsonl").stat().st_size


def test_a_notebook(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    write_notebook(tmp_path, ["print(6 * 7)"], "book.ipynb")
    workload = workload_of(config, tmp_path, notebook("book.ipynb"))
    report = finish(loop, workload)
    assert (report.outcome, report.notebook) == ("success", "book.ipynb")
    document = json.loads(Path(workload.spool, "book.ipynb").read_text())
    assert document["cells"][-1]["outputs"][0]["text"] == ["42\n"]
    events = [json.loads(line)["event"] for line in Path(workload.spool, "cells.jsonl").read_text().splitlines()]
    assert events[-1] == "finished"


def test_twenty_at_once(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    workloads = [workload_of(config, tmp_path, bash(f"echo {number} >>{journal}")) for number in range(20)]
    for workload in workloads:
        loop.executor.start(workload, "token")
    for workload in workloads:
        loop.ended(workload.attempt_id)
        check_order(loop, workload.attempt_id)
        report = loop.executor.collect(workload.attempt_id)
        assert isinstance(report, Report)
        assert report.outcome == "success"
    assert sorted(map(int, journal.read_text().split())) == list(range(20))


def test_the_end_of_a_task_wakes_the_loop(loop: Loop, config: FlowConfig, tmp_path: Path) -> None:
    go = tmp_path / "go"
    workload = workload_of(config, tmp_path, waiting_for(go))
    loop.executor.start(workload, "token")
    loop.until(lambda: log_of(workload) == ["ready"], "the command runs")
    while loop.executor.notices():
        pass
    go.touch()
    deadline = time.monotonic() + 30
    news: list[Any] = []
    while not any(isinstance(notice, Exited) for notice in news):
        assert select.select(list(loop.executor.fileobjs()), [], [], deadline - time.monotonic())[0], "nothing woke it"
        news += loop.executor.notices()
    loop.notices += news


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_a_spool_that_cannot_be_made_is_an_end_with_a_sentence(
    loop: Loop, config: FlowConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    workload = workload_of(config, tmp_path, empty())
    with monkeypatch.context() as broken:
        broken.setattr(Path, "mkdir", Mock(side_effect=OSError(number, "it says why")))
        loop.executor.start(workload, "token")
    ended = loop.ended(workload.attempt_id)
    assert (ended.problem, ended.no_room) == (f"cannot write {workload.spool}: it says why", number == errno.ENOSPC)


# --- executors come and go


def running_facts(loop: Loop, workload: Workload) -> Running:
    found = loop.started(workload.attempt_id)
    facts = (found.pid, found.start_ticks, found.boot_id, found.worker)
    return Running(workload.attempt_id, Path(workload.spool), *facts)


def begin(config: FlowConfig, folder: Path, go: Path) -> tuple[Workload, Running]:
    """Start a task that waits for ``go`` under an executor that then lets go of it."""
    with executor_of(config) as executor:
        loop = Loop(executor)
        workload = workload_of(config, folder, waiting_for(go, "echo done"))
        executor.start(workload, "token")
        loop.until(lambda: log_of(workload) == ["ready"], "the command runs")
        return workload, running_facts(loop, workload)


def test_close_leaves_attempts_running_and_the_next_adopts_them(fresh: FlowConfig, tmp_path: Path) -> None:
    go = tmp_path / "go"
    workload, facts = begin(fresh, tmp_path, go)
    assert attempt_processes(workload.attempt_id)
    with executor_of(fresh) as executor:
        loop = Loop(executor)
        assert executor.adopt([facts]) == {workload.attempt_id: "alive"}
        go.touch()
        loop.ended(workload.attempt_id)
        report = executor.collect(workload.attempt_id)
        assert isinstance(report, Report)
        assert report.outcome == "success"
        assert log_of(workload) == ["ready", "done"]
        check_gone(workload)


def test_a_task_that_ended_meanwhile_is_finished(fresh: FlowConfig, tmp_path: Path) -> None:
    go = tmp_path / "go"
    workload, facts = begin(fresh, tmp_path, go)
    go.touch()
    wait_for(lambda: Path(workload.spool, "result.json").exists(), "the result stands in the spool of the house")
    with executor_of(fresh) as executor:
        assert executor.adopt([facts]) == {workload.attempt_id: "finished"}
        report = executor.collect(workload.attempt_id)
        assert isinstance(report, Report)
        assert report.outcome == "success"


def test_a_task_that_was_killed_meanwhile_is_lost(fresh: FlowConfig, tmp_path: Path) -> None:
    workload, facts = begin(fresh, tmp_path, tmp_path / "never")
    kill_all(attempt_processes(workload.attempt_id))
    with executor_of(fresh) as executor:
        loop = Loop(executor)
        found = executor.adopt([facts])[workload.attempt_id]
        if found != "lost":  # where it ran is not this machine: the news is on its way
            assert found == "alive"
            loop.ended(workload.attempt_id)
        problem = executor.collect(workload.attempt_id)
        assert isinstance(problem, Problem)
        assert problem.kind == "missing"
        check_gone(workload)


def test_a_task_that_was_never_started_is_lost(fresh: FlowConfig, tmp_path: Path) -> None:
    workload = workload_of(fresh, tmp_path, empty())
    with executor_of(fresh) as executor:
        found = executor.adopt([Running(workload.attempt_id, Path(workload.spool))])
        assert found == {workload.attempt_id: "lost"}
