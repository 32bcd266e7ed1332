"""Kernels of the kernel forkserver: lent once, found by their tag, dead when their owner is."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.census import census, kill_all
from support.execution import config_of
from support.kernels import ATTEMPT, Borrowed, pool_of, settle
from support.waiting import wait_for

from jupyter_flow.execution import identity
from jupyter_flow.execution.kernel_pool import KernelPool

HOLD_THE_INTERPRETER = "import re; print('begun', flush=True); re.match(r'(a+)+$', 'a' * 60 + 'b')"


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[KernelPool]:
    with pool_of(config_of(tmp_path)) as pool:
        yield pool


@pytest.fixture
def borrow(pool: KernelPool) -> Iterator[object]:
    borrowed: list[Borrowed] = []

    def get(**options: object) -> Borrowed:
        borrowed.append(Borrowed(str(pool.socket()), **options))  # type: ignore[arg-type]
        return borrowed[-1]

    yield get
    for kernel in borrowed:
        kernel.close()


def waiting(pool: KernelPool, count: int) -> None:
    pool.warm(count)
    settle(pool, lambda counts: counts.waiting == count)


@pytest.mark.parametrize("warm", [False, True], ids=["on demand", "waiting"])
def test_a_lent_kernel_has_environment_folder_and_tag_of_the_attempt(pool, borrow, tmp_path, warm):
    if warm:
        waiting(pool, 1)
    tag = "b" * 32
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "COLOUR": "green"}
    kernel = borrow(tag=tag, cwd=str(tmp_path), environment=environment)
    seen = kernel.client.json("import json, os; print(json.dumps([os.getcwd(), dict(os.environ), os.getpid()]))")
    assert seen[0] == str(tmp_path)
    assert seen[1].items() >= {**environment, "JUPYTER_FLOW_ATTEMPT": tag}.items()
    assert not [name for name in seen[1] if name.startswith(("JPY_", "PYTEST"))]
    assert seen[2] == kernel.pid
    assert [found.pid for found in census(f"JUPYTER_FLOW_ATTEMPT={tag}")] == [kernel.pid]
    facts = identity.facts(kernel.pid)
    assert facts is not None
    assert facts.session == kernel.pid


def test_no_kernel_is_lent_twice_and_none_sees_another(pool, borrow):
    waiting(pool, 2)
    dirty = (
        "import os, json, random, builtins, sys\n"
        "seen = [os.environ.get('STAIN'), hasattr(builtins, 'stain'), os.getcwd(), 'stain' in sys.modules,"
        " 'stained' in globals(), random.random(), get_ipython().execution_count, hasattr(json, 'stain')]\n"
        "text = json.dumps(seen)\n"
        "os.environ['STAIN'] = 'yes'; builtins.stain = 1; os.chdir('/tmp'); sys.modules['stain'] = os\n"
        "stained = True; random.seed(7); json.stain = 1\n"
        "sys.stdout.write(text)"
    )
    first_count = 2  # IPython counts a cell when it begins
    pids, numbers = set(), set()
    for _ in range(100):
        kernel = borrow()
        seen = kernel.client.json(dirty)
        numbers.add(seen.pop(5))
        assert seen == [None, False, "/", False, False, first_count, False]
        pids.add(kernel.pid)
        kernel.close()
        kernel.pid = 0
        pool.service()
    assert len(pids) == 100
    assert len(numbers) == 100


@pytest.mark.parametrize("warm", [False, True], ids=["on demand", "waiting"])
def test_the_leash_ends_the_whole_group_even_inside_a_held_interpreter(pool, borrow, warm):
    if warm:
        waiting(pool, 1)
    kernel = borrow()
    child = kernel.client.json("import subprocess; p = subprocess.Popen(['sleep', '600']); print(p.pid)")
    kernel.client.send(HOLD_THE_INTERPRETER)
    wait_for(lambda: _cpu_ticks(kernel.pid) > 30 + _cpu_ticks_at_start(kernel), "the kernel is busy")
    kernel.let_go()
    kernel.wait_gone()  # in milliseconds when the machine is idle; the pattern takes years
    wait_for(lambda: identity.facts(child) is None or identity.facts(child).state == "Z", "its child ends")
    end = kernel.frame()
    assert (end["op"], end["exit_code"], end["signal"]) == ("exited", None, signal.SIGKILL)


_ticks: dict[int, int] = {}


def _cpu_ticks_at_start(kernel: Borrowed) -> int:
    return _ticks.setdefault(kernel.pid, _cpu_ticks(kernel.pid))


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def test_waiting_kernels_die_with_the_forkserver_and_lent_ones_live_on(pool, borrow):
    lent = borrow()
    waiting(pool, 2)
    waiters = [found.pid for found in census("JUPYTER_FLOW_ATTEMPT=" + "0" * 32) if _parent(found.pid) == pool.pid]
    assert len(waiters) == 2
    os.kill(pool.pid, signal.SIGKILL)
    wait_for(lambda: not [pid for pid in waiters if _lives(pid)], "the waiting kernels end")
    assert lent.client.run("print(6 * 7)").strip() == "42"
    lent.let_go()
    lent.wait_gone()


def _parent(pid: int) -> int | None:
    facts = identity.facts(pid)
    return None if facts is None else facts.parent


def _lives(pid: int) -> bool:
    """Tell whether any thread of ``pid`` is left: until the last one ends, its sockets stay open."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return False
    facts = identity.facts(pid)
    return facts is not None and (facts.state != "Z" or len(threads) > 1)


def test_without_a_host_nothing_is_lent_and_the_pool_is_empty(tmp_path):
    with pool_of(config_of(tmp_path)) as pool:
        path = str(pool.socket())
        lent = Borrowed(path)
        waiting(pool, 1)
        forkserver = pool.pid
    try:
        wait_for(lambda: len([f for f in census(path) if f.pid != forkserver]) <= 1, "the waiting kernel ends")
        refused = Borrowed(path)
        assert refused.answer["op"] == "refused"
        assert "no host" in refused.answer["message"]
        refused.close()
        assert lent.client.run("print(1)").strip() == "1"
        with pool_of(config_of(tmp_path)) as again:  # the next host finds the same forkserver
            assert again.pid == forkserver
            assert Borrowed_runs(str(again.socket()))
    finally:
        lent.close()
    wait_for(lambda: not _lives(forkserver), "the forkserver ends with its last kernel")
    assert not Path(path).exists()


def Borrowed_runs(path: str) -> bool:  # noqa: N802
    kernel = Borrowed(path)
    try:
        return kernel.client.run("print(2)").strip() == "2"
    finally:
        kernel.close()


def test_what_a_kernel_left_ends_with_its_borrower_though_host_and_kernel_were_gone_before(tmp_path):
    with pool_of(config_of(tmp_path)) as pool:
        path = str(pool.socket())
        lent = Borrowed(path)
    wait_for(lambda: _is_refused(path), "the forkserver has no host", 60)
    start = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    left = int(lent.client.run(start))
    try:
        lent.let_go()
        end = lent.frame()
        assert (end["op"], end["left_over"]) == ("exited", True)
        assert _lives(left), "that is the affair of its runner, as long as it lives"
        lent.close()
        wait_for(lambda: not _lives(left), "it ends with the connection of the runner", 60)
    finally:
        kill_all([found for found in census(f"JUPYTER_FLOW_ATTEMPT={ATTEMPT}") if found.pid == left])


def _is_refused(path: str) -> bool:
    asked = Borrowed(path)
    try:
        return bool(asked.answer["op"] == "refused")
    finally:
        asked.close()


def test_idle_empties_the_pool_and_warm_fills_it_again(pool, borrow):
    waiting(pool, 2)
    pool.idle()
    settle(pool, lambda counts: counts.waiting == 0)
    assert borrow().client.run("print(3)").strip() == "3"
    waiting(pool, 1)


def test_a_waiting_kernel_that_ends_is_not_lent(pool, borrow):
    waiting(pool, 2)
    waiters = [found.pid for found in census("JUPYTER_FLOW_ATTEMPT=" + "0" * 32) if found.ppid == pool.pid]
    for pid in waiters:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not [pid for pid in waiters if _lives(pid)], "they end")
    assert borrow().client.run("print(5)").strip() == "5"
    waiting(pool, 2)
    pool.idle()
    assert borrow().client.run("print(6)").strip() == "6"


def test_kernels_of_another_interpreter_are_refused(borrow):
    refused = borrow(python="/usr/bin/python3-of-somebody")
    assert refused.answer["op"] == "refused"
    assert sys.executable in refused.answer["message"]


def test_the_forkserver_is_replaced_when_it_dies(pool, borrow):
    first = pool.pid
    os.kill(first, signal.SIGKILL)
    settle_gone = wait_for(lambda: (pool.service(), pool.pid is None)[1], "the loss is seen")
    assert settle_gone
    assert pool.socket() is not None
    settle(pool, lambda counts: True)
    assert pool.pid != first
    assert borrow().client.run("print(4)").strip() == "4"


def test_how_a_kernel_ended_is_told_to_its_borrower(borrow):
    segfault, leaving = borrow(), borrow()
    segfault.client.send("import ctypes; ctypes.string_at(0)")
    assert segfault.frame()["signal"] == signal.SIGSEGV
    leaving.client.send("import os; os._exit(7)")
    assert leaving.frame()["exit_code"] == 7
