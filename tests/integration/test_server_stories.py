"""What the page of a run asks for: diagnosis, running notebooks over the socket, what a clear would do, events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from support.lab_server import LabServer
from support.waiting import wait_for

DAGS = """
    from jupyter_flow import DAG, BashOperator, NotebookOperator

    with DAG("book", schedule=None, params={"fail": False}):
        start = BashOperator(task_id="start", bash_command="echo start")
        book = NotebookOperator(task_id="book", notebook="book.ipynb", parameters={"fail": "{{ params.fail }}"})
        start >> book >> BashOperator(task_id="end", bash_command="echo end")
"""
BOOK: list[Any] = [
    {"source": "fail = 'False'", "tags": ["parameters"]},
    "import sys\nfor n in range(500):\n    sys.stderr.write(f'\\r{n}')\n    sys.stderr.flush()",
    "import time\ntime.sleep(1)\nprint('slept')",
    "if str(fail) == 'True':\n    import no_such_module",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    lab = LabServer(tmp_path_factory.mktemp("stories"))
    lab.write_dag(DAGS)
    lab.write_notebook(BOOK, "book.ipynb")
    try:
        lab.start()
        lab.wait_for_dag("book")
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def runs(server: LabServer) -> list[str]:
    """The paths of two runs, an earlier one that succeeded and one that failed."""
    dates = {"2026-01-01T00:00:00+00:00": False, "2026-01-02T00:00:00+00:00": True}
    paths = []
    for date, fail in dates.items():
        run = server.run_to_end("book", {"logical_date": date, "conf": {"fail": fail}})
        paths.append(f"/dags/book/runs/{quote(run['run_id'], safe='')}")
    return paths


def test_a_failed_run_is_explained_and_another_is_not(server: LabServer, runs: list[str]) -> None:
    assert server.get(runs[0] + "/diagnosis")["failure"] is None
    failure = server.get(runs[1] + "/diagnosis")["failure"]
    assert (failure["task_id"], failure["exception"]["type"]) == ("book", "ModuleNotFoundError")
    assert (
        failure["cell"]["source"]
        .split("\n")[failure["cell"]["error_line"] - failure["cell"]["first_line"]]
        .endswith("import no_such_module")
    )
    assert [hint["code"] for hint in failure["hints"]] == ["missing_module"]
    assert "kernel: python3" in failure["hints"][0]["evidence"]
    assert failure["also_failed"] == [{"state": "upstream_failed", "count": 1, "task_ids": ["end"]}]
    assert failure["has_notebook"]


def test_a_run_is_compared_with_the_success_before_it(server: LabServer, runs: list[str]) -> None:
    compared = server.get(runs[1] + "/compare")["runs"]
    assert [run["state"] for run in compared] == ["success", "failed"]
    assert [run["params"] for run in compared] == [{"fail": False}, {"fail": True}]
    assert [run["run_id"][-25:-15] for run in compared] == ["2026-01-01", "2026-01-02"]
    book, other = ({task["task_id"]: task for task in run["tasks"]}["book"] for run in compared)
    assert (book["state"], other["state"]) == ("success", "failed")
    assert book["duration"] > 1
    assert book["has_notebook"]
    assert other["has_notebook"]
    assert book["packages_hash"] == other["packages_hash"] is not None
    assert book["source_sha256"] == other["source_sha256"] is not None
    assert book["kernelspec"] == "python3"
    failed = quote(compared[1]["run_id"])
    named = server.get(f"{runs[0]}/compare?other={failed}&other={failed}")["runs"]
    assert [run["run_id"] for run in named] == [run["run_id"] for run in compared]
    assert len(server.get(runs[0] + "/compare")["runs"]) == 1, "there is no other success"
    for query, status in (("other=a/b", 400), ("other=nothing", 404), ("other=a&" * 5, 400)):
        assert server.request("GET", f"{runs[0]}/compare?{query}").status_code == status, query


def test_a_preview_lists_what_would_run_again_and_changes_nothing(server: LabServer, runs: list[str]) -> None:
    def names(**wish: bool) -> list[str]:
        answer = server.post(runs[1] + "/tasks/book/clear", {**wish, "dry_run": True})
        return [f"{task['run_id'][-25:-15]} {task['task_id']}" for task in answer["tasks"]]

    assert [name.split()[1] for name in names()] == ["book", "end"]
    assert [name.split()[1] for name in names(downstream=False)] == ["book"]
    assert [name.split()[1] for name in names(upstream=True)] == ["start", "book", "end"]
    assert [name.split()[1] for name in names(upstream=True, only_failed=True)] == ["book", "end"]
    assert len(names(past=True)) == 4
    assert len(names(past=True, only_failed=True)) == 2
    assert len(names(future=True)) == 2
    whole = server.post(runs[1] + "/clear", {"only_failed": True, "dry_run": True})["tasks"]
    assert [(task["task_id"], task["state"]) for task in whole] == [("book", "failed"), ("end", "upstream_failed")]
    assert [server.get(path)["state"] for path in runs] == ["success", "failed"]
    assert server.request("POST", runs[1] + "/tasks/book/clear", {"past": "yes"}).status_code == 400


def test_events_come_in_pages(server: LabServer, runs: list[str]) -> None:
    whole = server.get(runs[1] + "/events?task_id=book")
    assert whole["next"] is None
    states = [event["state_to"] for event in whole["events"] if event["kind"] == "task_state"]
    assert states[-3:] == ["queued", "running", "failed"]
    assert whole["events"][-1]["reason"]["code"] == "cell_error"
    first = server.get(runs[1] + "/events?task_id=book&limit=1")
    rest = server.get(runs[1] + f"/events?task_id=book&after={first['next']}")
    assert [event["seq"] for event in first["events"] + rest["events"]] == [event["seq"] for event in whole["events"]]


def test_a_running_notebook_is_followed_from_its_first_cell(server: LabServer, runs: list[str]) -> None:
    usual = server.get(runs[1] + "/tasks/book/cells/usual")
    slept = next(place for place, seconds in enumerate(usual["cells"]) if (seconds or 0) >= 1)
    socket = server.socket()
    run = server.post("/dags/book/runs", {"unpause": True})
    key = {"dag_id": "book", "run_id": run["run_id"], "task_id": "book", "map_index": -1, "attempt": None}
    socket.send(json.dumps({"type": "cells.follow", **key, "after": 0}))
    messages: list[dict[str, Any]] = []
    socket.settimeout(60)
    while not messages or not messages[-1]["complete"]:
        message = json.loads(socket.recv())
        if message["type"] == "cells":
            messages.append(message)
    events = [event for message in messages for event in message["events"]]
    assert len({event["seq"] for event in events}) == len(events)
    assert [event["cell"] for event in events if event["event"] == "finished"] == list(range(len(usual["cells"])))
    texts = [event["output"]["text"] for event in events if event["event"] == "output"]
    assert texts[-1] == "slept\n"
    assert sum(map(len, texts)) < 2000, "what was written over does not come"
    at = {
        event["event"]: number for number, m in enumerate(messages) for event in m["events"] if event["cell"] == slept
    }
    assert at["started"] < at["finished"], "events come while the cell runs"
    socket.send(json.dumps({"type": "cells.follow", **key, "attempt": 1, "after": events[-1]["seq"]}))
    while (again := json.loads(socket.recv()))["type"] != "cells":
        pass
    assert (again["events"], again["complete"]) == ([], True)
    socket.close()


def test_earlier_attempts_are_told_after_another_one(server: LabServer, runs: list[str]) -> None:
    assert server.get(runs[1] + "/attempts")["attempts"] == []
    server.post(runs[0] + "/tasks/end/clear")
    wait_for(lambda: server.get(runs[0])["state"] == "success", "it ran again")
    (earlier,) = server.get(runs[0] + "/attempts")["attempts"]
    assert (earlier["task_id"], earlier["attempt_number"], earlier["outcome"]) == ("end", 1, "success")
