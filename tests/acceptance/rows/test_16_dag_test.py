"""Row 16: ``dag.test()`` and ``dag.cli()``: a DAG in the author's process, debuggable, leaving nothing behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.files import write_notebook
from support.houses import House, states_of

SCRIPT = """
import os

from jupyter_flow import DAG, BashOperator, NotebookOperator, task

OWN = os.getpid()

with DAG("tested", params={"n": 2}, default_args={"retries": 0}) as dag:

    @task
    def numbers(n):
        assert os.getpid() == AUTHOR
        os.environ["LEFT"] = "behind"
        os.chdir("/")
        return list(range(int(n)))

    @task(retries=1, retry_delay=0)
    def square(x, **context):
        if x == 1 and context["ti"].try_number == 1:
            raise ValueError("once")
        print("square", x)
        return x * x

    @task
    def total(values):
        return sum(values)

    @task.branch
    def choose(value):
        return "large" if value > 3 else "small"

    @task
    def small():
        raise SystemExit("not chosen")

    @task(trigger_rule="none_failed_min_one_success")
    def joined():
        WAIT

    large = NotebookOperator(task_id="large", notebook="large.ipynb", parameters={"day": "{{ ds }}"})
    shell = BashOperator(task_id="shell", bash_command="test '{{ ti.xcom_pull(task_ids='total') }}' = 5")
    summed = total(square.expand(x=numbers("{{ params.n }}")))
    choose(summed) >> [large, small()] >> joined()
    summed >> shell
"""
MAIN = """
if __name__ == "__main__":
    AUTHOR = OWN
    CALL
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_notebook(
        tmp_path, [{"source": "day = ''", "tags": ["parameters"]}, "assert day == '2026-02-03'"], "large.ipynb"
    )
    return tmp_path


def run(folder: Path, call: str, *words: str, given: str = "", wait: str = "pass") -> subprocess.CompletedProcess[str]:
    path = folder / "tested.py"
    path.write_text(SCRIPT.replace("WAIT", wait) + MAIN.replace("CALL", call), encoding="utf-8")
    house = House(folder / "house")
    command = [sys.executable, str(path), *words]
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # sockets want short paths
        env = {**house.env, "TMPDIR": short}
        done = subprocess.run(command, input=given, env=env, capture_output=True, text=True, timeout=120)
        assert not list(Path(short).glob("jupyter-flow-test-*"))
        assert not list(Path(short).glob("jupyter-flow-[0-9]*/*"))
    assert not house.home.exists()
    return done


def test_a_run_in_the_authors_process_is_that_of_a_house(folder: Path) -> None:
    call = """
    here = os.getcwd()
    found = dag.test(run_conf={"n": 3}, logical_date="2026-02-03")
    print("STATES", {(t["task_id"], t["map_index"]): (t["state"], t["try_number"]) for t in found["tasks"]})
    print("SAME", here == os.getcwd(), "LEFT" not in os.environ)
    """
    done = run(folder, call)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("square 2", "SAME True True", "('square', 1): ('success', 2)", "('large', -1): ('success', 1)"):
        assert words in done.stdout, done.stdout
    assert "('small', -1): ('skipped'," in done.stdout
    assert "ValueError: once" in done.stderr


def test_breakpoints_stop_and_what_fails_ends_with_an_exit_code(folder: Path) -> None:
    done = run(
        folder,
        "dag.cli()",
        "test",
        "--mark-success-pattern",
        "shell|large",
        "--conf",
        '{"n": 3}',
        given="p 'in the' + ' debugger'\nc\n",
        wait="breakpoint()\n        raise ValueError('at the end')",
    )
    assert "in the debugger" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    assert "error: DAG 'tested': the test run is failed: joined" in done.stderr
    assert "ValueError: at the end" in done.stdout


def test_a_house_that_loads_the_file_is_not_tested_by_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    path = house.write_dag(
        "from jupyter_flow import DAG, EmptyOperator\n"
        "with DAG('plain') as dag:\n    EmptyOperator(task_id='only')\nassert dag.test() == {}\ndag.cli()\n"
    )
    done = house.cli("run", str(path), "--json")
    assert (done.code, states_of(done.json)) == (0, {"only": "success"})


def test_a_dag_without_a_file_is_refused_in_one_sentence() -> None:
    code = "from jupyter_flow import DAG\nwith DAG('d') as dag: pass\ndag.test()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "DagError: DAG 'd': test() needs the DAG in a file that is saved" in done.stderr
