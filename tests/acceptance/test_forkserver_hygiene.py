"""A forked kernel is like a started one: one probe for each thing that a fork could hand down."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.execution import Loop, bash, config_of, running, workload_of
from support.kernels import Borrowed, Client, cold_kernel, pool_of, settle

from jupyter_flow.model.spec import TaskSpec

PROBES = {
    "signal handlers": "import signal; x = {int(n): str(signal.getsignal(n)).split(' at ')[0]"
    " for n in signal.valid_signals()}",
    "blocked signals": "import signal; x = sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, [])))",
    "wakeup descriptor": "import signal; x = signal.set_wakeup_fd(-1); signal.set_wakeup_fd(x); x = x >= 0",
    "umask": "import os; x = os.umask(0o022); os.umask(x)",
    "limits": "import resource as r; x = {n: r.getrlimit(getattr(r, n)) for n in dir(r) if n.startswith('RLIMIT_')}",
    "standard input": "import os; x = [os.readlink('/proc/self/fd/0'), os.read(0, 1).decode()]",
    "working folder": "import os; x = os.getcwd()",
    "environment": "import os; x = {k: v for k, v in os.environ.items() if k not in ('LINES', 'COLUMNS')}",
    "module search path": "import sys; x = sys.path",
    "arguments": "import sys; x = [sys.argv[0], sys.argv[1:2], sys.executable, sys.flags.safe_path, sys.orig_argv[0]]",
    "main module": "import sys; x = [__name__, sys.modules['__main__'].__dict__ is globals(), sorted("
    "k for k in globals() if not k.startswith('_'))]",
    "threads": "import re, threading; x = sorted(re.sub('[0-9]+', 'N', t.name) for t in threading.enumerate())",
    "session": "import os; x = [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()]",
    "locale": "import locale, sys; x = [locale.getlocale(), sys.getfilesystemencoding(), "
    "locale.setlocale(locale.LC_ALL)]",
    "time zone": "import time; x = [time.tzname, time.timezone]",
    "garbage collector": "import gc; x = [gc.isenabled(), gc.get_threshold()]",
    "descriptors": "import os; p = '/proc/self/fd/'; x = {os.readlink(p + n).split(':')[0] for n in os.listdir(p)"
    " if os.path.lexists(p + n)}; x = sorted(kind for kind in x if kind[0] != '/')",
    "warnings": "import warnings; x = [str(f) for f in warnings.filters]",
    "logging": "import logging; x = [logging.root.level, [type(h).__name__ for h in logging.root.handlers]]",
    "matplotlib backend": "import matplotlib; x = matplotlib.get_backend()",
    "cell counter": "x = get_ipython().execution_count",
    "recursion and switch limits": "import sys; x = [sys.getrecursionlimit(), sys.getswitchinterval()]",
    "exception hooks": "import sys; x = [sys.excepthook.__qualname__, sys.displayhook.__class__.__name__]",
    "parent watch": "x = type(get_ipython().kernel.parent.poller).__name__",
    "start method": "import multiprocessing; x = multiprocessing.get_start_method()",
}


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="jf"))  # short: sockets stand beneath it
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def seen(base: Path) -> Iterator[dict[str, dict[str, object]]]:
    """What each probe saw in each kind of kernel; every kernel runs all probes once, in the same order."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JPY_", "PYTEST"))}
    environment |= {"JUPYTER_FLOW_ATTEMPT": "a" * 32, "TZ": "Europe/Vienna"}
    with pool_of(config_of(base)) as pool:
        path = str(pool.socket())
        forked = Borrowed(path, cwd=str(base), environment=environment)
        pool.warm(1)
        settle(pool, lambda counts: counts.waiting == 1)
        waited = Borrowed(path, cwd=str(base), environment=environment)
        with cold_kernel(base / "k", str(base), environment) as cold:
            clients = {"cold": cold, "forked": forked.client, "waited": waited.client}
            yield {kind: {name: look(client, name) for name in PROBES} for kind, client in clients.items()}
        forked.close()
        waited.close()


def look(client: Client, probe: str) -> object:
    return client.json(f"{PROBES[probe]}\nimport json; print(json.dumps(x))")


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("kind", ["forked", "waited"])
def test_a_forked_kernel_is_like_a_cold_one(seen, kind, probe):
    assert seen[kind][probe] == seen["cold"][probe]


def test_random_numbers_differ_between_forks(base):
    code = (
        "import random, uuid, tempfile, os, json, numpy\n"
        "print(json.dumps([random.random(), numpy.random.random(), numpy.random.default_rng().random(),"
        " str(uuid.uuid4()), str(uuid.uuid1()), tempfile.mktemp(), os.urandom(8).hex()]))"
    )
    with pool_of(config_of(base)) as pool:
        seen = []
        for _ in range(3):
            kernel = Borrowed(str(pool.socket()))
            seen.append(kernel.client.json(code))
            kernel.close()
    for values in zip(*seen, strict=True):
        assert len(set(values)) == 3


PROBE_IN_A_TASK = r"""
from jupyter_flow import DAG, task
import json, os, random, resource, signal, sys, threading
with DAG("example"):
    @task
    def probe():
        return {
            "random": random.random(),
            "handlers": [str(signal.getsignal(n)).split(" at ")[0] for n in (signal.SIGCHLD, signal.SIGHUP)],
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            "wakeup": signal.set_wakeup_fd(-1) >= 0,
            "umask": os.umask(0o022),
            "limits": {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")},
            "stdin": os.readlink("/proc/self/fd/0"),
            "session": os.getsid(0) == os.getpid(),
            "sockets": [n for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n)
                        and os.readlink("/proc/self/fd/" + n).startswith(("socket", "anon_inode:[event"))],
            "threads": threading.active_count(),
            "environment": {k: v for k, v in os.environ.items() if k not in ("JUPYTER_FLOW_ATTEMPT", "_")},
            "cwd": os.getcwd(),
        }
    probe()
"""


def test_a_forked_task_is_like_a_spawned_one(base):
    (base / "example.py").write_text(PROBE_IN_A_TASK)
    task = TaskSpec(task_id="probe", operator="DecoratedPython", needs_dag_file=True)
    seen = []
    for forkservers in (True, True, False):
        config = config_of(base, forkservers=forkservers)
        with running(config) as (executor, loop):
            workload = workload_of(config, base, task)
            executor.start(workload, "token")
            loop.ended(workload.attempt_id)
            report = executor.collect(workload.attempt_id)
            assert report.outcome == "success", Path(workload.spool, "log.jsonl").read_text()
            seen.append(report.xcoms[0]["value"])
    numbers = {values.pop("random") for values in seen}
    assert len(numbers) == 3
    assert seen[0] == seen[1] == seen[2]


def test_the_tag_stands_where_the_census_looks(base):
    config = config_of(base)
    with running(config) as (executor, loop):
        workload = workload_of(config, base, bash("tr '\\0' '\\n' </proc/$PPID/environ"))
        executor.start(workload, "token")
        Loop(executor)
        loop.ended(workload.attempt_id)
        log = Path(workload.spool, "log.jsonl").read_text().splitlines()
        texts = [json.loads(line)["text"] for line in log]
    assert f"JUPYTER_FLOW_ATTEMPT={workload.attempt_id}" in texts
