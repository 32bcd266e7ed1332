"""Row 33: large XComs go to a store: a folder, anything fsspec reaches, an own backend; they go with their DAG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.houses import House, states_of, task_of
from support.waiting import wait_for

STORED = """
from jupyter_flow import DAG, NotebookOperator, PythonOperator


def big():
    return {"text": "x" * 5000, "n": list(range(10))}


def frame():
    import pandas

    return pandas.DataFrame({"a": range(1000)})


def read(ti):
    big, frame, book = (ti.xcom_pull(name) for name in ("big", "frame", "book"))
    small = ti.xcom_pull("small")
    return [len(big["text"]), len(frame), len(ti.xcom_pull("book", key="text")), small]


with DAG("stored"):
    before = [
        PythonOperator(task_id="big", python_callable=big),
        PythonOperator(task_id="frame", python_callable=frame),
        PythonOperator(task_id="small", python_callable=lambda: "small"),
    ]
    book = NotebookOperator(task_id="book", notebook="book.ipynb")
    before >> book >> PythonOperator(task_id="read", python_callable=read)
"""
BOOK = """
from jupyter_flow import flow

assert len(flow.xcom_pull("big")["text"]) == 5000
assert len(flow.xcom_pull("frame")) == 1000
flow.xcom_push("text", "y" * 7000)
"""
BACKEND = """
from pathlib import Path

from jupyter_flow.runner.xcom_store import XComBackend


class Flat(XComBackend):
    folder = Path(__file__).resolve().parent.parent / "flat"

    def create(self, name):
        self.folder.mkdir(exist_ok=True)
        return (self.folder / name.replace("/", "-")).open("xb")

    def open(self, name):
        return (self.folder / name.replace("/", "-")).open("rb")

    def delete(self, attempt_ids):
        for path in self.folder.iterdir():
            if path.name.partition("-")[0] in attempt_ids:
                path.unlink()
"""


@pytest.fixture(params=["file", "fsspec", "own"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[House, Path]]:
    """A house whose large XComs go to a store, and the folder where their files can be seen."""
    folder = tmp_path / "store"
    options = {
        "file": ["--xcom-store", folder.as_uri()],
        "fsspec": ["--xcom-store", f"local://{folder}"],
        "own": ["--xcom-store", "flat://here", "--xcom-backend", "own_backend:Flat"],
    }[request.param]
    house = House(tmp_path)
    (house.dags / "own_backend.py").write_text(BACKEND)
    house.start(*options, "--xcom-threshold", "1000")
    try:
        yield house, tmp_path / "flat" if request.param == "own" else folder
    finally:
        house.close()


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_large_values_are_kept_in_the_store_and_go_with_their_dag(stored: tuple[House, Path]) -> None:
    house, folder = stored
    house.write_notebook([BOOK], "book.ipynb")
    path = house.write_dag(STORED, "stored.py")
    run = house.run_dag("stored", run_id="one")
    assert set(states_of(run).values()) == {"success"}, house.story("stored", "one")
    found = house.call("tasks.xcom", dag_id="stored", run_id="one", task_id="read")["xcoms"]
    assert found[0]["value"] == [5000, 1000, 7000, "small"]
    (big,) = house.call("tasks.xcom", dag_id="stored", run_id="one", task_id="big")["xcoms"]
    assert (big["value"], big["type"], big["length"], big["size"]) == (None, "dict", 2, 5049)
    assert big["preview"] == f"dict of 5049 bytes in {big['reference']}"
    assert files(folder) == [".json", ".json", ".parquet"]
    path.unlink()
    wait_for(lambda: not house.call("dags.list")["dags"], "the DAG is gone from its folder")
    house.call("dags.delete", dag_id="stored")
    wait_for(lambda: files(folder) == [], lambda: f"the files are gone: {files(folder)}")


def test_a_store_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        house.start("--xcom-store", "nowhere://bucket/x")
        house.write_dag(STORED, "stored.py")
        house.write_notebook([BOOK], "book.ipynb")
        ended: dict[str, Any] = house.run_dag("stored")
        text = task_of(ended, "frame")["reason"]["text"]
        assert text.startswith(
            "XCom 'return_value' cannot be kept or read: XComStoreError: xcom_store nowhere://bucket/x: "
        )
        assert "Protocol not known: nowhere" in text
    finally:
        house.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--xcom-store", "data/xcoms"],
            "xcom_store 'data/xcoms' is no URL of a folder: write file:///folder or s3://",
        ),
        (["--xcom-backend", "Flat"], "xcom_backend 'Flat' names no class: write module:Class"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(tmp_path: Path, options: list[str], words: str) -> None:
    house = House(tmp_path)
    process = house.spawn(*options)
    assert process.wait(30) != 0
    assert words in house.output()
    assert "Traceback" not in house.output()
