"""Row 37: Python functions: in the runner, in a virtual environment, with another interpreter."""

from __future__ import annotations

import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of, task_of


def value_of(house: House, run: dict[str, Any], task_id: str) -> Any:
    found = house.call("tasks.xcom", dag_id=run["dag_id"], run_id=run["run_id"], task_id=task_id, key="return_value")
    return found["xcoms"][0]["value"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package to be installed from disk, with a build backend of its own: nothing is fetched."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "backend.py").write_text(
        "import zipfile\n\n"
        "NAME = 'greeting-1.0-py3-none-any.whl'\n\n\n"
        "def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):\n"
        "    with zipfile.ZipFile(f'{wheel_directory}/{NAME}', 'w') as wheel:\n"
        "        wheel.writestr('greeting.py', 'def greet(who):\\n    return \"hello \" + who\\n')\n"
        "        info = 'greeting-1.0.dist-info'\n"
        "        wheel.writestr(f'{info}/METADATA', 'Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n')\n"
        "        tags = 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'\n"
        "        wheel.writestr(f'{info}/WHEEL', tags)\n"
        "        wheel.writestr(f'{info}/RECORD', '')\n"
        "    return NAME\n"
    )
    return folder


def test_arguments_context_and_templates(house: House) -> None:
    (house.dags / "rows.sql").write_text("SELECT * FROM {{ params.town }}")
    house.write_dag(
        """
        from jupyter_flow import DAG, PythonOperator, task

        def all_of_it(greeting, *names, suffix, ds, templates_dict, **context):
            return [greeting, list(names), suffix, ds, templates_dict, context["ti"].task_id]

        async def later():
            return "done"

        with DAG("functions", params={"town": "Bonn"}):
            PythonOperator(
                task_id="classic",
                python_callable=all_of_it,
                op_args=["hello {{ params.town }}", "a", "b"],
                op_kwargs={"suffix": "{{ ti.task_id }}"},
                templates_dict={"day": "{{ ds_nodash }}"},
            )
            PythonOperator(task_id="coroutine", python_callable=later)
            PythonOperator(
                task_id="file",
                python_callable=lambda templates_dict: templates_dict,
                templates_dict={"query": "rows.sql", "plain": "a word"},
                templates_exts=[".sql"],
            )

            @task(show_return_value_in_logs=False)
            def hidden():
                return "much"

            hidden()
        """,
        "functions.py",
    )
    run = house.run_dag("functions", logical_date="2026-01-05T00:00:00+00:00")
    assert run["state"] == "success"
    assert value_of(house, run, "classic") == [
        "hello Bonn",
        ["a", "b"],
        "classic",
        "2026-01-05",
        {"day": "20260105"},
        "classic",
    ]
    assert value_of(house, run, "coroutine") == "done"
    assert value_of(house, run, "file") == {"query": "SELECT * FROM Bonn", "plain": "a word"}
    lines = house.call("tasks.log", dag_id="functions", run_id=run["run_id"], task_id="hidden")["lines"]
    assert "much" not in " ".join(line["text"] for line in lines)


def test_a_function_in_a_virtual_environment(house: House, package: Path) -> None:
    house.write_dag(
        f"""
        from datetime import timedelta
        from jupyter_flow import DAG, PythonVirtualenvOperator, task

        ARGUMENTS = dict(requirements=["{package}"], system_site_packages=False, pip_install_options=["--no-index"])

        with DAG("venvs", params={{"town": "Bonn"}}):

            @task.virtualenv(**ARGUMENTS)
            def greet(who: str, pause: timedelta, params, ds):
                \"""Greets.\"""
                import sys
                import greeting

                print("in", sys.prefix)
                return {{
                    "text": greeting.greet(who),
                    "pause": pause * 2,
                    "params": params,
                    "day": ds,
                    "prefix": sys.prefix,
                    "strange": (1, 2),
                }}

            @task
            def double(found):
                assert found["pause"] == timedelta(minutes=2) and found["strange"] == (1, 2)
                return found["text"] * 2

            double(greet("Ada", timedelta(minutes=1)))

            def strings():
                import greeting
                return virtualenv_string_args + [greeting.greet("again")]

            PythonVirtualenvOperator(
                task_id="same", python_callable=strings, string_args=["a", "b"], **ARGUMENTS
            )

            @task.virtualenv
            def unlike():
                raise KeyError("no such town")

            unlike()

            @task.virtualenv(skip_on_exit_code=7)
            def leaves():
                raise SystemExit(7)

            leaves()

            @task.branch_virtualenv
            def choose():
                return "left"

            from jupyter_flow import EmptyOperator

            choose() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
        """,
        "venvs.py",
    )
    run = house.run_dag("venvs", logical_date="2026-01-05T00:00:00+00:00")
    assert states_of(run) == {
        "greet": "success",
        "double": "success",
        "same": "success",
        "unlike": "failed",
        "leaves": "skipped",
        "choose": "success",
        "left": "success",
        "right": "skipped",
    }
    assert value_of(house, run, "double") == "hello Adahello Ada"
    assert value_of(house, run, "same") == ["a", "b", "hello again"]
    found = value_of(house, run, "greet")
    assert (found["params"], found["day"]) == ({"town": "Bonn"}, "2026-01-05")
    assert Path(found["prefix"]).parent == house.home / "cache" / "venvs"
    assert task_of(run, "unlike")["reason"]["text"] == "KeyError: 'no such town'"
    # one environment for both tasks with the same requirements, one for those without
    kept = [path for path in (house.home / "cache" / "venvs").iterdir() if path.is_dir()]
    assert len(kept) == 2
    lines = house.call("tasks.log", dag_id="venvs", run_id=run["run_id"], task_id="unlike")["lines"]
    shown = "\n".join(line["text"] for line in lines)
    assert "KeyError: 'no such town'" in shown
    assert "foreign_call" not in shown


def test_a_function_with_another_interpreter(house: House, tmp_path: Path) -> None:
    venv.create(tmp_path / "other", with_pip=False)
    (house.dags / "beside.py").write_text("ANSWER = 42\n")
    house.write_dag(
        f"""
        from jupyter_flow import DAG, EmptyOperator, ExternalPythonOperator, task

        with DAG("others", params={{"python": "{tmp_path}/other/bin/python"}}):

            @task.external_python(python="{{{{ params.python }}}}", env_vars={{"ONE": "1"}}, inherit_env=False)
            def away(numbers):
                import os
                import sys
                import beside

                return [sys.prefix, sum(numbers), beside.ANSWER, os.environ["ONE"], os.environ.get("HOME")]

            away({{1, 2}})

            def asks(ti):
                return ti.task_id

            ExternalPythonOperator(task_id="context", python_callable=asks, python="{sys.executable}")

            @task.external_python(python="/nowhere/python")
            def nowhere():
                return 1

            nowhere()

            @task.external_python(python="{sys.executable}")
            def unserializable():
                return object()

            unserializable()

            @task.branch_external_python(python="{sys.executable}")
            def choose():
                return ["right"]

            choose() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
        """,
        "others.py",
    )
    run = house.run_dag("others")
    assert value_of(house, run, "away") == [str(tmp_path / "other"), 3, 42, "1", None]
    states = states_of(run)
    assert (states["left"], states["right"]) == ("skipped", "success")
    reasons = {name: task_of(run, name)["reason"]["text"] for name, state in states.items() if state == "failed"}
    assert reasons == {
        "context": "asks(): missing a required argument: 'ti'; of the context only plain values go along, "
        "not ti, dag or task",
        "nowhere": "python '/nowhere/python' is no program: name the interpreter of an environment",
        "unserializable": "TypeError: the return value: a object cannot leave this interpreter: return plain values "
        "or a path",
    }
