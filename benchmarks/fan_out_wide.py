"""Wider fan-outs than ``fan_out``: 1 → 1,000 → 1, 5,000 mapped tasks, and the same on PostgreSQL.

Targets: 1 → 1,000 → 1 no-op Python tasks ≥ 0.35 × a fork loop of the same image · a task of 5,000 mapped ones ≤ 1.3 ×
what one of 500 costs · PostgreSQL ≥ 0.5 × the tasks a second of SQLite (fsync on, on the same disk, by a socket).

Every task is a process of its own and writes a line of the journal (see ``fan_out``); every row of success is counted
after SIGKILL of the host.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
from common import Effort, Line, house, median, watching
from fan_out import DAG
from support.houses import House
from support.postgres import Postgres, a_server

from jupyter_flow.wire.environment import DB_URL_VARIABLE

AT_ONCE = 32
"""Tasks that the host may run at once, and children of the fork loop that live at once: Airflow's default."""

WARM = """
with DAG(dag_id="warm_up", schedule=None):
    for number in range(20):
        PythonOperator(task_id=f"warm_{number}", python_callable=print)
"""

MAPPED = """
import os
from jupyter_flow import DAG, PythonOperator

JOURNAL = {journal!r}

def no_op(number):
    handle = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{{os.getpid()}} {{os.getsid(0)}}\\n".encode())
    os.close(handle)

with DAG(dag_id="fan_out", max_active_tasks=1000):
    PythonOperator.partial(task_id="middle", python_callable=no_op).expand(
        op_args=[[number] for number in range({middle})]
    )
"""


def measure(effort: Effort) -> list[Line]:
    """Return the lines."""
    rounds = effort.times(3, 1)
    wide = effort.times(1_000, 300)
    loops, rates = [], []
    for _ in range(rounds):
        loops.append(_fork_loop(wide + 2))
        rates.append((wide + 2) / _seconds(DAG, wide, wide + 2))
        loops.append(_fork_loop(wide + 2))
    ratios = [rate / ((loops[2 * n] + loops[2 * n + 1]) / 2) for n, rate in enumerate(rates)]
    few, many = effort.times(500, 100), effort.times(5_000, 500)
    small = median([_seconds(MAPPED, few, few) / few for _ in range(rounds)])
    large = _seconds(MAPPED, many, many) / many
    with a_server() as server:
        _keep_safe(server)
        shared, alone = [], []
        for _ in range(rounds):
            alone.append(_seconds(DAG, wide, wide + 2))
            shared.append(_seconds(DAG, wide, wide + 2, server))
    return [
        Line(
            "fan_out_1000",
            f"1 → {wide:,} → 1 no-op tasks, a process each",
            round(median(ratios), 3),
            "× fork loop of the same image",
            0.35,
            False,
            {"tasks_per_s": round(median(rates)), "fork_loop_per_s": round(median(loops))},
        ),
        Line(
            "fan_out_mapped",
            f"a task of {many:,} mapped ones",
            round(large / small, 2),
            f"× one of {few:,}",
            1.3,
            True,
            {f"ms_of_{few}": round(1000 * small, 1), f"ms_of_{many}": round(1000 * large, 1)},
        ),
        Line(
            "fan_out_postgres",
            f"1 → {wide:,} → 1 on PostgreSQL, fsync on",
            round(median(alone) / median(shared), 2),
            "× tasks a second on SQLite",
            0.5,
            False,
            {"postgres_s": round(median(shared), 2), "sqlite_s": round(median(alone), 2)},
        ),
    ]


def _keep_safe(server: Postgres) -> None:
    """Let the server sync each commit to disk, as SQLite does here; tests do without."""
    with psycopg.connect(server.url("postgres").replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = on")
        connection.execute("SELECT pg_reload_conf()")
    with psycopg.connect(server.url("postgres").replace("+psycopg", "", 1), autocommit=True) as connection:
        found = connection.execute("SHOW fsync").fetchone()
        if found != ("on",):
            raise RuntimeError(f"fsync is {found}")


def _seconds(source: str, middle: int, count: int, server: Postgres | None = None) -> float:
    """Return the seconds of a run of ``count`` tasks, on a host that has executed a few tasks of the same DAG file."""
    name = server.create_database() if server is not None else ""

    def prepare(subject: House) -> None:
        if server is not None:
            subject.env[DB_URL_VARIABLE] = server.url(name)
        text = source.format(journal=str(subject.base / "journal"), middle=middle)
        subject.write_dag(text + WARM, "fan_out.py")

    with house(start=False, prepare=prepare) as subject:
        subject.start("--max-map-length", "10000", "--parallelism", str(AT_ONCE))
        journal = subject.base / "journal"
        with watching(subject, "fan_out", "warm_up") as watcher:
            watcher.time_run("warm_up")
            seconds, run = watcher.time_run("fan_out", pause=0.05)
            subject.kill()
        lines = journal.read_text().splitlines()
        if not len(lines) == len(set(lines)) == count:
            raise RuntimeError(f"{len(lines)} lines of {len(set(lines))} processes, not {count}")
        found = subject.rows(
            "SELECT COUNT(*) AS count FROM task_instance WHERE state = 'success' AND run_id = ?", run["run_id"]
        )
        if found[0]["count"] != count:
            raise RuntimeError(f"{found[0]['count']} rows of success after kill -9 of the host, not {count}")
    if server is not None:
        server.drop_database(name)
    return seconds


def _fork_loop(count: int) -> float:
    command = [sys.executable, str(Path(__file__).with_name("fan_out.py")), str(count), str(AT_ONCE)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return count / float(done.stdout)
