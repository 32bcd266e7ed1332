"""Row 45: sensors, in poke and in reschedule mode."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.houses import House, states_of, task_of

HEAD = """
from datetime import datetime, time, timedelta
from pathlib import Path
from jupyter_flow import *
from jupyter_flow import DAG, BashOperator

fast = {"poke_interval": 0.2}
later = {"mode": "reschedule", "poke_interval": 0.2}
"""


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    """A web server that answers 404 first and then JSON; its address and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = b'{"ready": true}' if len(asked) > 2 else b""
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_sensors_of_files_commands_functions_queries_and_the_clock(house: House) -> None:
    database = house.dags / "data.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE rows (n INTEGER)")
    connection.close()
    house.write_dag(
        HEAD
        + f"""
def counted(name, limit=3):
    path = Path(name)
    number = int(path.read_text()) + 1 if path.exists() else 1
    path.write_text(str(number))
    return PokeReturnValue(number >= limit, xcom_value=number)

with DAG("looking", schedule=None, params={{"name": "arrived"}}):
    FileSensor(task_id="file", filepath="drop/{{{{ params.name }}}}.csv", **fast)
    FileSensor(task_id="pattern", filepath="drop/*.csv", **later)
    BashSensor(task_id="bash", bash_command="test -e drop/arrived.csv", **fast)
    python = PythonSensor(task_id="python", python_callable=counted, op_args=["pokes"], **later)
    SqlSensor(task_id="sql", conn_id="sqlite:///{database}", sql="SELECT count(*) FROM rows WHERE n > :n",
              parameters={{"n": 1}}, **later)
    TimeDeltaSensor(task_id="delta", delta=timedelta())
    WaitSensor(task_id="wait", time_to_wait=0.5, mode="reschedule", poke_interval=3600)
    DateTimeSensor(task_id="date", target_time="{{{{ logical_date.isoformat() }}}}")
    TimeSensor(task_id="clock", target_time=time(0, 0))
    DayOfWeekSensor(task_id="day", week_day=set(WeekDay))

    @task.sensor(poke_interval=0.2)
    def decorated(ti) -> PokeReturnValue:
        return counted("decorated", 2)

    @task
    def seen(value, other):
        return [value, other]

    seen(decorated(), python.output)
""",
        "looking.py",
    )
    run = house.trigger("looking")
    house.wait_for_task("looking", run["run_id"], "pattern", "up_for_reschedule")
    (house.dags / "drop").mkdir()
    (house.dags / "drop" / "arrived.csv").write_text("a")
    with sqlite3.connect(database) as connection:
        connection.execute("INSERT INTO rows VALUES (2)")
    connection.close()
    done = house.wait_for_run("looking", run["run_id"])
    assert set(states_of(done).values()) == {"success"}
    for name, attempts in (("python", 3), ("wait", 2)):
        shown = house.call("tasks.show", dag_id="looking", run_id=run["run_id"], task_id=name)
        assert (shown["try_number"], len(shown["attempts"])) == (1, attempts), name
    value = house.call("tasks.xcom", dag_id="looking", run_id=run["run_id"], task_id="seen")["xcoms"][0]["value"]
    assert value == [2, 3]


def test_a_sensor_in_reschedule_mode_frees_its_slot_and_survives_the_end_of_the_host(house: House) -> None:
    house.write_dag(
        HEAD
        + """
with DAG("slots", schedule=None, max_active_tasks=1):
    FileSensor(task_id="patient", filepath="patient.txt", mode="reschedule", poke_interval=0.3, priority_weight=10)
    BashOperator(task_id="other", bash_command="true")
""",
        "slots.py",
    )
    run = house.trigger("slots")
    house.wait_for_task("slots", run["run_id"], "other", "success")
    house.kill()
    house.start()
    (house.dags / "patient.txt").write_text("x")
    done = house.wait_for_run("slots", run["run_id"])
    assert states_of(done) == {"patient": "success", "other": "success"}
    assert task_of(done, "patient")["try_number"] == 1


def test_over_its_timeout_a_sensor_fails_without_another_try_or_is_skipped(house: House) -> None:
    house.write_dag(
        HEAD
        + """
def broken():
    raise RuntimeError("the source is gone")

never = {"filepath": "never", "timeout": 0.5}
with DAG("late", schedule=None, default_args={"retries": 2, "retry_delay": 0}):
    FileSensor(task_id="fails", **never, **fast)
    FileSensor(task_id="fails_later", **never, **later)
    FileSensor(task_id="soft", soft_fail=True, **never, **later)
    PythonSensor(task_id="soft_error", python_callable=broken, soft_fail=True, **fast)
    PythonSensor(task_id="never", python_callable=broken, never_fail=True, **fast)
    PythonSensor(task_id="silent", python_callable=broken, silent_fail=True, timeout=0.5, **fast)
    BashSensor(task_id="code", bash_command="exit 3", retry_exit_code=7, retries=0, **fast)
""",
        "late.py",
    )
    run = house.run_dag("late")
    failed = dict.fromkeys(("fails", "fails_later", "silent", "code"), "failed")
    assert states_of(run) == {**failed, **dict.fromkeys(("soft", "soft_error", "never"), "skipped")}
    assert task_of(run, "fails_later")["try_number"] == 1
    assert "sensor timed out" in task_of(run, "fails_later")["reason"]["text"]
    assert "the source is gone" in task_of(run, "soft_error")["reason"]["text"]
    assert "exit code 3, which is none of retry_exit_code" in task_of(run, "code")["reason"]["text"]


def test_a_web_address_is_asked_until_it_answers_as_wanted(house: House, web: tuple[str, list[str]]) -> None:
    address, asked = web
    house.write_dag(
        HEAD
        + f"""
with DAG("web", schedule=None):
    HttpSensor(task_id="web", endpoint="{address}/status", request_params={{"day": "{{{{ ds }}}}"}},
               response_check=lambda response: response.json()["ready"], **later)
    HttpSensor(task_id="refused", endpoint="http://127.0.0.1:9/", **fast)
""",
        "web.py",
    )
    run = house.run_dag("web", logical_date="2026-03-01")
    assert states_of(run) == {"web": "success", "refused": "failed"}
    assert asked == ["/status?day=2026-03-01"] * 3
    assert "no answer" in task_of(run, "refused")["reason"]["text"]


def test_a_task_of_another_dag_is_waited_for_by_its_logical_date(house: House) -> None:
    house.write_dag(
        HEAD
        + """
with DAG("upstream_dag", schedule=None):
    BashOperator(task_id="good", bash_command="true") >> BashOperator(task_id="bad", bash_command="false")

with DAG("waiting_dag", schedule=None):
    ExternalTaskSensor(task_id="good", external_dag_id="upstream_dag", external_task_id="good", **later)
    ExternalTaskSensor(task_id="earlier", external_dag_id="upstream_dag", external_task_ids=["good"],
                       execution_delta=timedelta(days=1), timeout=0.5, soft_fail=True, **later)
    ExternalTaskSensor(task_id="whole", external_dag_id="upstream_dag", allowed_states=["success", "failed"], **later)
    ExternalTaskSensor(task_id="bad", external_dag_id="upstream_dag", external_task_id="bad",
                       failed_states=["failed"], **later)
    ExternalTaskSensor(task_id="unknown", external_dag_id="upstream_dag", external_task_id="godo",
                       check_existence=True, **later)
""",
        "external.py",
    )
    date = "2026-04-01T00:00:00+00:00"
    house.wait_for_dag("upstream_dag")
    run = house.trigger("waiting_dag", logical_date=date)
    house.wait_for_task("waiting_dag", run["run_id"], "good", "up_for_reschedule")
    house.run_dag("upstream_dag", logical_date=date)
    done = house.wait_for_run("waiting_dag", run["run_id"])
    assert states_of(done) == {
        "good": "success",
        "earlier": "skipped",
        "whole": "success",
        "bad": "failed",
        "unknown": "failed",
    }
    assert "did you mean 'good'?" in task_of(done, "unknown")["reason"]["text"]


def test_an_event_of_an_asset_is_waited_for(house: House) -> None:
    house.write_dag(
        HEAD
        + """
orders = Asset("orders", uri="file:///orders")

with DAG("produces", schedule=None):
    BashOperator(task_id="write", bash_command="true", outlets=[orders])

with DAG("consumes", schedule=None):
    AssetSensor(task_id="orders", asset=orders, **later)
""",
        "assets.py",
    )
    house.wait_for_dag("produces")
    run = house.trigger("consumes")
    house.wait_for_task("consumes", run["run_id"], "orders", "up_for_reschedule")
    house.run_dag("produces")
    done = house.wait_for_run("consumes", run["run_id"])
    assert states_of(done) == {"orders": "success"}
    event = house.call("tasks.xcom", dag_id="consumes", run_id=run["run_id"], task_id="orders")["xcoms"][0]["value"]
    assert event["source_dag_id"] == "produces"


def test_clearing_a_marker_clears_the_task_that_waits_in_the_other_dag(house: House) -> None:
    house.write_dag(
        HEAD
        + """
with DAG("source", schedule=None):
    load = BashOperator(task_id="load", bash_command="true")
    load >> ExternalTaskMarker(task_id="marker", external_dag_id="follower", external_task_id="loaded")

with DAG("follower", schedule=None):
    loaded = ExternalTaskSensor(task_id="loaded", external_dag_id="source", external_task_id="load", **later)
    loaded >> BashOperator(task_id="report", bash_command="true")
""",
        "marker.py",
    )
    date = "2026-05-01T00:00:00+00:00"
    first = house.run_dag("source", logical_date=date)
    second = house.run_dag("follower", logical_date=date)
    house.call("tasks.clear", dag_id="source", run_id=first["run_id"], task_id="load")
    for dag_id, run_id, task_id in (("source", first["run_id"], "load"), ("follower", second["run_id"], "report")):
        house.wait_for_run(dag_id, run_id)
        shown = house.call("tasks.show", dag_id=dag_id, run_id=run_id, task_id=task_id)
        assert (shown["state"], len(shown["attempts"])) == ("success", 2), dag_id
