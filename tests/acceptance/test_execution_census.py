"""The census finds every process of an attempt, wherever it went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.execution import bash, config_of, notebook, running, workload_of
from support.files import write_dag, write_notebook
from support.kernels import settle
from support.waiting import wait_for

from jupyter_flow.execution import census, identity
from jupyter_flow.execution.kernel_pool import KernelPool
from jupyter_flow.model.spec import TaskSpec

CELL = """
import json, multiprocessing, os, subprocess, time
fork, spawn = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
forked, spawned = fork.Process(target=time.sleep, args=(600,)), spawn.Process(target=time.sleep, args=(600,))
forked.start(); spawned.start()
apart = subprocess.Popen(["setsid", "sleep", "600"])
nested = subprocess.Popen(["bash", "-c", "setsid sleep 600 & echo $!"], stdout=subprocess.PIPE)
nameless = subprocess.Popen(["env", "-i", "sleep", "600"])
pids = {"kernel": os.getpid(), "fork": forked.pid, "spawn": spawned.pid, "setsid": apart.pid,
        "grandchild": int(nested.stdout.readline()), "without environment": nameless.pid}
open("pids.json.part", "w").write(json.dumps(pids)); os.rename("pids.json.part", "pids.json")
time.sleep(600)
"""


@pytest.mark.parametrize("forked_kernel", [True, False], ids=["forked kernel", "cold kernel"])
def test_the_sweep_sees_runner_kernel_and_whatever_they_start(tmp_path, forked_kernel):
    config = config_of(tmp_path)
    write_notebook(tmp_path, [CELL], "task.ipynb")
    pool = KernelPool(config)
    try:
        path = pool.socket() if forked_kernel else None
        if forked_kernel:
            settle(pool, lambda counts: True)
        with running(config) as (executor, loop):
            workload = workload_of(config, tmp_path, notebook("task.ipynb"), kernels=path)
            executor.start(workload, "token")
            runner = loop.started(workload.attempt_id).pid
            log = Path(workload.spool, "log.jsonl")
            loop.until((tmp_path / "pids.json").exists, f"the cell runs: {log}", 90)
            pids = {"runner": runner, **json.loads((tmp_path / "pids.json").read_text())}
            found = {item.pid for item in census.processes_of(workload.attempt_id)}
            assert [name for name, pid in pids.items() if pid not in found] == []
            kernel = identity.facts(pids["kernel"])
            assert kernel is not None
            assert (kernel.parent == pool.pid) is forked_kernel
            if forked_kernel:
                assert pool.pid not in found
            executor.cancel(workload.attempt_id)
            loop.ended(workload.attempt_id)
            gone = {name: pid for name, pid in pids.items() if name != "without environment"}
            loop.until(lambda: not [n for n, p in gone.items() if lives(p)], f"all of {pids} end", 30)
            wait_for(lambda: not lives(pids["without environment"]), "a child without environment dies by the leash")
    finally:
        pool.close()


def lives(pid: int) -> bool:
    facts = identity.facts(pid)
    return facts is not None and facts.state != "Z"


FORKS = """
from jupyter_flow import DAG, task
import multiprocessing, os, time
with DAG("example"):
    @task
    def fork():
        context = multiprocessing.get_context("fork")
        child = context.Process(target=time.sleep, args=(600,))
        child.start()
        if (pid := os.fork()) == 0:
            os.setsid()
            if os.fork() == 0:
                open("apart.part", "w").write(f"{os.getpid()} {child.pid}")
                os.rename("apart.part", "apart")
                time.sleep(600)
            os._exit(0)
        os.waitpid(pid, 0)
        time.sleep(600)
    fork()
"""


def test_forks_of_a_forked_runner_are_found(tmp_path):
    write_dag(tmp_path, FORKS, "example.py")
    config = config_of(tmp_path)
    task = TaskSpec(task_id="fork", operator="DecoratedPython", needs_dag_file=True)
    with running(config) as (executor, loop):
        workload = workload_of(config, tmp_path, task)
        executor.start(workload, "token")
        runner = loop.started(workload.attempt_id)
        loop.until((tmp_path / "apart").exists, "it has forked")
        pids = [runner.pid, *map(int, (tmp_path / "apart").read_text().split())]
        assert {item.pid for item in census.processes_of(workload.attempt_id)} == set(pids)
        found = census.runner_of(workload.attempt_id)
        assert found is not None
        assert found.pid == runner.pid
        executor.kill(workload.attempt_id)
        loop.ended(workload.attempt_id)
        loop.until(lambda: not [pid for pid in pids if lives(pid)], "all end", 30)


def test_a_spawned_command_is_found_by_descent_when_it_hides_its_environment(tmp_path):
    config = config_of(tmp_path)
    with running(config) as (executor, loop):
        workload = workload_of(config, tmp_path, bash("env -i sleep 600 & env -i setsid sleep 601 & wait"))
        executor.start(workload, "token")
        loop.started(workload.attempt_id)
        loop.until(lambda: len(census.processes_of(workload.attempt_id)) >= 4, "runner, bash and both sleeps")
        pids = [item.pid for item in census.processes_of(workload.attempt_id)]
        executor.kill(workload.attempt_id)
        loop.ended(workload.attempt_id)
        loop.until(lambda: not [pid for pid in pids if lives(pid)], "all end", 30)
