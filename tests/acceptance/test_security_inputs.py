"""S10 and S12: notebooks that are no files of ours, and names and values that are no data, at every door.

Each is refused in one line, before a kernel starts, and nobody is asked for anything over the network.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.files import parameters
from support.houses import CliResult, House, task_of
from support.lab_server import LabServer
from support.waiting import wait_for

from jupyter_flow.wire import framing
from jupyter_flow.wire.paths import house_socket

NO_NOTEBOOKS = {
    "http": ("http://127.0.0.1:{port}/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "upper": ("HTTP://127.0.0.1:{port}/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "https": ("https://127.0.0.1:{port}/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "file": ("file:///etc/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "s3": ("s3://bucket/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "gs": ("gs://bucket/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "abs": ("abs://account/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "adl": ("adl://store/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "hdfs": ("hdfs://host/x.ipynb", "is a URL or bucket: only files beneath the DAG folder are executed"),
    "json": ('{"cells": [], "metadata": {}}', "is not a path: braces are for templates such as '{{ ds }}'"),
    "format": ("{name}.ipynb", "is not a path: braces are for templates such as '{{ ds }}'"),
    "lines": ("book.ipynb\nx.ipynb", "is not a path: name a file, e.g. 'train.ipynb'"),
}
BAD_PARAMETERS = {
    "newline": (
        "{'a\\nimport os': 1}",
        "parameter name 'a\\nimport os' is not an identifier: use letters, digits and _",
    ),
    "keyword": ("{'lambda': 1}", "parameter name 'lambda' is a keyword of Python: use another"),
    "code": ("{'x = 1; y': 1}", "parameter name 'x = 1; y' is not an identifier: use letters, digits and _"),
    "object": ("{'a': object()}", "parameters['a']: a object is not JSON"),
    "nan": ("{'a': float('nan')}", "parameters['a']: nan is not a JSON number"),
}
OPEN = """
from jupyter_flow import DAG, NotebookOperator, task

with DAG("open", params={"which": "book.ipynb", "names": {}}):
    NotebookOperator("book", "{{ params.which }}", retries=2)
    @task
    def names(params=None):
        return params["names"]
    NotebookOperator("named", "book.ipynb", parameters=names(), retries=2)
"""
BOOK = """
from jupyter_flow import flow
assert not {'os', 'a', 'x', 'y'} & set(globals()), sorted(globals())
flow.xcom_push('conf', flow.context['dag_run'].conf)
"""


class Listener:
    """A server on loopback that counts who calls."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.calls = 0
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """What the URLs in this file point at."""
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[LabServer]:
    """One server with its host, a DAG that takes names from its conf, and a folder of bad DAG files."""
    lab = LabServer(tmp_path_factory.mktemp("inputs"))
    try:
        lab.write_notebook([parameters(""), BOOK], "book.ipynb")
        lab.write_dag(OPEN, "open.py")
        for name, (notebook, _) in NO_NOTEBOOKS.items():
            _write_bad(lab, f"notebook_{name}", f"{notebook.replace('{port}', str(listener.port))!r}")
        for name, (given, _) in BAD_PARAMETERS.items():
            _write_bad(lab, f"parameters_{name}", f"'book.ipynb', parameters={given}")
        lab.start()
        lab.wait_for_dag("open")
        wait_for(lambda: len(lab.get("/import-errors")) >= len(NO_NOTEBOOKS) + len(BAD_PARAMETERS), "all are read")
        yield lab
    finally:
        lab.close()


def _write_bad(lab: LabServer, name: str, arguments: str) -> None:
    lab.write_dag(
        f"from jupyter_flow import *\nwith DAG({name!r}):\n    NotebookOperator('n', {arguments})\n", f"{name}.py"
    )


@pytest.fixture
def cli(lab: LabServer, tmp_path: Path) -> Callable[..., CliResult]:
    """The command line with the server's home."""
    house = House(tmp_path / "caller")

    def call(*args: str) -> CliResult:
        return house.cli(*args, env={"JUPYTER_FLOW_HOME": str(lab.home), "JUPYTER_FLOW_DAGS": str(lab.dags)})

    return call


BAD_FILES = {
    **{f"notebook_{name}": words for name, (_, words) in NO_NOTEBOOKS.items()},
    **{f"parameters_{name}": words for name, (_, words) in BAD_PARAMETERS.items()},
}


def test_bad_dag_files_are_import_errors_of_one_line_each(
    lab: LabServer, cli: Callable[..., CliResult], listener: Listener
) -> None:
    rest = {Path(item["file"]).stem: item for item in lab.get("/import-errors") if item["kind"] == "error"}
    shown = {
        Path(item["file"]).stem: item["message"]
        for item in cli("dags", "errors", "--json").json
        if item["kind"] == "error"
    }
    assert set(rest) == set(shown) == set(BAD_FILES)
    for name, words in BAD_FILES.items():
        message = rest[name]["message"]
        assert (words in message, "'n'" in message, "\n" in message) == (True, True, False), message
        assert shown[name] == message
    assert [dag["dag_id"] for dag in lab.get("/dags")["dags"]] == ["open"]
    assert listener.calls == 0


@pytest.mark.parametrize("name", ["notebook_http", "notebook_json", "parameters_newline", "parameters_nan"])
def test_check_says_the_same(lab: LabServer, cli: Callable[..., CliResult], name: str) -> None:
    result = cli("check", str(lab.dags / f"{name}.py"))
    assert result.code != 0
    assert BAD_FILES[name] in result.out + result.err


def _ended(lab: LabServer, conf: dict[str, Any]) -> dict[str, Any]:
    run: dict[str, Any] = lab.run_to_end("open", {"conf": conf})
    return run


@pytest.mark.parametrize("name", ["http", "s3", "json", "format", "lines"])
def test_a_notebook_that_conf_makes_of_a_template_is_refused_before_a_kernel_starts(
    lab: LabServer, listener: Listener, name: str
) -> None:
    notebook, words = NO_NOTEBOOKS[name]
    run = _ended(lab, {"which": notebook.replace("{port}", str(listener.port))})
    task = task_of(run, "book")
    assert (task["state"], task["try_number"], task["notebook_path"]) == ("failed", 1, None)
    assert words in task["reason"]["text"]
    assert "\n" not in task["reason"]["text"]
    assert listener.calls == 0


@pytest.mark.parametrize("name", ["a\nimport os", "lambda", "x = 1; y", ""])
def test_a_parameter_name_that_comes_with_the_run_is_refused_before_a_kernel_starts(lab: LabServer, name: str) -> None:
    task = task_of(_ended(lab, {"names": {name: 1}}), "named")
    assert (task["state"], task["try_number"], task["notebook_path"]) == ("failed", 1, None)
    assert f"parameter name {name!r} is " in task["reason"]["text"]
    assert "\n" not in task["reason"]["text"]


ODD = {"a\nimport os": "1", "lambda": [2], "x = 1; y": None, "{{ 1 // 0 }}": "{{ 1 // 0 }}", "": "\n' \" $(id) `id`"}


def test_other_names_of_conf_stay_data_through_rest_and_the_command_line(
    lab: LabServer, cli: Callable[..., CliResult]
) -> None:
    run = _ended(lab, ODD)
    said = cli("dags", "trigger", "open", "--conf", json.dumps(ODD), "--wait", "--json")
    assert said.code == 0, str(said)
    for run_id in (run["run_id"], said.json["run_id"]):
        shown = cli("runs", "show", "open", run_id, "--json").json
        assert (shown["state"], shown["conf"]) == ("success", ODD)
        (xcom,) = cli("tasks", "xcom", "open", run_id, "book", "--json").json
        assert xcom["value"] == ODD


def _raw(lab: LabServer, args: str) -> dict[str, Any]:
    """Ask ``dags.trigger`` over house.sock with ``args`` as they are."""
    body = f'{{"id": 1, "op": "dags.trigger", "args": {args}, "actor": {{"user": "t", "auth": "cli"}}}}'.encode()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(house_socket(lab.home)))
        sock.sendall(len(body).to_bytes(4, "big") + body)
        answer = framing.receive(sock)
    assert answer is not None
    error: dict[str, Any] = answer["error"]
    return error


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"', '{"\\udc00": 1}', "[[NaN]]"])
def test_values_that_are_not_json_are_invalid_at_every_door(
    lab: LabServer, cli: Callable[..., CliResult], value: str
) -> None:
    before = lab.get("/dags/open/runs")["runs"]
    conf = f'{{"names": {value}}}'
    rest = lab.request("POST", "/dags/open/runs", data=f'{{"conf": {conf}}}')
    assert (rest.status_code, rest.json()["code"]) == (400, "invalid"), rest.text
    raw = _raw(lab, f'{{"dag_id": "open", "conf": {conf}}}')
    assert raw["code"] == "invalid", raw
    said = cli("dags", "trigger", "open", "--conf", conf)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1), str(said)
    for message in (rest.json()["message"], raw["message"], said.err):
        assert "not JSON" in message
        assert "\n" not in message.strip()
    assert lab.get("/dags/open/runs")["runs"] == before
    assert lab.get("/health")["state"] == "healthy"


@pytest.mark.parametrize("args", ['{"dag_id": NaN}', '{"dag_id": ["open"]}', '{"dag_id": "open", "run_id": {"a": 1}}'])
def test_ids_that_are_no_ids_are_invalid_on_the_socket_too(lab: LabServer, args: str) -> None:
    error = _raw(lab, args)
    assert error["code"] == "invalid", error
    assert "\n" not in error["message"]
