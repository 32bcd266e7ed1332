"""Tasks that write what they do into a journal (O_APPEND) and hold a lock: witnesses that nobody runs twice.

Each task waits at a gate: ``<base>/gate-<run>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .houses import House

HEAD = """
import fcntl, os, time
from pathlib import Path

def journal(word):
    with open(JOURNAL, "ab", buffering=0) as file:
        file.write(f"{word} {NAME} {RUN} {os.getpid()} {time.monotonic_ns()} {jupyter_flow.__file__}\\n".encode())

def work():
    lock = open(BASE + f"/lock-{NAME}-{RUN}", "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        journal("twice")
        raise
    journal("start")
    until = time.monotonic() + 120
    while not os.path.exists(BASE + f"/gate-{RUN}") and time.monotonic() < until:
        time.sleep(0.05)
    journal("end")
"""
BASH = """
exec 9>>"$BASE/lock-bash-$RUN"
flock -n 9 || {{ echo "twice bash $RUN $PPID 0 -" >> "$BASE/journal.txt"; exit 1; }}
echo "start bash $RUN $PPID 0 -" >> "$BASE/journal.txt"
for n in {{1..2400}}; do [ -e "$BASE/gate-$RUN" ] && break; sleep 0.05; done
echo "end bash $RUN $PPID 0 -" >> "$BASE/journal.txt"
"""


@dataclass(frozen=True)
class Entry:
    """One line: ``start``, ``end`` or ``twice`` (a second holder) of a task; ``source``: which package it had."""

    word: str
    name: str
    run: str
    pid: int
    source: str


def write_tasks(house: House, dag_id: str = "journal") -> None:
    """Write a DAG with a task of each kind: ``python``, ``bash`` and ``notebook``; ``conf`` names the run."""
    base = str(house.base)
    constants = f"BASE = {base!r}\nJOURNAL = BASE + '/journal.txt'\nimport jupyter_flow\n"
    house.write_notebook(
        [
            {"source": "run_name = ''", "tags": ["parameters"]},
            constants + "NAME, RUN = 'notebook', run_name\n" + HEAD,
            "work()",
        ],
        f"{dag_id}.ipynb",
    )
    house.write_dag(
        f"""
from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator
{constants}
NAME = "python"
RUN = ""
{HEAD}
def named(run_name):
    global RUN
    RUN = run_name
    work()

with DAG({dag_id!r}, params={{"run_name": "x"}}, max_active_runs=16) as dag:
    PythonOperator(task_id="python", python_callable=named, op_args=["{{{{ params.run_name }}}}"])
    BashOperator(task_id="bash", bash_command={BASH.format()!r},
                 env={{"BASE": {base!r}, "RUN": "{{{{ params.run_name }}}}"}}, append_env=True)
    NotebookOperator(task_id="notebook", notebook={dag_id + ".ipynb"!r},
                     parameters={{"run_name": "{{{{ params.run_name }}}}"}})
""",
        f"{dag_id}.py",
    )


def open_gate(house: House, run: str) -> None:
    """Let the tasks of this run end."""
    (house.base / f"gate-{run}").touch()


def entries(house: House, run: str) -> list[Entry]:
    """Return what the tasks of this run have written."""
    path = Path(house.base, "journal.txt")
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        word, name, of, pid, _, source = line.split(" ", 5)
        if of == run:
            found.append(Entry(word, name, of, int(pid), source))
    return found


def words(house: House, run: str, name: str) -> list[str]:
    """Return what a task has written: ``["start", "end"]`` if it ran once."""
    return [entry.word for entry in entries(house, run) if entry.name == name]
