"""Row 35: the documents say when to use an XCom, a variable, a param, a file; their example does what they say."""

from __future__ import annotations

from support.houses import House, states_of
from support.markdown import blocks


def test_the_example_of_the_documents(house: House) -> None:
    (block,) = [block for block in blocks("python") if 'DAG("choose"' in block.text]
    assert block.document.endswith("xcom.md")
    house.write_dag(block.text, "choose.py")
    house.call("variables.set", key="unit", value="USD")
    for run_id, conf, rows in (("one", {}, 2), ("two", {"limit": 5}, 5)):
        run = house.run_dag("choose", run_id=run_id, conf=conf)
        assert set(states_of(run).values()) == {"success"}, house.story("choose", run_id)
        found = house.call("tasks.xcom", dag_id="choose", run_id=run_id, task_id="report")["xcoms"]
        assert found[0]["value"] == f"{rows} rows, the last is {rows - 1},USD"
        (collected,) = house.call("tasks.xcom", dag_id="choose", run_id=run_id, task_id="collect")["xcoms"]
        assert collected["value"] == {"path": f"out/{run_id}.csv", "rows": rows}
        assert len((house.dags / "out" / f"{run_id}.csv").read_text().splitlines()) == rows
