"""A kept kernel as one of the Jupyter Server: our use of its private names, held against the installed version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
import websocket
from support.census import attempt_processes
from support.lab_server import LabServer
from support.waiting import wait_for

CELLS = ["answer = 42", "1 / 0"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    lab = LabServer(tmp_path_factory.mktemp("kernels"))
    lab.settings = ["c.JupyterFlow.keep_kernel_on_failure = 600"]
    lab.write_notebook(CELLS, "train.ipynb")
    lab.write_dag(
        """
        from jupyter_flow import DAG, NotebookOperator

        with DAG("nightly") as dag:
            NotebookOperator(task_id="train", notebook="train.ipynb")
        """
    )
    try:
        lab.start()
        lab.wait_for_dag("nightly")
        yield lab
    finally:
        lab.close()


def ask(server: LabServer, method: str, path: str, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"token {server.token}"}
    return requests.request(method, f"{server.url}/api/{path}", headers=headers, json=body, timeout=30)


class Client:
    """A tab's connection to a kernel."""

    def __init__(self, server: LabServer, kernel_id: str) -> None:
        address = server.url.replace("http", "ws") + f"/api/kernels/{kernel_id}/channels"
        self.socket = websocket.create_connection(address, header=[f"Authorization: token {server.token}"], timeout=30)

    def close(self) -> None:
        self.socket.close()

    def send(self, code: str) -> None:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        header = {"msg_id": "m1", "msg_type": "execute_request", "session": "s", "username": "", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.socket.send(json.dumps(message))

    def wait_for(self, kind: str, **content: Any) -> dict[str, Any]:
        while True:
            message = json.loads(self.socket.recv())
            if message["msg_type"] == kind and content.items() <= message["content"].items():
                found: dict[str, Any] = message["content"]
                return found


def test_a_kept_kernel_is_a_kernel_of_the_server(server: LabServer) -> None:
    run = server.run_to_end("nightly")
    task = f"/dags/nightly/runs/{quote(run['run_id'], safe='')}/tasks/train"
    opened = server.post(f"{task}/kernel")
    assert opened["cell"] == 1
    assert opened["notebook_path"].startswith("dags/train.live-")
    kernel = f"kernels/{opened['kernel_id']}"
    attempt = opened["kernel_id"].replace("-", "")
    assert [item["id"] for item in ask(server, "GET", "kernels").json()] == [opened["kernel_id"]]
    session = {"path": opened["notebook_path"], "type": "notebook", "name": "", "kernel": {"id": opened["kernel_id"]}}
    assert ask(server, "POST", "sessions", session).status_code == 201

    client = Client(server, opened["kernel_id"])
    client.send("answer + 1")
    assert client.wait_for("execute_result")["data"]["text/plain"] == "43"
    client.send("import time\nprint('sleeps', flush=True)\ntime.sleep(600)")
    client.wait_for("stream")
    wait_for(lambda: ask(server, "GET", kernel).json()["execution_state"] == "busy", "the server sees it busy")
    assert ask(server, "POST", f"{kernel}/interrupt").status_code == 204
    assert client.wait_for("error")["ename"] == "KeyboardInterrupt"
    assert ask(server, "POST", f"{kernel}/restart").status_code == 500  # the server's own answer to every refusal
    assert "cannot be restarted" in server.output()
    client.close()

    # somebody shuts it down in Jupyter: the server lets go of it, and it lives on until its time is over
    assert ask(server, "DELETE", kernel).status_code == 204
    assert ask(server, "GET", "kernels").json() == []
    assert attempt_processes(attempt)
    copy = server.root / opened["notebook_path"]
    mine = json.loads(copy.read_text())
    mine["cells"][1]["source"] = "1 / 1"
    copy.write_text(json.dumps(mine))
    again = server.post(f"{task}/kernel")
    assert {**again, "until": ""} == {**opened, "until": ""}
    assert json.loads(copy.read_text()) == mine, "a copy that was written before is its user's"

    client = Client(server, opened["kernel_id"])
    assert server.request("DELETE", f"{task}/kernel").status_code == 200
    client.wait_for("status", execution_state="dead")
    client.close()
    wait_for(lambda: ask(server, "GET", "kernels").json() == [], "it is no kernel of the server any more")
    wait_for(lambda: not attempt_processes(attempt), "nothing is left")
    assert server.request("POST", f"{task}/kernel").status_code == 409
    assert "train.live" not in json.dumps(server.get("/import-errors"))


def test_a_mended_notebook_goes_on(server: LabServer) -> None:
    run = server.run_to_end("nightly")
    task = f"/dags/nightly/runs/{quote(run['run_id'], safe='')}/tasks/train"
    opened = server.post(f"{task}/kernel")
    attempt = opened["kernel_id"].replace("-", "")
    copy = json.loads((server.root / opened["notebook_path"]).read_text())
    cells = [{**cell, "source": "".join(cell["source"])} for cell in copy["cells"]]
    cells[1]["source"] = "print(answer / 2)"
    body = {"copy_of": attempt, "cells": cells}

    def refused(change: dict[str, Any]) -> tuple[int, str]:
        response = server.request("POST", f"{task}/resume", {**body, **change})
        return response.status_code, response.json()["message"]

    assert refused({"cells": "none"}) == (400, "cells is missing, or of another type")
    assert refused({"cells": [{"id": "a"}]})[0] == 400
    assert refused({"copy_of": "../up"})[0] == 400
    assert refused({"with_kernel": 1})[0] == 400
    assert refused({"copy_of": "0" * 32}) == (409, "this is a copy of an earlier attempt; the last one is attempt 1")
    assert refused({"cells": cells[:1]}) == (409, "the cell that failed is not in this notebook: undo its deletion")

    client = Client(server, opened["kernel_id"])
    client.send("import time\nprint('sleeps', flush=True)\ntime.sleep(600)")
    client.wait_for("stream")
    path = f"kernels/{opened['kernel_id']}"
    wait_for(lambda: ask(server, "GET", path).json()["execution_state"] == "busy", "the server sees it busy")
    assert refused({}) == (409, "the kernel is busy: interrupt the cell that runs, or wait for its end")
    assert ask(server, "POST", f"{path}/interrupt").status_code == 204
    wait_for(lambda: ask(server, "GET", path).json()["execution_state"] == "idle", "the server sees it idle")
    client.close()
    assert server.get(task)["state"] == "failed", "a refusal changes nothing"

    assert server.post(f"{task}/resume", body)["task_id"] == "train"
    wait_for(lambda: server.get(task)["state"] == "success", lambda: f"it goes on: {server.get(task)['reason']}")
    assert [item["outcome"] for item in server.get(task)["attempts"]] == ["failed", "success"]
    executed = server.get(f"{task}/notebook")["notebook"]["cells"]
    assert executed[1]["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["21.0\n"]}]
    assert refused({}) == (409, "task 'train' is success already: only a failed task can go on")
    wait_for(lambda: not attempt_processes(attempt), "nothing is left")
