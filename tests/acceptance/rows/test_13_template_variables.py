"""Row 13: the dates of a run in templates and as parameters of notebooks; old names go on by the timetable."""

from __future__ import annotations

from typing import Any

from support.houses import House
from support.waiting import wait_for

DATES = """
from datetime import datetime

from jupyter_flow import DAG, BashOperator, NotebookOperator

NAMES = [
    "ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "logical_date", "data_interval_start",
    "data_interval_end", "execution_date", "next_ds", "next_ds_nodash", "next_execution_date", "prev_ds",
    "prev_ds_nodash", "prev_execution_date", "yesterday_ds", "yesterday_ds_nodash", "tomorrow_ds",
    "tomorrow_ds_nodash", "END_DATE", "end_date", "latest_date", "prev_data_interval_start_success",
    "prev_execution_date_success", "task_instance_key_str", "run_id",
]
TEMPLATE = "\\n".join("echo '%s={{ %s }}'" % (name, name) for name in NAMES)

# Berlin: at the end of March 2026 a day has 23 hours
with DAG("dates", schedule="0 6 * * MON-FRI", start_date=datetime(2026, 3, 26), end_date=datetime(2026, 3, 30, 12),
         timezone="Europe/Berlin", catchup=True, max_active_runs=1):
    BashOperator(task_id="all", bash_command=TEMPLATE)

with DAG("by_hand"):
    BashOperator(task_id="all", bash_command=TEMPLATE)

with DAG("dateless"):
    BashOperator(task_id="plain", bash_command="echo {{ run_id }} {{ ds | default('none') }}")
    BashOperator(task_id="dated", bash_command="echo {{ ds_nodash }}")

with DAG("in_a_notebook"):
    NotebookOperator(
        task_id="book", notebook="book.ipynb", parameters={"day": "{{ ds }}", "before": "{{ prev_ds_nodash }}"}
    )
"""


def printed(house: House, dag_id: str, run_id: str) -> dict[str, str]:
    lines = house.call("tasks.log", dag_id=dag_id, run_id=run_id, task_id="all")["lines"]
    return dict(line["text"].split("=", 1) for line in lines if "=" in line["text"])


def known(house: House) -> list[str]:
    return [run["run_id"] for run in house.call("runs.list", dag_id="dates")["runs"]]


def test_names_of_scheduled_runs_follow_the_timetable(house: House) -> None:
    push = "from jupyter_flow import flow\nflow.xcom_push('got', [day, before])"
    house.write_notebook([{"source": "day = before = None", "tags": ["parameters"]}, push], "book.ipynb")
    house.write_dag(DATES, "dates.py")
    house.wait_for_dag("dates")
    house.call("dags.unpause", dag_id="dates")
    runs = [f"scheduled__2026-03-{day}T0{hour}:00:00+00:00" for day, hour in ((26, 5), (27, 5), (30, 4))]
    wait_for(lambda: set(runs) <= set(known(house)), lambda: f"{runs} among {known(house)}")
    for run_id in runs:
        assert house.wait_for_run("dates", run_id)["state"] == "success"
    found = printed(house, "dates", runs[1])
    assert found == {
        "ds": "2026-03-27",
        "ds_nodash": "20260327",
        "ts": "2026-03-27T05:00:00+00:00",
        "ts_nodash": "20260327T050000",
        "ts_nodash_with_tz": "20260327T050000+0000",
        "logical_date": "2026-03-27 05:00:00+00:00",
        "data_interval_start": "2026-03-27 05:00:00+00:00",
        "data_interval_end": "2026-03-30 04:00:00+00:00",  # Monday, and summer time
        "execution_date": "2026-03-27 05:00:00+00:00",
        "next_ds": "2026-03-30",
        "next_ds_nodash": "20260330",
        "next_execution_date": "2026-03-30 04:00:00+00:00",
        "prev_ds": "2026-03-26",
        "prev_ds_nodash": "20260326",
        "prev_execution_date": "2026-03-26 05:00:00+00:00",
        "yesterday_ds": "2026-03-26",
        "yesterday_ds_nodash": "20260326",
        "tomorrow_ds": "2026-03-28",
        "tomorrow_ds_nodash": "20260328",
        "END_DATE": "2026-03-27",
        "end_date": "2026-03-27",
        "latest_date": "2026-03-27",
        "prev_data_interval_start_success": "2026-03-26 05:00:00+00:00",
        "prev_execution_date_success": "2026-03-26 05:00:00+00:00",
        "task_instance_key_str": "dates__all__20260327",
        "run_id": runs[1],
    }
    assert printed(house, "dates", runs[2])["prev_ds"] == "2026-03-27"
    assert printed(house, "dates", runs[0])["prev_execution_date_success"] == "None"


def test_before_and_after_a_manual_run_are_its_own_date(house: House) -> None:
    house.run_dag("by_hand", run_id="hand", logical_date="2026-01-31T10:30:00+00:00")
    found = printed(house, "by_hand", "hand")
    assert {found[name] for name in ("ds", "next_ds", "prev_ds", "END_DATE")} == {"2026-01-31"}
    assert found["next_execution_date"] == found["prev_execution_date"] == found["logical_date"]
    assert (found["yesterday_ds"], found["tomorrow_ds"]) == ("2026-01-30", "2026-02-01")


def test_a_run_without_a_date_has_none_of_them_and_says_so(house: House) -> None:
    run = house.run_dag("dateless", run_id="none", logical_date="none")
    tasks: dict[str, Any] = {task["task_id"]: task for task in run["tasks"]}
    pushed = house.call("tasks.xcom", dag_id="dateless", run_id="none", task_id="plain")["xcoms"]
    assert pushed[0]["value"] == "none none"
    assert tasks["dated"]["reason"]["text"] == (
        "template field bash_command: 'ds_nodash' is undefined: this run has no logical date"
    )


def test_dates_arrive_in_a_notebook_as_parameters(house: House) -> None:
    house.run_dag("in_a_notebook", run_id="r", logical_date="2026-01-31T00:00:00+00:00")
    pushed = house.call("tasks.xcom", dag_id="in_a_notebook", run_id="r", task_id="book", key="got")["xcoms"]
    assert pushed[0]["value"] == ["2026-01-31", "20260131"]
