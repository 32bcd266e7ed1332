"""Airflow DAG files, unchanged: both generations of paths, what they mean, and one line for what is not here."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.houses import House, states_of, task_of
from support.waiting import wait_for


def test_a_file_of_airflow_2_runs_with_its_meaning(house: House) -> None:
    house.write_dag(
        '''
        """
        ### Daily sales
        """
        from datetime import datetime, timedelta
        from textwrap import dedent

        from airflow import DAG
        from airflow.exceptions import AirflowSkipException
        from airflow.models import Variable
        from airflow.models.baseoperator import chain
        from airflow.operators.bash import BashOperator
        from airflow.operators.empty import EmptyOperator
        from airflow.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator
        from airflow.utils.edgemodifier import Label
        from airflow.utils.task_group import TaskGroup
        from airflow.utils.trigger_rule import TriggerRule

        default_args = {"owner": "sales", "depends_on_past": False, "retries": 1, "retry_delay": timedelta(minutes=5)}

        def extract(ds, **kwargs):
            kwargs["ti"].xcom_push(key="rows", value=[1, 2, 3])
            return ds

        def add(**context):
            return sum(context["ti"].xcom_pull(task_ids="extract", key="rows"))

        def leave():
            raise AirflowSkipException("nothing to do")

        with DAG(
            "sales",
            default_args=default_args,
            schedule_interval="0 3 * * *",
            start_date=datetime(2026, 1, 1),
            catchup=False,
            tags=["sales"],
        ) as dag:
            dag.doc_md = __doc__
            first = PythonOperator(task_id="extract", python_callable=extract)
            first.doc_md = dedent("#### Extract")
            total = PythonOperator(task_id="add", python_callable=add)
            show = BashOperator(task_id="show", bash_command="echo {{ ds }} {{ params.who }}", params={"who": "ada"})
            choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "small")
            small, large = EmptyOperator(task_id="small"), EmptyOperator(task_id="large")
            join = EmptyOperator(task_id="join", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
            go_on = ShortCircuitOperator(task_id="go_on", python_callable=lambda: False)
            never = EmptyOperator(task_id="never")
            skips = PythonOperator(task_id="skips", python_callable=leave)
            with TaskGroup(group_id="checks", tooltip="look at it") as checks:
                BashOperator(task_id="disk", bash_command="exit 99")
                EmptyOperator(task_id="rights")
            chain(first, total, show, choose)
            choose >> Label("few") >> small >> join
            choose >> Label("many") >> large >> join
            join >> checks
            join >> [go_on, skips]
            go_on >> never
        ''',
        "sales.py",
    )
    run = house.run_dag("sales", logical_date="2026-02-01T03:00:00+00:00")
    assert run["state"] == "success"
    assert states_of(run) == {
        "extract": "success",
        "add": "success",
        "show": "success",
        "choose": "success",
        "small": "success",
        "large": "skipped",
        "join": "success",
        "go_on": "success",
        "never": "skipped",
        "skips": "skipped",
        "checks.disk": "skipped",
        "checks.rights": "success",
    }
    shown = house.cli_json("dags", "show", "sales")
    tasks = {task["task_id"]: task for task in shown["tasks"]}
    assert {name: task["operator"] for name, task in tasks.items()} == {
        "extract": "PythonOperator",
        "add": "PythonOperator",
        "show": "BashOperator",
        "choose": "BranchPythonOperator",
        "small": "EmptyOperator",
        "large": "EmptyOperator",
        "join": "EmptyOperator",
        "go_on": "ShortCircuitOperator",
        "never": "EmptyOperator",
        "skips": "PythonOperator",
        "checks.disk": "BashOperator",
        "checks.rights": "EmptyOperator",
    }
    assert tasks["join"]["trigger_rule"] == "none_failed_min_one_success"
    assert (tasks["add"]["retries"], tasks["add"]["owner"]) == (1, "sales")
    assert [item["value"] for item in house.cli_json("tasks", "xcom", "sales", run["run_id"], "add")] == [6]
    lines = house.call("tasks.log", dag_id="sales", run_id=run["run_id"], task_id="show")["lines"]
    assert "2026-02-01 ada" in [line["text"] for line in lines]
    soon = house.cli_json("dags", "next", "sales", "--after", "2026-03-01T00:00:00Z", "--count", "1")[0]
    assert soon["run_after"] == "2026-03-01T03:00:00+00:00"
    assert soon["logical_date"] == "2026-02-28T03:00:00+00:00"  # a run covers the day before it


def test_a_file_of_airflow_3_runs_with_its_meaning(house: House) -> None:
    house.write_dag(
        """
        from __future__ import annotations

        import pendulum

        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.providers.standard.operators.empty import EmptyOperator
        from airflow.sdk import (
            Asset, BaseOperator, Context, Param, TriggerRule, Variable, chain, dag, get_current_context, setup, task,
            task_group, teardown,
        )

        class Greet(BaseOperator):
            template_fields = ("name",)

            def __init__(self, name: str, **kwargs):
                super().__init__(**kwargs)
                self.name = name

            def execute(self, context: Context):
                size = self.render_template("{{ params.size }} {{ ds }}", context)
                return f"hello {self.name} {size}"

        @dag(
            schedule="0 3 * * *",
            start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
            params={"size": Param(3, type="integer", minimum=1)},
        )
        def modern():
            @setup
            def begin():
                return "ready"

            @task
            def numbers(size: int) -> list[int]:
                return list(range(size))

            @task(max_active_tis_per_dag=2)
            def double(value: int) -> int:
                return value * 2

            @task_group
            def gather(values):
                @task
                def total(items) -> int:
                    return sum(items)

                @task(multiple_outputs=True)
                def both(value: int):
                    return {"sum": value, "date": get_current_context()["ds"]}

                return both(total(values))

            @task.bash
            def say(value: int) -> str:
                return f"echo {value}"

            @teardown
            def end():
                pass

            found = gather(double.expand(value=numbers(3)))
            told = say(found["sum"])
            late = EmptyOperator(task_id="late", trigger_rule=TriggerRule.ALL_DONE)
            out = BashOperator(task_id="out", bash_command="true", outlets=[Asset("s3://modern/out")])
            chain(begin(), Greet(task_id="greet", name="{{ dag.dag_id }}"), told, [late, out], end())

        modern()
        """,
        "modern.py",
    )
    run = house.run_dag("modern", logical_date="2026-02-01T02:00:00+00:00")
    assert run["state"] == "success", house.story("modern", run["run_id"])
    assert {task["state"] for task in run["tasks"]} == {"success"}
    assert task_of(run, "double", 2)["state"] == "success"
    values = {
        name: [item["value"] for item in house.cli_json("tasks", "xcom", "modern", run["run_id"], name)]
        for name in ("greet", "gather.total", "say")
    }
    assert values == {"greet": ["hello modern 3 2026-02-01"], "gather.total": [6], "say": ["6"]}
    soon = house.cli_json("dags", "next", "modern", "--after", "2026-03-01T00:00:00Z", "--count", "1")[0]
    assert (
        soon["run_after"] == soon["logical_date"] == "2026-03-01T02:00:00+00:00"
    )  # three o'clock in Berlin, its own date
    assert soon["data_interval_start"] == soon["data_interval_end"]


def test_paths_of_airflow_1_and_what_older_documents_teach(house: House) -> None:
    house.write_dag(
        """
        from datetime import timedelta

        import airflow
        from airflow import models
        from airflow.contrib.sensors.python_sensor import PythonSensor
        from airflow.hooks.base_hook import BaseHook
        from airflow.operators.bash_operator import BashOperator
        from airflow.operators.dagrun_operator import TriggerDagRunOperator
        from airflow.operators.dummy_operator import DummyOperator
        from airflow.operators.python_operator import PythonOperator
        from airflow.utils.dates import days_ago
        from airflow.utils.decorators import apply_defaults
        from airflow.utils.helpers import chain
        from airflow.utils.state import State

        class Hello(models.BaseOperator):
            @apply_defaults
            def __init__(self, name, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.name = name

            def execute(self, context):
                return [self.name, BaseHook.get_connection("shop").host, str(State.SUCCESS)]

        dag = airflow.DAG("ancient", start_date=days_ago(2), schedule_interval=None)
        start = DummyOperator(task_id="start", dag=dag)
        wait = PythonSensor(task_id="wait", python_callable=lambda: True, poke_interval=1, dag=dag)
        old = PythonOperator(
            task_id="old", python_callable=lambda **kwargs: str(kwargs["execution_date"]), provide_context=True, dag=dag
        )
        hello = Hello(task_id="hello", name="ada", dag=dag)
        other = TriggerDagRunOperator(
            task_id="other", trigger_dag_id="ancient_target", conf={"message": "hi"}, wait_for_completion=True,
            poke_interval=1, dag=dag,
        )
        chain(start, wait, [old, hello], other)

        with models.DAG("ancient_target", start_date=days_ago(2), schedule_interval=None):
            BashOperator(task_id="say", bash_command='echo "$word"', env={"word": '{{ dag_run.conf["message"] }}'})
        """,
        "ancient.py",
    )
    house.wait_for_dag("ancient_target")
    house.call("dags.unpause", dag_id="ancient_target")
    run = house.run_dag("ancient", logical_date="2026-02-01T00:00:00+00:00")
    assert states_of(run) == dict.fromkeys(["start", "wait", "old", "hello", "other"], "success")
    values = [item["value"] for item in house.cli_json("tasks", "xcom", "ancient", run["run_id"], "hello")]
    assert values == [["ada", "shop.example", "success"]]
    (target,) = house.call("runs.list", dag_id="ancient_target")["runs"]
    assert (target["state"], target["conf"]) == ("success", {"message": "hi"})


@pytest.fixture(autouse=True, scope="module")
def _connection() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SHOP", "http://shop.example")
        yield


ABSENT = {
    "from airflow.operators.email import EmailOperator": (
        "airflow.operators.email (EmailOperator) is not in Jupyter Flow: use email_on_failure, or SmtpNotifier"
    ),
    "from airflow.providers.postgres.operators.postgres import PostgresOperator": (
        "airflow.providers.postgres.operators.postgres (PostgresOperator) is not in Jupyter Flow: SQL operators and "
        "hooks come later"
    ),
    "from airflow.providers.acme.operators import Rocket": (
        "airflow.providers.acme.operators (Rocket) is not in Jupyter Flow: operators of this service are not here"
    ),
    "from airflow.providers.alibaba_dms.cloud.operators.dms_sql import DMSSqlOperator": (
        "airflow.providers.alibaba_dms.cloud.operators.dms_sql.DMSSqlOperator is not in Jupyter Flow: it is known and "
        "comes later: use a @task with SQLAlchemy"
    ),
    "from couture.operators import CoutureSparkOperator  # airflow": "no module named 'couture'",
    "from airflow.operators import CoutureSparkOperator": (
        "airflow.operators.CoutureSparkOperator is not in Jupyter Flow: it is known and comes later: use BashOperator"
    ),
    "from airflow.operators.python import PythonOperater": (
        "airflow.operators.python.PythonOperater is not in Jupyter Flow: did you mean 'PythonOperator'?"
    ),
    "import airflow.utils.dagz": "airflow.utils.dagz is not in Jupyter Flow: ",
    "from airflow.sdk import ObjectStoragePath": "airflow.sdk.ObjectStoragePath is not in Jupyter Flow: use fsspec",
    "from airflow.plugins_manager import AirflowPlugin": "there are no plugins: import what you need from a module",
    "import airflow; airflow.models.DagBag": "airflow.models.DagBag is not in Jupyter Flow: use `jupyter flow check",
    "from airflow.utils.session import provide_session": "(provide_session) is not in Jupyter Flow: tasks do not reach",
    "from airflow.decorators import task; task.kubernetes(image='x')": "there is no @task.kubernetes",
}


def test_what_is_not_here_is_one_line_with_its_place(house: House) -> None:
    for number, line in enumerate(ABSENT):
        house.write_dag(f"import json  # airflow\n\n{line}\n", f"absent/file{number:02}.py")

    def errors() -> list[dict[str, object]]:
        found = [item for item in house.cli_json("dags", "errors") if item["file"].startswith("absent/")]
        return found if len(found) == len(ABSENT) else []

    shown = sorted(wait_for(errors, "every file has its error"), key=lambda item: str(item["file"]))
    for item, message in zip(shown, ABSENT.values(), strict=True):
        assert item["line"] == 3, item
        assert message in str(item["message"])


def test_files_that_try_several_paths_find_one(house: House) -> None:
    file = house.write_dag(
        """
        import importlib

        try:
            from airflow.operators.nothing import Nothing
        except ImportError:
            from airflow.operators.empty import EmptyOperator as Nothing
        try:
            from airflow.models import NoSuchThing
        except ImportError:
            NoSuchThing = None
        try:
            import airflow.providers.http.hooks.http
        except ModuleNotFoundError:
            pass
        from airflow import DAG, __version__
        from airflow.version import version
        import airflow.operators.python as functions

        assert version == __version__ and tuple(map(int, version.split("."))) >= (3, 0)
        assert not hasattr(importlib, "airflow") and NoSuchThing is None
        with DAG("either", schedule=None):
            Nothing(task_id="nothing") >> functions.PythonOperator(task_id="work", python_callable=print)
        """,
        "either.py",
    )
    assert house.cli("check", str(file)).code == 0
    assert states_of(house.run_dag("either")) == {"nothing": "success", "work": "success"}


def test_defaults_of_airflow_2_are_told(house: House) -> None:
    file = house.write_dag(
        """
        from datetime import datetime
        from airflow import DAG
        from airflow.operators.empty import EmptyOperator

        with DAG("quiet", start_date=datetime(2026, 1, 1)):
            EmptyOperator(task_id="one")
        """,
        "quiet.py",
    )
    checked = house.cli("check", str(file))
    told = " ".join((checked.out + checked.err).split())
    assert "DAG 'quiet': schedule is not given: it runs once a day, as in Airflow 2" in told
    assert "DAG 'quiet': catchup is not given: past intervals get runs, as in Airflow 2; say catchup=False" in told
    house.wait_for_dag("quiet")
    shown = house.cli_json("dags", "show", "quiet")
    assert shown["catchup"] is True


def test_a_package_of_that_name_in_the_dag_folder_is_the_authors(house: House) -> None:
    folder: Path = house.base / "own"
    (folder / "airflow").mkdir(parents=True)
    (folder / "airflow" / "__init__.py").write_text("word = 'mine'\n")
    (folder / "dags.py").write_text(
        "import airflow\nfrom jupyter_flow import DAG, EmptyOperator\n"
        "with DAG(airflow.word):\n    EmptyOperator(task_id='one')\n"
    )
    checked = house.cli("check", str(folder / "dags.py"))
    assert checked.code == 0, str(checked)
    assert "mine" in checked.out
