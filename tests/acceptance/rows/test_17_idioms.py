"""Row 17: idioms of Airflow files: dates that are counted back, DAGs and tasks in loops, context managers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from support.houses import House, states_of


def test_days_ago_is_midnight_and_noted(house: House) -> None:
    file = house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator
        from jupyter_flow.utils.dates import days_ago

        with DAG("counted", start_date=days_ago(2), schedule="@daily", catchup=True):
            EmptyOperator(task_id="one")
        with DAG("counted_hours", start_date=days_ago(1, hour=6, minute=30), schedule=None):
            EmptyOperator(task_id="one")
        """,
        "counted.py",
    )
    house.wait_for_dag("counted_hours")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert _start(house, "counted") in {today - timedelta(days=2), today - timedelta(days=1)}
    assert _start(house, "counted_hours").strftime("%H:%M:%S") == "06:30:00"
    checked = house.cli("check", str(file))
    told = " ".join((checked.out + checked.err).split())
    assert checked.code == 0
    assert "counted.py:4: warning: days_ago(2) is another date each day: write a fixed start_date" in told


def test_dags_in_loops_and_functions(house: House) -> None:
    house.write_dag(
        """
        from contextlib import ExitStack, contextmanager
        from jupyter_flow import DAG, EmptyOperator, PythonOperator, TaskGroup, chain

        TABLES = {"users": 2, "orders": 3}

        def build(name, parts):
            dag = DAG(f"load_{name}", schedule=None)
            with dag:
                steps = [
                    PythonOperator(task_id=f"part_{index}", python_callable=lambda index: index, op_args=[index])
                    for index in range(parts)
                ]
                chain(*steps)
                steps[-1] >> EmptyOperator(task_id="done")
            return dag

        for table, parts in TABLES.items():
            globals()[f"dag_{table}"] = build(table, parts)

        @contextmanager
        def framed(name):
            with TaskGroup(name) as group:
                begin = EmptyOperator(task_id="begin")
                work = []
                yield work
                chain(begin, work, EmptyOperator(task_id="end")) if work else begin

        with DAG("framed", schedule=None) as dag, ExitStack() as stack:
            work = stack.enter_context(framed("inner"))
            work += [EmptyOperator(task_id=name) for name in "ab"]
        """,
        "loops.py",
    )
    assert states_of(house.run_dag("load_users")) == dict.fromkeys(["part_0", "part_1", "done"], "success")
    run = house.run_dag("load_orders")
    values = [house.cli_json("tasks", "xcom", "load_orders", run["run_id"], f"part_{index}") for index in range(3)]
    assert [items[0]["value"] for items in values] == [0, 1, 2]
    run = house.run_dag("framed")
    assert states_of(run) == dict.fromkeys(["inner.begin", "inner.a", "inner.b", "inner.end"], "success")
    shown = house.cli_json("dags", "show", "framed")
    upstream = {task["task_id"]: sorted(task["upstream"]) for task in shown["tasks"]}
    assert upstream["inner.end"] == ["inner.a", "inner.b"]


def test_dates_and_zones_of_pendulum(house: House) -> None:
    house.write_dag(
        """
        import pendulum
        from jupyter_flow import DAG, DateTimeSensor, PythonOperator

        with DAG(
            "zoned",
            start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Tokyo"),
            end_date=pendulum.datetime(2026, 12, 31, tz="Asia/Tokyo"),
            schedule="0 9 * * *",
        ):
            DateTimeSensor(task_id="past", target_time=pendulum.datetime(2026, 1, 1)) >> PythonOperator(
                task_id="local", python_callable=lambda ts: pendulum.parse(ts).in_timezone("Asia/Tokyo")
            )
        with DAG("named", timezone=pendulum.timezone("Europe/Berlin"), schedule="0 9 * * *"):
            PythonOperator(task_id="one", python_callable=print)
        """,
        "zoned.py",
    )
    run = house.run_dag("zoned", logical_date="2026-02-01T00:00:00+00:00")
    assert states_of(run) == {"past": "success", "local": "success"}
    soon = house.cli_json("dags", "next", "zoned", "--after", "2026-03-01T00:30:00Z", "--count", "1")[0]
    assert soon["run_after"] == "2026-03-02T00:00:00+00:00"  # nine o'clock in Tokyo
    house.wait_for_dag("named")
    assert house.cli_json("dags", "show", "named")["timezone"] == "Europe/Berlin"


def _start(house: House, dag_id: str) -> datetime:
    return datetime.fromisoformat(house.cli_json("dags", "show", dag_id)["start_date"])
