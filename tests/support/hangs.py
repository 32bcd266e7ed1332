"""Tasks that do not end by themselves, in Python, bash and notebooks: the hang matrix.

Each makes the file ``<flags>/<name>`` when it hangs. None goes on for more than two minutes, and none makes more than
:data:`MOST` processes, even if nobody ends it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .census import wait_until_gone
from .houses import House
from .waiting import wait_for

MOST = 150
FLAG = "$FLAG"
TAG = "JUPYTER_FLOW_ATTEMPT"

PYTHON: dict[str, str] = {
    "loop": """
        until = time.monotonic() + 120
        ready()
        while time.monotonic() < until:
            pass
    """,
    "swallow": """
        until = time.monotonic() + 120
        ready()
        while time.monotonic() < until:
            try:
                time.sleep(120)
            except BaseException:
                print("swallowed", flush=True)
    """,
    "c_sleep": """
        for number in (signal.SIGINT, signal.SIGALRM, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        ready()
        ctypes.PyDLL(None).sleep(120)
    """,
    "regex": """
        ready()
        re.match("(a+)+$", "a" * 60 + "b")
    """,
    "holding": """
        ready()
        collections.deque(itertools.repeat(0, 2 * 10**10), maxlen=0)  # C that asks for no signals
    """,
    "read": """
        reader, writer = os.pipe()
        ready()
        os.read(reader, 1)
    """,
    "stopped": """
        ready()
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(120)
    """,
    "bomb": """
        until, made = time.monotonic() + 60, 0
        ready()
        while time.monotonic() < until:
            made += 1
            if made < MOST and os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                if made % 2:
                    os.setsid()
                time.sleep(60)
                os._exit(0)
            try:
                time.sleep(0.02)
            except BaseException:
                pass
    """,
    "deaf": """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["setsid", "bash", "-c", "trap '' TERM INT; sleep 120; :"])
        ready()
        while True:
            try:
                time.sleep(120)
            except BaseException:
                pass
    """,
    "hopping": """
        until = time.monotonic() + 60
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while time.monotonic() < until:
                time.sleep(0.03)
                if os.fork():
                    os._exit(0)
                os.setsid()
            os._exit(0)
        ready()
        time.sleep(120)
    """,
    "nameless": """
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            os.execve("/bin/sleep", ["sleep", "120.25"], {})
        ready()
        time.sleep(120)
    """,
}

BASH: dict[str, str] = {
    "loop": "touch $FLAG; while :; do :; done",
    "swallow": "trap 'echo swallowed' INT TERM; touch $FLAG; for n in {1..1200}; do sleep 0.1; done",
    "c_sleep": "trap '' INT; touch $FLAG; sleep 120",
    "regex": """touch $FLAG; exec python3 -c 'import re; re.match("(a+)+$", "a" * 60 + "b")'""",
    "read": "mkfifo pipe-$$; touch $FLAG; read line < pipe-$$",
    "stopped": "touch $FLAG; kill -STOP $$; sleep 120",
    "runner_stopped": "touch $FLAG; kill -STOP $PPID; sleep 120",
    "bomb": (
        "trap '' TERM; touch $FLAG; for n in {1..140}; do (trap '' TERM INT; setsid sleep 60) & sleep 0.03; done; wait"
    ),
    "deaf": (
        "trap '' TERM INT; touch $FLAG; (setsid bash -c 'trap \"\" TERM INT; sleep 120; :') & while :; do sleep 1; done"
    ),
    "nameless": "(env -i setsid sleep 120.25 &) ; touch $FLAG; sleep 120",
}

NOTEBOOK: dict[str, str] = {
    **PYTHON,
    "c_sleep": """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ready()
        time.sleep(120)
    """,
    "holding": """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready()
        collections.deque(itertools.repeat(0, 2 * 10**10), maxlen=0)
    """,
}
KINDS = {"python": PYTHON, "bash": BASH, "notebook": NOTEBOOK}

_HEAD = "import collections, ctypes, itertools, os, re, signal, subprocess, time\nfrom pathlib import Path\n"
_DAG = """
from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator

dag = DAG({dag_id!r}, max_active_tasks=64)
"""


def write_hangs(house: House, kind: str, names: Sequence[str], timeout: float | None, dag_id: str = "hangs") -> None:
    """Write a DAG with a task for each of ``names``, which all start at once, with this execution_timeout."""
    flags = house.base / "flags"
    flags.mkdir(exist_ok=True)
    lines = [_HEAD + _DAG.format(dag_id=dag_id), f"MOST = {MOST}"]
    for name in names:
        flag, options = str(flags / name), f"task_id={name!r}, dag=dag, execution_timeout={timeout!r}"
        body = textwrap.dedent(KINDS[kind][name]).strip() if kind != "bash" else ""
        made = f"ready = Path({flag!r}).touch"
        if kind == "bash":
            command = BASH[name].replace(FLAG, flag)
            lines.append(f"BashOperator(bash_command={command!r}, {options})")
        elif kind == "python":
            lines.append(f"def {name}():\n" + textwrap.indent(f"{made}\n{body}", "    "))
            lines.append(f"PythonOperator(python_callable={name}, {options})")
        else:
            cells = ["before = 1", f"{_HEAD}MOST = {MOST}\n{made}\n{body}", "after = 1"]
            house.write_notebook(cells, f"{name}.ipynb")
            lines.append(f"NotebookOperator(notebook={name + '.ipynb'!r}, {options})")
    house.write_dag("\n".join(lines) + "\n", f"{dag_id}.py")


@dataclass(frozen=True)
class HangEnd:
    """How one hanging task came to its end. ``seconds``: from its timeout, or from the request to cancel it."""

    name: str
    state: str
    reason: str
    seconds: float
    log: str
    cells: tuple[str, ...]
    failing_cell: int | None
    survivors: tuple[str, ...]
    reached: bool


def play(house: House, kind: str, names: Sequence[str], *, timeout: float | None, patience: float) -> list[HangEnd]:
    """Let the tasks hang until their ``timeout`` or, with None, until all hang and are cancelled; return their ends.

    The house is not started yet. ``patience``: seconds after which what has not ended counts as endless.
    """
    write_hangs(house, kind, names, timeout)
    house.start("--parallelism", "64", "--notebook-parallelism", "64", *house_options(patience))
    run_id = house.trigger("hangs")["run_id"]
    asked: datetime | None = None
    if timeout is None:
        flags = [house.base / "flags" / name for name in names]
        wait_for(lambda: all(flag.exists() for flag in flags), "all tasks hang", 90)
        asked = datetime.now(UTC)
        house.call("runs.cancel", dag_id="hangs", run_id=run_id)
    house.wait_for_run("hangs", run_id, patience + (timeout or 0) + 60)
    return [_end(house, kind, run_id, name, timeout, asked) for name in names]


def house_options(patience: float) -> list[str]:
    """Return a kill grace that suits the patience: 5 s for the 15 s of the board."""
    return ["--kill-grace", "5" if patience >= 15 else "1"]


def _end(house: House, kind: str, run_id: str, name: str, timeout: float | None, asked: datetime | None) -> HangEnd:
    ids = {"dag_id": "hangs", "run_id": run_id, "task_id": name}
    task = house.call("tasks.show", **ids)
    begun = asked or datetime.fromisoformat(task["start_date"]) + timedelta(seconds=timeout or 0)
    seconds = (datetime.fromisoformat(task["end_date"]) - begun).total_seconds()
    log = "\n".join(line["text"] for line in house.call("tasks.log", **ids)["lines"])
    cells: tuple[str, ...] = ()
    failing = None
    reached = (house.base / "flags" / name).exists()
    if kind == "notebook" and reached:
        shown = house.call("tasks.notebook", **ids)
        cells = tuple(cell["metadata"]["papermill"]["status"] for cell in shown["notebook"]["cells"])
        failing = shown["failing_cell"]
    (row,) = house.rows("select attempt_id from task_instance where task_id = ?", name)
    left = wait_until_gone(f"{TAG}={row['attempt_id']}", timeout=5.0)
    reason = str(task["reason"]["text"])
    return HangEnd(name, task["state"], reason, seconds, log, cells, failing, tuple(map(str, left)), reached)


def strays(house: House) -> list[str]:
    """Return processes that work in the house's folders and are neither host nor forkserver: what lost its tag."""
    known = ("forkserver", "jupyter_flow.service")
    return [str(found) for found in house.census() if not any(word in found.command for word in known)]
