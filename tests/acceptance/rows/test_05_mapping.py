"""Row 5: tasks made by loops and by what runs find: one instance for each element."""

from __future__ import annotations

from typing import Any

import pytest
from support.houses import House, task_of

FILES = {
    "found.py": """
        from jupyter_flow import DAG, get_current_context, task

        with DAG("found"):

            @task
            def find():
                return [3, 1, 2]

            @task(map_index_template="number {{ number }}")
            def add(x, y):
                get_current_context()["number"] = x
                return x + y

            @task
            def total(values):
                return [len(values), sum(values), values[0]]

            added = add.partial(y=10).expand(x=find())
            total(added)
            add.override(task_id="again").partial(y=100).expand(x=added)

            for name in ("a", "b"):
                add.override(task_id=f"loop_{name}")(1, 2)
        """,
    "product.py": """
        from jupyter_flow import DAG, task

        with DAG("product"):

            @task
            def find():
                return {"k": 1, "l": 2}

            @task
            def join(z, a, constant="c"):
                return [z, a, constant]

            join.expand(z=find(), a=["x", "y"])
            join.override(task_id="kwargs").expand_kwargs([{"z": 1, "a": 2}, {"z": 3, "a": 4, "constant": 5}])
        """,
    "sequences.py": """
        from jupyter_flow import DAG, FlowSkipException, task

        def odd(number):
            if number % 2 == 0:
                raise FlowSkipException(f"{number} is even")
            return number

        with DAG("sequences"):

            @task
            def one():
                return [1, 2, 3]

            @task
            def two():
                return ["a", "b"]

            @task
            def keep(x):
                return x

            @task
            def gather(values):
                return list(values)

            a, b = one(), two()
            gather(keep.override(task_id="odd").expand(x=a.map(odd)))
            keep.override(task_id="zipped").expand(x=a.zip(b, fillvalue="-"))
            keep.override(task_id="shortest").expand(x=a.zip(b))
            keep.override(task_id="joined").expand(x=b.concat(a, ["end"]))
            gather.override(task_id="whole")(a.map(lambda number: number * 10))
        """,
    "classic.py": """
        from jupyter_flow import DAG, BashOperator, NotebookOperator, task

        with DAG("classic", params={"word": "hello"}):

            @task
            def find():
                return [{"X": "{{ ds }}"}, {"X": "b.sh"}]

            BashOperator.partial(task_id="bash", bash_command="echo {{ params.word }} $X").expand(env=find())
            commands = ["echo {{ map_index }}", "exit 99"]
            BashOperator.partial(task_id="literal").expand(bash_command=commands)
            NotebookOperator.partial(task_id="note", notebook="add.ipynb").expand(parameters=[{"x": 1}, {"x": 2}])
        """,
    "groups.py": """
        from jupyter_flow import DAG, BashOperator, task, task_group

        with DAG("groups"):

            @task
            def find():
                return ["p", "q"]

            @task
            def twice(x):
                return x * 2

            @task
            def gather(values):
                return sorted(values)

            @task_group
            def each(x, suffix):
                \"\"\"Double it, then say it.\"\"\"
                doubled = twice(x)
                return BashOperator(task_id="say", bash_command="echo $X $Y", env={"X": x, "Y": doubled}).output

            gather(each.partial(suffix="!").expand(x=find()))
        """,
    "lengths.py": """
        from jupyter_flow import DAG, EmptyOperator, task

        with DAG("lengths"):

            @task
            def none():
                return []

            @task
            def text():
                return "abc"

            @task
            def many():
                return list(range(2000))

            @task
            def keep(x):
                return x

            skipped = keep.override(task_id="skipped").expand(x=none())
            skipped >> EmptyOperator(task_id="after")
            keep.override(task_id="unusable").expand(x=text())
            keep.override(task_id="too_long").expand(x=many())
        """,
}


@pytest.fixture(scope="module")
def mapped(house: House) -> House:
    """The house with all DAG files of this row."""
    cells = [{"source": "x = 0", "tags": ["parameters"]}, "from jupyter_flow import xcom_push", "xcom_push('y', x + 1)"]
    house.write_notebook(cells, "add.ipynb")
    for name, text in FILES.items():
        house.write_dag(text, name)
    return house


def instances(run: dict[str, Any], task_id: str) -> list[tuple[int, str]]:
    """Return map index and state of the instances of a task."""
    return sorted((item["map_index"], item["state"]) for item in run["tasks"] if item["task_id"] == task_id)


def xcom(house: House, run: dict[str, Any], task_id: str, map_index: int = -1, key: str = "return_value") -> Any:
    """Return an XCom of a task instance, None if there is none."""
    names = {"dag_id": run["dag_id"], "run_id": run["run_id"], "task_id": task_id, "map_index": map_index}
    found = house.call("tasks.show", **names)["xcoms"]
    return next((item["value"] for item in found if item["key"] == key), None)


def all_of(house: House, run: dict[str, Any], task_id: str) -> list[Any]:
    """Return the values of all instances of a mapped task."""
    return [xcom(house, run, task_id, index) for index, _ in instances(run, task_id)]


def test_a_task_is_mapped_over_what_another_finds(mapped: House) -> None:
    run = mapped.run_dag("found")
    assert run["state"] == "success", mapped.story("found", run["run_id"])
    assert instances(run, "add") == [(0, "success"), (1, "success"), (2, "success")]
    assert all_of(mapped, run, "add") == [13, 11, 12]
    assert xcom(mapped, run, "total") == [3, 36, 13]
    assert all_of(mapped, run, "again") == [113, 111, 112]
    assert [xcom(mapped, run, f"loop_{name}") for name in "ab"] == [3, 3]
    labels = mapped.rows(
        "SELECT label FROM task_instance WHERE dag_id = 'found' AND task_id = 'add' ORDER BY map_index"
    )
    assert [row["label"] for row in labels] == ["number 3", "number 1", "number 2"]


def test_several_arguments_make_the_product_and_dicts_of_arguments_each_an_instance(mapped: House) -> None:
    run = mapped.run_dag("product")
    assert run["state"] == "success", mapped.story("product", run["run_id"])
    pairs = [[["k", 1], "x"], [["k", 1], "y"], [["l", 2], "x"], [["l", 2], "y"]]
    shown = [[[plain(value[0]), value[1]], value[2]] for value in all_of(mapped, run, "join")]
    assert shown == [[pair, "c"] for pair in pairs]
    assert all_of(mapped, run, "kwargs") == [[1, 2, "c"], [3, 4, 5]]


def plain(value: Any) -> Any:
    """Return the items of a typed tuple."""
    return value["value"] if isinstance(value, dict) else value


def test_sequences_are_made_of_outputs(mapped: House) -> None:
    run = mapped.run_dag("sequences")
    assert run["state"] == "success", mapped.story("sequences", run["run_id"])
    assert instances(run, "odd") == [(0, "success"), (1, "skipped"), (2, "success")]
    assert task_of(run, "odd", 1)["reason"]["text"] == "skipped: 2 is even"
    assert task_of(run, "gather")["state"] == "skipped"
    assert [plain(value) for value in all_of(mapped, run, "zipped")] == [[1, "a"], [2, "b"], [3, "-"]]
    assert [plain(value) for value in all_of(mapped, run, "shortest")] == [[1, "a"], [2, "b"]]
    assert all_of(mapped, run, "joined") == ["a", "b", 1, 2, 3, "end"]
    assert xcom(mapped, run, "whole") == [10, 20, 30]


def test_operators_and_notebooks_are_mapped_without_their_dag_file(mapped: House) -> None:
    run = mapped.run_dag("classic")
    assert run["state"] == "success", mapped.story("classic", run["run_id"])
    assert all_of(mapped, run, "bash") == ["hello {{ ds }}", "hello b.sh"]
    assert instances(run, "literal") == [(0, "success"), (1, "skipped")]
    assert xcom(mapped, run, "literal", 0) == "0"
    assert [xcom(mapped, run, "note", index, "y") for index in range(2)] == [2, 3]


def test_a_group_is_mapped_as_a_whole(mapped: House) -> None:
    run = mapped.run_dag("groups")
    assert run["state"] == "success", mapped.story("groups", run["run_id"])
    assert all_of(mapped, run, "each.twice") == ["pp", "qq"]
    assert all_of(mapped, run, "each.say") == ["p pp", "q qq"]
    assert xcom(mapped, run, "gather") == ["p pp", "q qq"]


def test_lengths_that_are_zero_unknown_or_too_large(mapped: House) -> None:
    run = mapped.run_dag("lengths")
    assert run["state"] == "failed"
    assert instances(run, "skipped") == [(-1, "skipped")]
    assert task_of(run, "after")["state"] == "skipped"
    assert task_of(run, "unusable")["state"] == "failed"
    assert "text" in task_of(run, "unusable")["reason"]["text"]
    assert task_of(run, "too_long")["state"] == "failed"
    assert "2000" in task_of(run, "too_long")["reason"]["text"]
    assert "1024" in task_of(run, "too_long")["reason"]["text"]
