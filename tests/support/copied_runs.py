"""Many recorded runs in a moment: rows of the runs that there are, copied by SQL."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text


def copies(connection: Connection, count: int) -> Iterator[str]:
    """Yield statements that copy the one run of each DAG with its tasks, hour by hour up to now."""
    hour = f"strftime('%Y-%m-%d %H:00:00', 'now', '-' || ({count} + 1 - i) || ' hours')"
    runs_own = {"run_id": "'scheduled__' || i", "logical_date": hour, "run_after": hour}
    yield (
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        + _copy_of(connection, "dag_run", runs_own, "n")
    )
    tasks_own = {"dag_run_id": "r.id", "run_id": "r.run_id"}
    of_dag = "r WHERE r.dag_id = t.dag_id"
    copied = "(SELECT id, run_id, dag_id FROM dag_run WHERE run_id <> 'scheduled__0')"
    yield _copy_of(connection, "task_instance", tasks_own, f"{copied} {of_dag}")


def _copy_of(connection: Connection, table: str, own: dict[str, str], others: str) -> str:
    columns = [row[1] for row in connection.execute(text(f"PRAGMA table_info({table})")) if row[1] != "id"]
    values = ", ".join(own.get(name, f"t.{name}") for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} t, {others}"
