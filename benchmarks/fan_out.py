"""1 → 200 → 1 no-op Python tasks, each in a process of its own, against a fork loop of the same image.

Target: ≥ 0.3 × the fork loop.

Each no-op appends its pid and session to a journal: 202 distinct pids and sessions, or the line is refused. Right
after the run is seen finished the host gets SIGKILL, and the database must show 202 rows of success: what we count
as done is durable. The fork loop imports the base of the light forkserver and forks 202 children, as many at once as
the host may run, each of which starts a session and writes the same journal line.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from common import Effort, Line, house, median, watching
from support.houses import House

COUNT = 202
AT_ONCE = 16

DAG = '''
import os
from datetime import datetime
from jupyter_flow import DAG, PythonOperator

JOURNAL = {journal!r}

def no_op():
    """Write one line: O_APPEND makes it whole."""
    handle = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{{os.getpid()}} {{os.getsid(0)}}\\n".encode())
    os.close(handle)

with DAG(dag_id="fan_out", schedule=None, start_date=datetime(2026, 1, 1), max_active_tasks=1000):
    first = PythonOperator(task_id="first", python_callable=no_op)
    last = PythonOperator(task_id="last", python_callable=no_op)
    first >> [PythonOperator(task_id=f"middle_{{n:03d}}", python_callable=no_op) for n in range({middle})] >> last
'''


def measure(effort: Effort) -> list[Line]:
    """Return the line."""
    rates, loops, ratios = [], [], []
    for _ in range(effort.times(5, 1)):
        loops.append(_fork_loop())
        rates.append(_tasks_a_second())
        loops.append(_fork_loop())
        ratios.append(rates[-1] / ((loops[-2] + loops[-1]) / 2))
    details = {
        "tasks_per_s": round(median(rates)),
        "fork_loop_per_s": round(median(loops)),
        "durable": f"{COUNT} of {COUNT} rows after kill -9",
    }
    what = "1 → 200 → 1 no-op tasks, a process each"
    return [Line("fan_out", what, round(median(ratios), 3), "× fork loop of the same image", 0.3, False, details)]


def _tasks_a_second() -> float:
    def prepare(subject: House) -> None:
        subject.write_dag(DAG.format(journal=str(subject.base / "journal"), middle=COUNT - 2), "fan_out.py")

    with house(prepare=prepare) as subject:
        journal = subject.base / "journal"
        with watching(subject, "fan_out") as watcher:
            watcher.time_run("fan_out")  # the first run starts the forkserver
            journal.unlink()
            seconds, run = watcher.time_run("fan_out")
            subject.kill()
        _check_journal(journal)
        found = subject.rows(
            "SELECT COUNT(*) AS count FROM task_instance WHERE state = 'success' AND dag_run_id ="
            " (SELECT id FROM dag_run WHERE run_id = ?)",
            run["run_id"],
        )
        if found[0]["count"] != COUNT:
            raise RuntimeError(f"{found[0]['count']} rows of success after kill -9 of the host, not {COUNT}")
        return COUNT / seconds


def _check_journal(journal: Path, count: int = COUNT) -> None:
    lines = [line.split() for line in journal.read_text().splitlines()]
    pids, sessions = {line[0] for line in lines}, {line[1] for line in lines}
    if (len(lines), len(pids), len(sessions)) != (count, count, count):
        raise RuntimeError(f"{len(lines)} lines, {len(pids)} processes, {len(sessions)} sessions: not {count} of each")


def _fork_loop() -> float:
    done = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True)
    return COUNT / float(done.stdout)


def fork_loop(journal: Path, count: int, at_once: int) -> float:
    """Fork ``count`` children that write the journal line, ``at_once`` living at a time; return the seconds."""
    import gc
    import os
    import time

    from jupyter_flow.runner.forkserver import import_base

    import_base("light")
    gc.freeze()
    started = time.perf_counter()
    living = 0
    for _ in range(count):
        if living == at_once:
            os.wait()
            living -= 1
        if os.fork() == 0:
            os.setsid()
            handle = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(handle, f"{os.getpid()} {os.getsid(0)}\n".encode())
            os._exit(0)
        living += 1
    for _ in range(living):
        os.wait()
    return time.perf_counter() - started


def main(arguments: Sequence[str] = ()) -> None:
    """Run the fork loop and print its seconds: ``python fan_out.py [COUNT [AT_ONCE]]``."""
    import tempfile

    count = int(arguments[0]) if arguments else COUNT
    at_once = int(arguments[1]) if len(arguments) > 1 else AT_ONCE
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        seconds = fork_loop(journal, count, at_once)
        _check_journal(journal, count)
    print(seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
