"""Bad requests at every door: command line, REST, a taken port, state folders of no use, a second host.

Each is refused in one line that says what, where and what to do, and changes nothing.
"""

from __future__ import annotations

import json
import re
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.census import census
from support.houses import CliResult, House
from support.lab_server import LabServer
from support.waiting import wait_for

DAGS = """
from jupyter_flow import *
with DAG('good', params={'rows': Param(3, type='integer', minimum=1)}):
    BashOperator('a', 'echo {{ params.rows }}')
with DAG('slow'):
    BashOperator('sleeps', 'sleep 600')
"""
DATE = "2026-01-05T00:00:00+00:00"
TAKEN = f"logical date {DATE} of DAG 'good' is taken by run 'manual__{DATE}': clear that run"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """One server with its host for this file, which holds a finished run of ``good``."""
    lab = LabServer(tmp_path_factory.mktemp("doors"))
    try:
        lab.write_dag(DAGS)
        lab.start()
        lab.wait_for_dag("good")
        run = lab.run_to_end("good", {"logical_date": DATE})
        assert run["state"] == "success"
        yield lab
    finally:
        lab.close()


@pytest.fixture
def labs(tmp_path: Path) -> Iterator[Callable[[], LabServer]]:
    """A factory of servers for tests that need their own."""
    built: list[LabServer] = []

    def build() -> LabServer:
        built.append(LabServer(tmp_path / f"lab{len(built)}"))
        return built[-1]

    yield build
    for lab in built:
        lab.close()


@pytest.fixture
def cli(server: LabServer, tmp_path: Path) -> Callable[..., CliResult]:
    """The command line with the server's home."""
    house = House(tmp_path / "caller")

    def call(*args: str) -> CliResult:
        return house.cli(*args, env={"JUPYTER_FLOW_HOME": str(server.home), "JUPYTER_FLOW_DAGS": str(server.dags)})

    return call


def runs(server: LabServer) -> list[dict[str, Any]]:
    return server.get("/dags/good/runs")["runs"]


RUN = f"/dags/good/runs/{quote(f'manual__{DATE}', safe='')}"
NO_DAG = "DAG 'nobody' does not exist"
NO_RUN = "DAG 'good' has no run 'none'"
OF_RUN = f"run 'manual__{DATE}' of DAG 'good'"


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/dags/nobody", NO_DAG),
        ("PATCH", "/dags/nobody", NO_DAG),
        ("DELETE", "/dags/nobody", NO_DAG),
        ("GET", "/dags/nobody/next", NO_DAG),
        ("GET", "/dags/nobody/runs", NO_DAG),
        ("POST", "/dags/nobody/runs", NO_DAG),
        ("GET", "/dags/good/runs/none", NO_RUN),
        ("POST", "/dags/good/runs/none/cancel", NO_RUN),
        ("POST", "/dags/good/runs/none/clear", NO_RUN),
        ("POST", "/dags/good/runs/none/mark", NO_RUN),
        ("GET", "/dags/good/runs/none/tasks/a", NO_RUN),
        ("GET", "/dags/good/runs/none/tasks/a/log", NO_RUN),
        ("GET", "/dags/good/runs/none/tasks/a/notebook", NO_RUN),
        ("GET", f"{RUN}/tasks/zz", f"{OF_RUN} has no task 'zz'"),
        ("POST", f"{RUN}/tasks/zz/clear", f"{OF_RUN} has no task 'zz'"),
        ("GET", f"{RUN}/tasks/a?map_index=3", f"{OF_RUN} has no task 'a' with map index 3"),
        ("GET", f"{RUN}/tasks/a/log?attempt=9", f"task 'a' of run 'manual__{DATE}' has no attempt 9"),
        (
            "GET",
            f"{RUN}/tasks/a/notebook",
            f"task 'a' of run 'manual__{DATE}', attempt 1 left no executed notebook",
        ),
        ("GET", "/nothing", "no such resource: see openapi.json"),
    ],
)
def test_rest_answers_404_in_one_line_for_what_it_does_not_know(
    server: LabServer, method: str, path: str, message: str
) -> None:
    body = {"PATCH": {"is_paused": True}}.get(method, {"state": "failed"} if path.endswith("/mark") else {})
    before = runs(server)
    response = server.request(method, path, body)
    assert (response.status_code, response.json()) == (404, {"code": "not_found", "message": message})
    assert runs(server) == before


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("{rows: 1}", 400, "the body is not JSON: Expecting property name enclosed in double quotes"),
        ('{"conf": {"rows": NaN}}', 400, "the body is not JSON: NaN is not JSON"),
        ("[1]", 400, "the body is not a JSON object"),
        ('{"conf": "rows"}', 400, 'conf must be a JSON object, e.g. {"name": "value"}'),
        ('{"conf": {"rows": "many"}}', 400, "param 'rows'"),
        ('{"conf": {"rows": 0}}', 400, "param 'rows'"),
        ('{"logical_date": "soon"}', 400, "'soon' is not an ISO 8601 date"),
        ('{"colour": "red"}', 400, "unknown fields in the body: colour. Known are: conf, logical_date"),
        (f'{{"logical_date": "{DATE}"}}', 409, TAKEN),
        (f'{{"run_id": "manual__{DATE}"}}', 409, f"manual__{DATE}"),
    ],
)
def test_rest_refuses_a_trigger_in_one_line_and_makes_no_run(
    server: LabServer, body: str, code: int, message: str
) -> None:
    before = runs(server)
    response = server.request("POST", "/dags/good/runs", data=body)
    assert response.status_code == code, response.text
    assert message in response.json()["message"]
    assert "\n" not in response.json()["message"]
    assert runs(server) == before


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("dags", "show", "nobody"), NO_DAG),
        (("dags", "trigger", "nobody"), NO_DAG),
        (("runs", "show", "good", "none"), NO_RUN),
        (("tasks", "log", "good", f"manual__{DATE}", "zz"), f"{OF_RUN} has no task 'zz'"),
        (("dags", "trigger", "good", "--logical-date", DATE), TAKEN),
        (
            ("dags", "trigger", "good", "--conf", "rows=1"),
            "--conf is not JSON: Expecting value: line 1 column 1 (char 0); write e.g. --conf '{\"rows\": 100}'",
        ),
        (
            ("dags", "trigger", "good", "--conf", "[1]"),
            '--conf must be a JSON object like {"rows": 100}, not list',
        ),
        (
            ("dags", "trigger", "good", "--logical-date", "soon"),
            "'soon' is not an ISO 8601 date, e.g. 2026-01-31T02:00:00+00:00",
        ),
    ],
)
def test_the_command_line_says_the_same(
    server: LabServer, cli: Callable[..., CliResult], args: tuple[str, ...], line: str
) -> None:
    before = runs(server)
    result = cli(*args)
    assert (result.code, result.out, result.err) == (2, "", f"error: {line}\n")
    assert runs(server) == before


def test_a_second_host_is_refused_with_the_pid_of_the_first(server: LabServer, cli: Callable[..., CliResult]) -> None:
    pid = server.get("/health")["host"]["pid"]
    refusal = f"a host already serves {server.home}: pid {pid}. Use it, or end it with `jupyter flow stop`"
    for args in (("scheduler",), ("db", "upgrade")):
        result = cli(*args)
        assert (result.code, result.out, result.err.removeprefix("error: ")) == (2, "", f"{refusal}\n")
    second = House(server.base / "second")
    second.home = server.home
    process = second.spawn()
    assert process.wait(60) == 2
    assert second.output().strip().splitlines()[-1].endswith(refusal)
    # By another name it is the same house.
    other = server.base / "another-name"
    other.symlink_to(server.base)
    result = cli("scheduler", "--home", str(other / "home"))
    assert result.code == 2
    assert f"pid {pid}" in result.err
    assert cli("status", "--home", str(other / "home"), "--json").json["host"]["pid"] == pid
    assert server.get("/health")["host"]["pid"] == pid


def test_a_taken_port_is_one_line_and_leaves_no_host_behind(labs: Callable[[], LabServer]) -> None:
    lab = labs()
    lab.write_dag(DAGS)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", lab.port))
        taken.listen()
        lab.spawn()
        assert lab.process is not None
        assert lab.process.wait(60) == 1
    last = lab.output().strip().splitlines()[-1]
    assert f"port {lab.port} is not available" in last
    assert "Traceback" not in lab.output()
    assert census(lab.tag) == []
    lab.start()  # the port is free again, and nothing stands in the way
    assert lab.wait_for_dag("good")


def test_a_server_says_that_its_state_folder_is_of_no_use_and_goes_on(labs: Callable[[], LabServer]) -> None:
    lab = labs()
    (lab.base / "plain").write_text("a file")
    home = lab.base / "plain" / "home"  # nothing can be made beneath a file, for root too
    lab.env["JUPYTER_FLOW_HOME"] = str(home)
    lab.spawn()
    refusal = f"state folder {home} is not writable (Not a directory): set JUPYTER_FLOW_HOME or --home"

    def answer() -> Any:
        try:
            response = lab.request("GET", "/health")
        except OSError:
            return None
        return (response.status_code, response.json()) if refusal in response.text else None

    told = wait_for(answer, lambda: f"the server says so:\n{lab.output()[-3000:]}", 60)
    assert told == (503, {"code": "no_host", "message": refusal})
    assert lab.request("GET", "/dags").json()["message"] == refusal
    assert refusal in lab.output()
    assert "Traceback" not in lab.output()
    assert (lab.base / "plain").read_text() == "a file"


def refused_home(house: House, home: Path, why: str) -> None:
    path = house.write_dag(DAGS)
    for args in (
        ("scheduler",),
        ("run", str(path), "--dag", "good"),
        ("variables", "set", "a", "b"),
        ("db", "upgrade"),
    ):
        result = house.cli(*args, "--home", str(home))
        assert (result.code, result.out) == (2, ""), str(result)
        said = result.err.removeprefix("error: ")
        assert said == f"state folder {home} is not writable ({why}): set JUPYTER_FLOW_HOME or --home\n"


def test_a_state_folder_beneath_a_file_is_refused(house: House) -> None:
    (house.base / "plain").write_text("a file")
    refused_home(house, house.base / "plain" / "home", "Not a directory")
    assert (house.base / "plain").read_text() == "a file"


def test_a_state_folder_that_nobody_may_write_is_refused(house: House) -> None:
    refused_home(house, Path("/proc/self/home"), "No such file or directory")


def test_a_stranger_at_the_place_of_the_socket_does_not_keep_a_host_from_serving(house: House) -> None:
    house.write_dag(DAGS)
    house.start()
    house.kill()  # leaves its socket behind
    assert stat.S_ISSOCK(house.socket.stat().st_mode)
    result = house.cli("status", "--json")
    assert (result.code, result.json["state"]) == (3, "stopped")
    house.start()
    house.stop()
    house.socket.parent.mkdir(mode=0o700, exist_ok=True)
    house.socket.write_text("a stranger")
    result = house.cli("status", "--json")
    assert (result.code, result.json["state"]) == (3, "stopped")
    house.start()
    assert house.run_dag("good")["state"] == "success"


def test_what_is_refused_leaves_running_tasks_alone(server: LabServer, cli: Callable[..., CliResult]) -> None:
    run = server.post("/dags/slow/runs", {"unpause": True})
    path = f"/dags/slow/runs/{quote(run['run_id'], safe='')}"
    wait_for(lambda: server.get(path)["tasks"][0]["state"] == "running", "the task runs")
    for args in (("scheduler",), ("dags", "delete", "slow"), ("db", "upgrade")):
        result = cli(*args)
        assert (result.code, len(result.err.splitlines())) == (2, 1), str(result)
    for body in ('{"conf": 1', json.dumps({"conf": 1})):
        assert server.request("POST", "/dags/slow/runs", data=body).status_code == 400
    assert server.get(path)["tasks"][0]["state"] == "running"
    assert re.fullmatch("running|queued", server.get(path)["state"])
    server.post(f"{path}/cancel")
    wait_for(lambda: server.get(path)["state"] == "cancelled", "the run is cancelled")
