"""What is made ready for notebooks, when, and that it goes again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.census import census
from support.execution import Loop, bash, config_of, notebook, running, workload_of
from support.files import write_notebook
from support.kernels import Borrowed, pool_of, settle
from support.waiting import wait_for

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Report
from jupyter_flow.service.kernels import WaitingKernels
from jupyter_flow.wire.paths import runtime_dir


@pytest.fixture
def config(tmp_path: Path) -> FlowConfig:
    return config_of(tmp_path, idle_after=5.0)


@pytest.fixture
def loop(config: FlowConfig) -> Iterator[Loop]:
    with running(config) as (_, loop):
        yield loop


def images(config: FlowConfig, name: str) -> list[int]:
    mark = str(runtime_dir(config.home) / name)
    return [found.pid for found in census(mark) if mark in found.command and "python" in found.command]


def run(loop: Loop, config: FlowConfig, folder: Path, task: object) -> Report:
    workload = workload_of(config, folder, task)  # type: ignore[arg-type]
    loop.executor.start(workload, "token")
    loop.ended(workload.attempt_id)
    report = loop.executor.collect(workload.attempt_id)
    assert isinstance(report, Report)
    return report


def test_the_first_notebook_does_not_wait_for_its_image_and_the_next_ones_find_it(loop, config, tmp_path):
    write_notebook(tmp_path, ["print('hello')"])
    assert run(loop, config, tmp_path, bash("true")).outcome == "success"  # the light image is there
    workload = workload_of(config, tmp_path, notebook("notebook.ipynb"))
    loop.executor.start(workload, "token")
    loop.started(workload.attempt_id)
    assert not images(config, "runner-notebook.sock")
    loop.ended(workload.attempt_id)
    report = loop.executor.collect(workload.attempt_id)
    assert isinstance(report, Report)
    assert report.outcome == "success", report
    loop.until(lambda: (runtime_dir(config.home) / "runner-notebook.sock").exists(), "the image is made")
    assert run(loop, config, tmp_path, notebook("notebook.ipynb")).outcome == "success"


def test_without_notebooks_their_images_and_kernels_go_and_come_back(loop, config, tmp_path):
    write_notebook(tmp_path, ["print('hello')"])
    kernels = WaitingKernels(config, loop.executor.launcher)
    try:
        kernels.expect(0.0, ahead=True)
        settle(kernels.pool, lambda counts: counts.waiting == 1)
        loop.until(lambda: images(config, "runner-notebook.sock"), "the image is made")
        assert run(loop, config, tmp_path, notebook("notebook.ipynb")).outcome == "success"
        kernels.tick(4.9, busy=False)
        assert kernels.next_tick() == 5.0
        kernels.tick(5.0, busy=True)
        kernels.tick(9.9, busy=False)
        assert images(config, "kernels-")
        kernels.tick(10.0, busy=False)
        loop.until(lambda: not images(config, "runner-notebook.sock"), "the image for notebooks ends")
        wait_for(lambda: not images(config, "kernels-"), "the kernel forkserver and its kernels end")
        assert run(loop, config, tmp_path, notebook("notebook.ipynb")).outcome == "success"
        kernels.expect(11.0)
        settle(kernels.pool, lambda counts: counts.waiting == 1)
    finally:
        kernels.close()


def test_a_lent_kernel_outlives_the_retirement_of_its_forkserver(config):
    with pool_of(config) as pool:
        kernel = Borrowed(str(pool.socket()))
        pool.retire()
        assert kernel.client.run("print(1)").strip() == "1"
        kernel.client.send("import os; os._exit(3)")
        assert kernel.frame()["exit_code"] == 3
        kernel.close()
        assert pool.socket() is not None
        settle(pool, lambda counts: True)
