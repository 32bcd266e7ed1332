"""Images of DAG files: attempts forked from a process that has loaded their file are as if each had loaded it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.census import census
from support.execution import Loop, config_of, running, workload_of
from support.waiting import wait_for

from jupyter_flow.execution import identity
from jupyter_flow.execution.children import Exited, Started
from jupyter_flow.execution.executor import Running
from jupyter_flow.execution.local import LocalExecutor
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Report
from jupyter_flow.model.spec import TaskSpec
from jupyter_flow.wire.paths import runtime_dir

DAG = """
{top}
import json, os, random, sys
from jupyter_flow import DAG, PythonOperator

STATE = []

def work():
    import builtins, warnings
    from pathlib import Path
    seen = {{
        "pid": os.getpid(), "ppid": os.getppid(), "random": random.random(), "cwd": os.getcwd(), "state": list(STATE),
        "env": os.environ.get("MARK"), "patched": hasattr(builtins, "mark"), "filters": len(warnings.filters),
        "path": sys.path[0], "recursion": sys.getrecursionlimit(),
    }}
    {body}
    STATE.append(1)
    random.seed(7)
    os.environ["MARK"] = "set"
    builtins.mark = True
    warnings.simplefilter("error")
    sys.path.insert(0, "/elsewhere")
    sys.setrecursionlimit(5000)
    handle = os.open({journal!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, (json.dumps({{"attempt": os.environ["JUPYTER_FLOW_ATTEMPT"], **seen}}) + "\\n").encode())
    os.close(handle)
    os.chdir("/")

with DAG(dag_id="example"):
    PythonOperator(task_id="work", python_callable=work)
"""
WORK = TaskSpec(
    task_id="work",
    operator="PythonOperator",
    operator_ref="jupyter_flow.operators.python:PythonOperator",
    needs_dag_file=True,
)


@pytest.fixture
def config(tmp_path: Path) -> FlowConfig:
    return config_of(tmp_path)


@pytest.fixture
def loop(config: FlowConfig) -> Iterator[Loop]:
    with running(config) as (_, loop):
        yield loop


def write_dag(folder: Path, top: str = "", body: str = "pass") -> Path:
    journal = folder / "journal"
    (folder / "example.py").write_text(DAG.format(top=top, body=body, journal=str(journal)))
    return journal


def lines(journal: Path) -> list[dict]:
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


def start(loop: Loop, config: FlowConfig, folder: Path, count: int = 1) -> list[str]:
    workloads = [workload_of(config, folder, WORK) for _ in range(count)]
    for workload in workloads:
        loop.executor.start(workload, "token")
    return [workload.attempt_id for workload in workloads]


def work_off(loop: Loop, config: FlowConfig, folder: Path, count: int = 1) -> list[str]:
    """Run ``count`` attempts of the DAG file to their success."""
    keys = start(loop, config, folder, count)
    for key in keys:
        assert loop.ended(key).exit_code == 0
        assert succeeded(loop.executor, key)
    return keys


def succeeded(executor: LocalExecutor, key: str) -> bool:
    report = executor.collect(key)
    return isinstance(report, Report) and report.outcome == "success"


def forkserver_pid(config: FlowConfig) -> int:
    path = str(runtime_dir(config.home) / "runner-light.sock")
    found = [item for item in census(path) if "runner.forkserver" in item.command]
    leaders = [item.pid for item in found if item.ppid not in [other.pid for other in found]]
    assert len(leaders) == 1, found
    return leaders[0]


def gone(pid: int) -> bool:
    facts = identity.facts(pid)
    return facts is None or facts.state == "Z"


def test_a_hundred_tasks_that_change_everything_do_not_see_each_other(loop, config, tmp_path):
    journal = write_dag(tmp_path)
    keys = work_off(loop, config, tmp_path, 3) + work_off(loop, config, tmp_path, 97)
    seen = lines(journal)
    assert sorted(line["attempt"] for line in seen) == sorted(keys)
    assert len({line["pid"] for line in seen}) == 100
    assert len({line["random"] for line in seen}) == 100
    same = ("state", "env", "patched", "filters", "cwd", "path", "recursion")
    assert {json.dumps([line[name] for name in same]) for line in seen} == {
        json.dumps([[], None, False, *(seen[0][name] for name in same[3:])])
    }
    parents = [line["ppid"] for line in seen]
    forkserver = forkserver_pid(config)
    assert parents.count(forkserver) == 1, "the first attempt alone loads the file by itself"
    assert len(set(parents)) == 2


LEFT_BEHIND = {
    "printed something": "print('hello')",
    "opened or closed files or connections": "import tempfile; handle = tempfile.TemporaryFile()",
    "registered functions with atexit": "import atexit; atexit.register(len, [])",
    "seeded or used random numbers": "import random; random.seed(3)",
    "set signal handlers": "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "set the umask": "import os; os.umask(0o077)",
    "set limits": "import resource as r; r.setrlimit(r.RLIMIT_CORE, (0, 0)); r.setrlimit(r.RLIMIT_NOFILE, (200, 200))",
    "started threads": "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "started processes": "import subprocess; child = subprocess.Popen(['sleep', '0.3'])",
    "asked for its parsing context": "from jupyter_flow import get_parsing_context; get_parsing_context()",
    "set a timer": "import signal; signal.setitimer(signal.ITIMER_REAL, 50)",
    "ended the process that loaded it": "import os, sys; 'dag_loader' in sys.argv[0] and os._exit(0)",
    "raised SystemExit": "import sys; 'dag_loader' in sys.argv[0] and sys.exit(0)",
}


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_a_file_that_leaves_something_behind_is_loaded_in_each_attempt(loop, config, tmp_path, what):
    journal = write_dag(tmp_path, top=LEFT_BEHIND[what])
    work_off(loop, config, tmp_path, 3)
    assert {line["ppid"] for line in lines(journal)} == {forkserver_pid(config)}
    assert f"example.py is loaded in each attempt: it {what}\n" in (config.home / "forkservers.log").read_text()


def test_what_a_file_imports_is_read_again_when_it_was_changed(loop, config, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "helper_of_images.py").write_text("VALUE = 'old'\n")
    top = f"import sys; sys.path.append({str(library)!r}); sys.dont_write_bytecode = True; import helper_of_images"
    journal = write_dag(tmp_path, top, body="seen['value'] = helper_of_images.VALUE")
    work_off(loop, config, tmp_path, 3)
    (library / "helper_of_images.py").write_text("VALUE = 'newer'\n")

    def is_seen() -> bool:  # what was looked at less than a second ago is not looked at again
        work_off(loop, config, tmp_path)
        return lines(journal)[-1]["value"] == "newer"

    assert [line["value"] for line in lines(journal)] == ["old"] * 3
    wait_for(is_seen, "the changed module is used")
    before = len(lines(journal))
    work_off(loop, config, tmp_path, 3)
    after = lines(journal)[before:]
    assert {line["value"] for line in after} == {"newer"}
    assert {line["ppid"] for line in after} != {forkserver_pid(config)}


def test_other_bytes_of_the_file_have_an_image_of_their_own(loop, config, tmp_path):
    journal = write_dag(tmp_path, body="seen['value'] = 1")
    work_off(loop, config, tmp_path, 3)
    pinned = tmp_path / "pinned"
    pinned.mkdir()
    text = (tmp_path / "example.py").read_text()
    (pinned / "example.py").write_text(text.replace("seen['value'] = 1", "seen['value'] = 2"))
    workloads = [workload_of(config, tmp_path, WORK) for _ in range(6)]
    for number, workload in enumerate(workloads):
        if number % 2:
            workload = type(workload)(**{**workload.__dict__, "bundle": str(pinned)})
        loop.executor.start(workload, "token")
    for workload in workloads:
        loop.ended(workload.attempt_id)
    values = {line["attempt"]: line["value"] for line in lines(journal)}
    assert [values[workload.attempt_id] for workload in workloads] == [1, 2, 1, 2, 1, 2]


@pytest.mark.parametrize("whom", ["forkserver", "image"])
def test_no_attempt_runs_twice_when_a_process_dies_amid_a_burst(loop, config, tmp_path, whom):
    journal = write_dag(tmp_path, body="import time; time.sleep(0.05)")
    work_off(loop, config, tmp_path, 3)
    forkserver = forkserver_pid(config)
    image = next(line["ppid"] for line in lines(journal) if line["ppid"] != forkserver)
    keys = start(loop, config, tmp_path, 30)
    loop.until(lambda: sum(isinstance(item, Started) for item in loop.notices) > 8, "some have started")
    os.kill(forkserver if whom == "forkserver" else image, signal.SIGKILL)
    for key in keys:
        loop.ended(key)
    ran = [line["attempt"] for line in lines(journal)]
    assert len(ran) == len(set(ran))
    if whom == "forkserver":  # what it had not begun is begun elsewhere
        assert set(keys) <= set(ran)
    else:  # what the image may have begun is a loss: the host tries again
        problems = {item.key for item in loop.notices if isinstance(item, Exited) and item.problem}
        assert set(keys) - set(ran) <= problems
    work_off(loop, config, tmp_path, 3)


def test_attempts_of_a_killed_image_live_on_when_one_of_them_ends_with_it(loop, config, tmp_path):
    write_dag(
        tmp_path, body="import time\n    while not (os.path.exists('go') or Path(own).exists()): time.sleep(0.02)"
    )
    text = (tmp_path / "example.py").read_text()
    (tmp_path / "example.py").write_text(text.replace("seen =", "own = os.environ['JUPYTER_FLOW_ATTEMPT']\n    seen ="))
    (tmp_path / "go").touch()
    work_off(loop, config, tmp_path, 3)
    (tmp_path / "go").unlink()
    keys = start(loop, config, tmp_path, 3)
    pids = [loop.started(key).pid for key in keys]
    forkserver, image = forkserver_pid(config), identity.facts(pids[0]).parent
    assert image != forkserver
    for pid in (forkserver, image):  # nobody reaps now
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda pid=pid: identity.facts(pid).state == "T", "it is stopped", 60)
    (tmp_path / keys[0]).touch()
    wait_for(lambda: gone(pids[0]), "the first one has ended", 60)
    os.kill(image, signal.SIGKILL)
    wait_for(lambda: gone(image), "the image is dead", 60)
    os.kill(forkserver, signal.SIGCONT)
    assert loop.ended(keys[0]).exit_code == 0
    (tmp_path / "go").touch()
    for key in keys:
        assert loop.ended(key).exit_code == 0
        assert succeeded(loop.executor, key)
    work_off(loop, config, tmp_path, 3)


def test_attempts_of_an_image_outlive_their_host_and_the_next_one_hears_of_their_end(config, tmp_path):
    journal = write_dag(tmp_path, body="import time\n    while not os.path.exists('go'): time.sleep(0.02)")
    with running(config) as (_, loop):
        (tmp_path / "go").touch()
        work_off(loop, config, tmp_path, 3)
        (tmp_path / "go").unlink()
        keys = start(loop, config, tmp_path, 3)
        starts = [loop.started(key) for key in keys]
        forkserver = forkserver_pid(config)
    with running(config) as (executor, loop):
        found = executor.adopt([Running(key, config.home / "spool" / key) for key in keys])
        assert set(found.values()) == {"alive"}
        assert forkserver_pid(config) == forkserver
        (tmp_path / "go").touch()
        for key in keys:
            assert loop.ended(key).exit_code == 0
            assert succeeded(executor, key)
        work_off(loop, config, tmp_path, 3)
    assert {item.pid for item in starts} <= {line["pid"] for line in lines(journal)}
    wait_for(lambda: gone(forkserver), "without host and children the forkserver ends")
    left = [item for item in census(str(runtime_dir(config.home))) if "runner.forkserver" in item.command]
    assert not left, "an image ends with its forkserver"
