"""Row 32: values of many types, from tasks and notebooks; without pickle; classes by an allow-list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.houses import House, states_of, task_of

SHAPES = """
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: float
"""
TYPES = """
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator, task
from shapes import Point

VALUES = {
    "moment": datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    "day": date(2026, 1, 31),
    "span": timedelta(hours=36),
    "money": Decimal("0.10"),
    "pair": (1, [2, {3, 4}]),
    "raw": bytes(range(256)),
    "path": Path("a/b"),
    "keys": {1: "one", (2, 3): "pair"},
    "nan": float("inf"),
    "point": Point(1, 2.5),
}

with DAG("types"):

    @task
    def make():
        return VALUES

    @task
    def compare(got):
        assert got == VALUES, got
        assert [type(got[name]) for name in VALUES] == [type(value) for value in VALUES.values()]
        assert got["moment"].tzinfo == VALUES["moment"].tzinfo
        return "equal"

    @task
    def frames():
        import numpy
        import pandas

        frame = pandas.DataFrame({"a": [1, 2, 3], "day": pandas.date_range("2026-01-01", periods=3)})
        return {"array": numpy.arange(12).reshape(3, 4), "frame": frame, "series": frame["a"]}

    @task
    def compare_frames(got):
        import numpy

        assert got["array"].shape == (3, 4)
        assert numpy.array_equal(got["array"], numpy.arange(12).reshape(3, 4))
        assert list(got["frame"].columns) == ["a", "day"]
        assert str(got["frame"].dtypes["day"]).startswith("datetime64")
        assert got["series"].sum() == 6
        return "equal"

    @task
    def from_book(ti):
        frame = ti.xcom_pull(task_ids="book", key="frame")
        return [int(frame["a"].sum()), ti.xcom_pull(task_ids="book", key="pair") == (1, {2})]

    made, framed = make(), frames()
    compare(made)
    compare_frames(framed)
    framed >> NotebookOperator(task_id="book", notebook="book.ipynb") >> from_book()
    made >> BashOperator(task_id="field", bash_command="echo {{ ti.xcom_pull('make')['point'].x }}")

with DAG("refused"):
    PythonOperator(task_id="object", python_callable=lambda: {"a": [object()]})
    PythonOperator(task_id="range", python_callable=lambda: range(3))
"""
BOOK = """
import pandas
from jupyter_flow import flow

got = flow.xcom_pull("frames")
assert got["array"].sum() == 66
flow.xcom_push("frame", got["frame"].assign(a=got["frame"]["a"] * 10))
flow.xcom_push("pair", (1, {2}))
"""
READER = """
from jupyter_flow import DAG, PythonOperator


def make():
    from colours import Colour

    return Colour(1, 2.5)


with DAG("reader"):
    PythonOperator(task_id="make", python_callable=make) >> [
        PythonOperator(task_id="allowed", python_callable=lambda ti: ti.xcom_pull("make").y),
        PythonOperator(
            task_id="forbidden",
            python_callable=lambda ti: ti.xcom_pull("make", dag_id="types", run_id="one")["point"].x,
        ),
    ]
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house")).start("--xcom-allowed-class", "colours.*")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def run(house: House) -> dict[str, Any]:
    (house.dags / "shapes.py").write_text(SHAPES)
    (house.dags / "colours.py").write_text(SHAPES.replace("Point", "Colour"))
    house.write_notebook([BOOK], "book.ipynb")
    house.write_dag(TYPES, "types_.py")
    house.write_dag(READER, "reader.py")
    return house.run_dag("types", run_id="one")


def pushed(house: House, task_id: str, dag_id: str = "types") -> Any:
    found = house.call("tasks.xcom", dag_id=dag_id, run_id="one", task_id=task_id, key="return_value")
    return found["xcoms"][0]["value"]


def test_values_come_back_as_they_were(house: House, run: dict[str, Any]) -> None:
    assert set(states_of(run).values()) == {"success"}, house.story("types", "one")
    assert pushed(house, "compare") == "equal"
    assert pushed(house, "field") == "1"


def test_arrays_and_frames_go_by_files_from_tasks_and_notebooks(house: House, run: dict[str, Any]) -> None:
    assert pushed(house, "compare_frames") == "equal"
    assert pushed(house, "from_book") == [60, True]
    value = pushed(house, "frames")
    assert {name: item["__jupyter_flow__"] for name, item in value.items()} == {
        "array": "ndarray",
        "frame": "dataframe",
        "series": "series",
    }
    folder = (house.home / "xcoms").as_uri()
    assert all(item["reference"].startswith(f"{folder}/") for item in value.values())
    assert len(list((house.home / "xcoms").glob("*/*.parquet"))) == 3
    assert all((path.stat().st_mode & 0o077) == 0 for path in (house.home / "xcoms").glob("*/*"))


def test_what_cannot_be_an_xcom_says_what_to_do_and_is_never_pickled(house: House, run: dict[str, Any]) -> None:
    ended = house.run_dag("refused")
    words = {task["task_id"]: task["reason"]["text"] for task in ended["tasks"]}
    assert words["object"].startswith("XCom 'return_value'['a'][0]: an object cannot be an XCom: push plain values, a ")
    assert words["range"] == "XCom 'return_value': a range cannot be an XCom: push list(…) of it"


def test_classes_of_other_modules_are_imported_only_if_they_are_allowed(house: House, run: dict[str, Any]) -> None:
    ended = house.run_dag("reader", run_id="one")
    assert states_of(ended) == {"make": "success", "forbidden": "failed", "allowed": "success"}
    assert task_of(ended, "forbidden")["reason"]["text"] == (
        "the XCom is a Point of shapes, which is not loaded here: import it in the DAG file"
    )
    assert pushed(house, "allowed", "reader") == 2.5
