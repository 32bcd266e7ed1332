"""A report is heard of before the process that made it has ended; the process ends all the same."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.census import census
from support.execution import NOON, Loop, bash, config_of, running, workload_of

from jupyter_flow.execution.children import Exited, Reported, Started
from jupyter_flow.execution.executor import Problem
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.records import Report
from jupyter_flow.wire.paths import report_bell

ORDERS = ([Started, Reported, Exited], [Started, Exited])
"""A process may have ended by the time its ring is heard: then that says it all."""


@pytest.fixture
def config(tmp_path: Path) -> FlowConfig:
    return config_of(tmp_path)


@pytest.fixture
def loop(config: FlowConfig) -> Iterator[Loop]:
    with running(config) as (_, loop):
        yield loop


def kinds(loop: Loop, key: str) -> list[type]:
    return [type(notice) for notice in loop.notices if notice.key == key]


def ring(config: FlowConfig, text: str) -> None:
    bell = os.open(report_bell(config.home), os.O_WRONLY | os.O_NONBLOCK)
    os.write(bell, text.encode())
    os.close(bell)


def test_start_report_and_end_come_in_this_order(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, bash("true"))
    loop.executor.start(workload, "token")
    loop.ended(workload.attempt_id)
    assert kinds(loop, workload.attempt_id) in ORDERS
    assert isinstance(loop.executor.collect(workload.attempt_id), Report)


def test_an_executor_remembers_nothing_of_attempts_that_have_ended(loop, config, tmp_path):
    def remembered() -> list[str]:
        executor = loop.executor
        return [name for name in vars(executor) if isinstance(getattr(executor, name), dict | set | list)]

    workloads = [workload_of(config, tmp_path, bash(command)) for command in ("true", "exit 3", "kill -9 $PPID")]
    for workload in workloads:
        loop.executor.start(workload, "token")
    for workload in workloads:
        loop.ended(workload.attempt_id)
    assert [type(loop.executor.collect(workload.attempt_id)) for workload in workloads] == [Report, Report, Problem]
    assert remembered()
    loop.until(
        lambda: not any(getattr(loop.executor, name) for name in remembered()),
        "all is forgotten, once nothing of them is left",
    )


def test_a_ring_without_a_result_is_no_report(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, bash("until [ -e go ]; do sleep 0.05; done"))
    loop.executor.start(workload, "token")
    loop.started(workload.attempt_id)
    ring(config, f"{workload.attempt_id}\n{'f' * 32}\nnonsense\n\n")
    loop.until(lambda: not loop.executor.notices(), "the ring is heard")
    assert kinds(loop, workload.attempt_id) == [Started]
    (tmp_path / "go").touch()
    loop.ended(workload.attempt_id)
    assert kinds(loop, workload.attempt_id) in ORDERS


def test_a_process_that_does_not_end_after_its_report_is_killed(loop, config, tmp_path):
    workload = workload_of(config, tmp_path, bash("sleep 600"))
    loop.executor.start(workload, "token")
    loop.started(workload.attempt_id)
    report = Report(workload.attempt_id, "success", Reason("ok"), NOON, NOON)
    Path(workload.spool, "result.json").write_text(json.dumps(report.to_json()))
    ring(config, workload.attempt_id + "\n")
    loop.ended(workload.attempt_id)
    loop.until(lambda: not census(f"ATTEMPT={workload.attempt_id}"), "all its processes end", 20)
    assert kinds(loop, workload.attempt_id) == [Started, Reported, Exited]


def test_a_full_bell_costs_no_report(loop, config, tmp_path):
    bell = os.open(report_bell(config.home), os.O_WRONLY | os.O_NONBLOCK)
    fcntl.fcntl(bell, fcntl.F_SETPIPE_SZ, 4096)
    os.write(bell, b"\n" * 4096)
    os.close(bell)
    workload = workload_of(config, tmp_path, bash("true"))
    loop.executor.start(workload, "token")
    loop.ended(workload.attempt_id)
    assert isinstance(loop.executor.collect(workload.attempt_id), Report)
