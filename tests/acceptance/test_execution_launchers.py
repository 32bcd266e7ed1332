"""One suite for all launchers: what a host may rely on, whichever starts its children."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.census import census
from support.execution import Loop, bash, config_of, empty, workload_of
from support.waiting import wait_for

from jupyter_flow.execution import census as house_census
from jupyter_flow.execution import identity
from jupyter_flow.execution.children import Exited, Reported, Started
from jupyter_flow.execution.environment import child_environment
from jupyter_flow.execution.executor import Running
from jupyter_flow.execution.forkserver_launcher import ForkserverLauncher
from jupyter_flow.execution.local import LocalExecutor
from jupyter_flow.execution.spawn_launcher import ParseLimits, SpawnLauncher
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import ParseRequest, Report, Workload
from jupyter_flow.wire.paths import attempt_folder, ensure_private_dir, runtime_dir

LIMITS = ParseLimits(memory=512 * 1024**2, cpu=3)


@pytest.fixture
def config(tmp_path: Path) -> FlowConfig:
    config = config_of(tmp_path)
    (config.home / "spool").mkdir()
    return config


def launcher_of(kind: str, config: FlowConfig) -> ForkserverLauncher | SpawnLauncher:
    environment = child_environment({**os.environ, "JUPYTER_TOKEN": "hidden", "JPY_API_TOKEN": "hidden", "SEEN": "1"})
    if kind == "forkserver":
        folder = ensure_private_dir(runtime_dir(config.home))
        return ForkserverLauncher(folder, config.home, environment, LIMITS)
    return SpawnLauncher(environment, LIMITS, pidfds=kind == "spawn")


@pytest.fixture(params=["forkserver", "spawn", "spawn without pidfds"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def loop(kind: str, config: FlowConfig) -> Iterator[Loop]:
    executor = LocalExecutor(launcher_of(kind, config), config.home, config.limits.kill_grace)
    yield Loop(executor)
    executor.close()


def run(loop: Loop, workload: Workload) -> Report:
    loop.executor.start(workload, "token-" + workload.attempt_id)
    loop.ended(workload.attempt_id)
    report = loop.executor.collect(workload.attempt_id)
    assert isinstance(report, Report), report
    return report


def lines(workload: Workload) -> list[str]:
    log = Path(workload.spool, "log.jsonl").read_text()
    return [item["text"] for item in map(json.loads, log.splitlines()) if item["stream"] == "stdout"]


def test_a_task_starts_ends_and_reports(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, empty())
    assert run(loop, workload).outcome == "success"
    started, *reported, exited = loop.notices
    assert isinstance(started, Started)
    assert reported in ([Reported(workload.attempt_id)], [])  # the end may come at the same time
    assert exited == Exited(workload.attempt_id, "task", started.pid, 0, None)
    assert started.boot_id == identity.boot_id()
    assert Path(workload.spool).stat().st_mode & 0o777 == 0o700


def test_every_task_has_a_process_and_session_of_its_own(loop, config, tmp_path):
    workloads = [workload_of(config, tmp_path, bash("ps -o sid= -p $PPID")) for _ in range(12)]
    for workload in workloads:
        loop.executor.start(workload, "token")
    pids = {loop.ended(workload.attempt_id).pid for workload in workloads}
    assert len(pids) == 12
    assert {int(lines(workload)[0]) for workload in workloads} == pids
    assert len([notice for notice in loop.notices if not isinstance(notice, Reported)]) == 24


def test_the_token_and_secrets_are_nowhere_to_be_seen(loop, config, tmp_path):
    look = "env; tr '\\0' '\\n' </proc/$PPID/environ; tr '\\0' ' ' </proc/$PPID/cmdline; echo; ls -l /proc/$PPID/fd"
    workload = workload_of(config, tmp_path, bash(look))
    assert run(loop, workload).outcome == "success"
    text = "\n".join(lines(workload))
    assert "token-" not in text
    assert "hidden" not in text
    assert "SEEN=1" in text
    assert f"JUPYTER_FLOW_ATTEMPT={workload.attempt_id}" in text
    assert "socket:" not in text  # no connection of the forkserver or the host is left open
    assert "token-" not in Path(workload.spool, "spec.json").read_text()


def test_cancel_ends_a_task_that_ignores_it_with_all_its_processes(loop, config, tmp_path):
    stubborn = (
        "trap '' TERM INT; setsid bash -c 'trap \"\" TERM INT; while :; do sleep 0.2; done' & echo ready; "
        "(trap '' TERM INT; exec sleep 600) & while :; do sleep 0.2; done"
    )
    workload = workload_of(config, tmp_path, bash(stubborn))
    loop.executor.start(workload, "token")
    loop.started(workload.attempt_id)
    log = Path(workload.spool, "log.jsonl")
    loop.until(lambda: log.exists() and lines(workload) == ["ready"], "the command runs")
    assert len(house_census.processes_of(workload.attempt_id)) >= 3
    loop.executor.cancel(workload.attempt_id)
    loop.executor.cancel(workload.attempt_id)
    loop.ended(workload.attempt_id)
    loop.until(lambda: not census(f"ATTEMPT={workload.attempt_id}"), "all its processes end", 20)
    assert not [item for item in loop.notices if isinstance(item, Exited) and item.key != workload.attempt_id]


def test_a_killed_task_says_so_and_leaves_nothing(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, bash("setsid sleep 600 & sleep 600"))
    loop.executor.start(workload, "token")
    loop.started(workload.attempt_id)
    loop.until(lambda: len(house_census.processes_of(workload.attempt_id)) >= 3, "its processes")
    sockets = ensure_private_dir(attempt_folder(config.home, workload.attempt_id))
    loop.executor.kill(workload.attempt_id)
    assert loop.ended(workload.attempt_id).signal == signal.SIGKILL
    loop.until(lambda: not census(f"ATTEMPT={workload.attempt_id}"), "all its processes end", 20)
    assert not sockets.exists()
    problem = loop.executor.collect(workload.attempt_id)
    assert not isinstance(problem, Report)
    assert problem.kind == "missing"


def test_cancel_at_once_reaches_a_task_that_has_not_started(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, bash("sleep 600"))
    loop.executor.start(workload, "token")
    loop.executor.cancel(workload.attempt_id)
    loop.ended(workload.attempt_id)
    loop.until(lambda: not census(f"ATTEMPT={workload.attempt_id}"), "all its processes end", 20)


def test_a_spool_that_cannot_be_made_is_an_end_with_a_sentence(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, empty())
    Path(workload.spool).write_text("in the way")
    loop.executor.start(workload, "token")
    end = loop.ended(workload.attempt_id)
    assert end.pid is None
    assert workload.spool in end.problem


def test_another_host_takes_over_what_runs_what_is_finished_and_what_is_lost(loop, kind, config, tmp_path):
    alive = workload_of(config, tmp_path, bash("while [ ! -e go ]; do sleep 0.05; done"))
    unrecorded = workload_of(config, tmp_path, bash("while [ ! -e go ]; do sleep 0.05; done"))
    finished, lost = workload_of(config, tmp_path, empty()), workload_of(config, tmp_path, bash("sleep 600"))
    for workload in (alive, unrecorded, finished, lost):
        loop.executor.start(workload, "token")
        loop.started(workload.attempt_id)
    loop.ended(finished.attempt_id)
    loop.until(lambda: len(house_census.processes_of(unrecorded.attempt_id)) > 1, "it runs")
    loop.executor.close()
    os.kill(loop.started(lost.attempt_id).pid, signal.SIGKILL)
    wait_for(lambda: house_census.runner_of(lost.attempt_id) is None, "the runner of the lost one is gone")

    def recorded(workload: Workload, known: bool = True) -> Running:
        start = loop.started(workload.attempt_id)
        facts = (start.pid, start.start_ticks, start.boot_id) if known else (None, None, None)
        return Running(workload.attempt_id, Path(workload.spool), *facts)

    second = LocalExecutor(launcher_of(kind, config), config.home, 0.5)
    again = Loop(second)
    try:
        found = second.adopt([recorded(alive), recorded(unrecorded, False), recorded(finished), recorded(lost)])
        states = [found[item.attempt_id] for item in (alive, unrecorded, finished, lost)]
        assert states == ["alive", "alive", "finished", "lost"]
        (tmp_path / "go").touch()
        for workload in (alive, unrecorded):
            end = again.ended(workload.attempt_id)
            assert end.exit_code == (0 if kind == "forkserver" else None)
            report = second.collect(workload.attempt_id)
            assert isinstance(report, Report)
            assert report.outcome == "success"
        again.until(lambda: not census(f"ATTEMPT={lost.attempt_id}"), "what the lost one left ends", 20)
    finally:
        second.close()


def test_a_reused_pid_is_not_adopted(loop, config, tmp_path):
    me = Running(uuid.uuid4().hex, tmp_path, os.getpid(), 1, identity.boot_id())
    other_boot = Running(uuid.uuid4().hex, tmp_path, os.getpid(), identity.start_ticks(os.getpid()), "another boot")
    assert set(loop.executor.adopt([me, other_boot]).values()) == {"lost"}


def parse(loop: Loop, config: FlowConfig, folder: Path, text: str) -> tuple[Exited, Path]:
    (folder / "example.py").write_text(text)
    key = "parse-" + uuid.uuid4().hex
    spool = config.home / "spool" / key
    spool.mkdir(mode=0o700)
    request = ParseRequest(str(folder), "example.py", str(config.home), str(spool))
    (spool / "spec.json").write_text(json.dumps(request.to_json()))
    loop.executor.launcher.launch(key, "parse", spool, None)
    return loop.ended(key), spool


def test_a_parse_child_parses(loop, config, dag_folder):
    text = "from jupyter_flow import DAG, EmptyOperator\nwith DAG('d', start_date=None):\n    EmptyOperator('t')\n"
    end, spool = parse(loop, config, dag_folder, text)
    assert (end.kind, end.exit_code) == ("parse", 0)
    assert [dag["dag_id"] for dag in json.loads((spool / "result.json").read_text())["dags"]] == ["d"]


def test_a_parse_child_is_bounded_in_memory_and_time(loop, config, dag_folder):
    _, spool = parse(loop, config, dag_folder, "from jupyter_flow import DAG\nx = bytearray(800 * 1024**2)\n")
    assert "MemoryError" in json.loads((spool / "result.json").read_text())["error"]["message"]
    end, spool = parse(loop, config, dag_folder, "from jupyter_flow import DAG\nwhile True: pass\n")
    assert end.signal in (signal.SIGXCPU, signal.SIGKILL)
    assert not (spool / "result.json").exists()


def test_a_parse_child_can_be_killed(loop, config, dag_folder):
    (dag_folder / "example.py").write_text("from jupyter_flow import DAG\nimport time; time.sleep(600)\n")
    spool = config.home / "spool" / "parse-1"
    spool.mkdir()
    request = ParseRequest(str(dag_folder), "example.py", str(config.home), str(spool))
    (spool / "spec.json").write_text(json.dumps(request.to_json()))
    loop.executor.launcher.launch("parse-1", "parse", spool, None)
    loop.started("parse-1")
    loop.executor.launcher.kill("parse-1")
    assert loop.ended("parse-1").signal == signal.SIGKILL
