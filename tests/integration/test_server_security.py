"""What the server refuses: no credentials, a denied user, forged and foreign requests, strange ids."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from support.flow_routes import RouteMethod, routes
from support.lab_server import API, LabServer
from support.waiting import wait_for

import jupyter_flow.server

PERMISSIONS = Path(__file__).with_name("server_permissions.json")
SERVER_FOLDER = Path(jupyter_flow.server.__file__).parent
DAG = """
    from jupyter_flow import DAG, Asset, BashOperator, NotebookOperator

    with DAG("dated", schedule="@daily", start_date="2026-01-01"):
        BashOperator(task_id="day", bash_command="true")
    with DAG("safe", schedule=None, params={"text": "plain"}) as dag:
        BashOperator(task_id="one", bash_command="echo one", outlets=[Asset("a")]) >> NotebookOperator(
            task_id="book", notebook="book.ipynb", parameters={"text": "{{ params.text }}"}
        )
    with DAG("other", schedule=None) as other:
        BashOperator(task_id="two", bash_command="echo two")
"""
AUTHORIZER = """
    import json, os
    from jupyter_server.auth import Authorizer

    class Journal(Authorizer):
        '''Writes down what it was asked about us and denies what a file says.'''

        def is_authorized(self, handler, user, action, resource):
            if not resource.startswith("jupyter_flow:"):
                return True
            with open(os.environ["ASKED"], "a") as file:
                file.write(json.dumps([handler.request.method, handler.request.path, action, resource]) + "\\n")
            with open(os.environ["DENIED"]) as file:
                return [action, resource] not in json.load(file)
"""
DUMP = """
    import json, os

    def _load_jupyter_server_extension(app):
        '''Writes down every pattern that the application serves by a handler of ours.'''
        found = []
        def walk(router):
            for rule in router.rules:
                target = rule.target
                if hasattr(target, "rules"):
                    walk(target)
                elif getattr(target, "__module__", "").startswith("jupyter_flow"):
                    found.append(rule.matcher.regex.pattern)
        walk(app.web_app.default_router)
        with open(os.environ["ROUTES"], "w") as file:
            json.dump(found, file)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    base = tmp_path_factory.mktemp("security")
    lab = LabServer(base)
    lab.write_dag(DAG)
    lab.write_notebook([{"source": "text = ''", "tags": ["parameters"]}, "print(text)"], "book.ipynb")
    lab.write_module("journal_authorizer", AUTHORIZER)
    lab.write_module("zz_dump_routes", DUMP)
    lab.env.update(ASKED=str(base / "asked"), DENIED=str(base / "denied"), ROUTES=str(base / "routes"))
    (base / "denied").write_text("[]")
    lab.settings += [
        "from journal_authorizer import Journal",
        "c.ServerApp.authorizer_class = Journal",
    ]
    lab.extensions["zz_dump_routes"] = True
    try:
        lab.start()
        lab.wait_for_dag("safe")
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def ids(server: LabServer) -> dict[str, str]:
    """Ids of a run that has ended, of which every route can say something."""
    run = server.run_to_end("safe")
    assert run["state"] == "success", run
    plan = {"from_date": "2026-01-01", "to_date": "2026-01-01"}
    number = str(server.request("POST", "/dags/dated/backfills", plan).json()["backfill_id"])
    wait_for(lambda: server.get(f"/backfills/{number}")["state"] == "completed", "the backfill ends")
    plans = {"backfill_id": number, "pool_name": "default_pool", "asset_name": "a"}
    plans["key"] = "return_value"
    plans["file_name"] = "example.py"
    plans["bundle_hash"] = server.get("/dag-files/example.py/versions")["versions"][0]["bundle"]
    plans["number"] = str(run["version"])
    return plans | {"dag_id": "safe", "run_id": run["run_id"], "task_id": "book"}


def rows(server: LabServer) -> dict[str, list[Any]]:
    """The whole database, without the host's own heartbeat."""
    with sqlite3.connect(f"file:{server.home}/flow.db?mode=ro", uri=True) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = [name for name in names if name not in ("host", "hosts")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}


def send(server: LabServer, route: RouteMethod, ids: dict[str, str], **options: Any) -> requests.Response:
    return server.request(route.method, route.path(**ids), route.body, **options)


def test_the_routes_are_those_the_application_serves(server: LabServer) -> None:
    served = json.loads((server.base / "routes").read_text())
    patterns = {pattern.removesuffix("$").removeprefix(API) for pattern in served}
    expected = {path.replace(".", r"\.") for path in {route.template for route in routes()}}
    expected = {re.sub(r"\{\w+\}", "([^/]+)", path) for path in expected}
    assert patterns == expected | {"(?:/.*)?"}


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.name)
def test_without_credentials_nothing_is_answered(server: LabServer, ids: dict[str, str], route: RouteMethod) -> None:
    before = rows(server)
    for token in ("", "wrong"):
        headers = {"Authorization": f"token {token}" if token else ""}
        response = send(server, route, ids, headers=headers, allow_redirects=False)
        assert response.status_code in (401, 403), (route, response.text)
    assert rows(server) == before


def test_unknown_paths_and_the_socket_need_credentials_too(server: LabServer) -> None:
    for path in ("/nothing", "/dags/a/b/c/d", "/", ""):
        assert server.request("GET", path, headers={"Authorization": ""}).status_code == 403
        assert server.request("GET", path).status_code == 404
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        server.socket(header=[])
    assert refused.value.status_code == 403


def test_every_action_and_resource_stands_in_the_table_and_is_refused_when_denied(
    server: LabServer, ids: dict[str, str]
) -> None:
    recorded: dict[str, list[str]] = {}
    denied = server.base / "denied"
    asked = server.base / "asked"
    every = [
        [action, resource]
        for action, resource in {tuple(pair) for pair in json.loads(PERMISSIONS.read_text()).values()}
    ]
    before = rows(server)
    denied.write_text(json.dumps(every))
    try:
        for route in routes():
            asked.write_text("")
            response = send(server, route, ids)
            lines = [json.loads(line) for line in asked.read_text().splitlines()]
            recorded[route.name] = lines[0][2:] if lines else []
            assert response.status_code == 403, (route, response.text)
            assert len(lines) == 1, (route, lines)
        with pytest.raises(websocket.WebSocketBadStatusException):
            server.socket()
    finally:
        denied.write_text("[]")
    assert rows(server) == before
    assert recorded == json.loads(PERMISSIONS.read_text())


def test_denying_one_pair_refuses_its_routes_only(server: LabServer, ids: dict[str, str]) -> None:
    table: dict[str, list[str]] = json.loads(PERMISSIONS.read_text())
    reads = [route for route in routes() if route.method == "GET" and route.template != "/events"]
    try:
        for pair in {tuple(value) for value in table.values()}:
            (server.base / "denied").write_text(json.dumps([list(pair)]))
            for route in reads:
                expected = 403 if tuple(table[route.name]) == pair else 200
                assert send(server, route, ids).status_code == expected, (pair, route)
    finally:
        (server.base / "denied").write_text("[]")


def test_no_handler_leaves_action_or_resource_to_be_guessed() -> None:
    for path in SERVER_FOLDER.glob("*.py"):
        tree = ast.parse(path.read_text())
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)]:
            names = [ast.unparse(decorator) for decorator in function.decorator_list]
            guards = [node for node in function.decorator_list if "authorized" in ast.unparse(node)]
            if function.name in ("get", "post", "patch", "put", "delete", "head") and path.name.startswith("handlers_"):
                assert names[0] == "web.authenticated", (path, function.name)
                assert len(guards) == 1, (path, function.name)
            for guard in guards:
                assert isinstance(guard, ast.Call), (path, function.name)
                action, resource = [ast.literal_eval(argument) for argument in guard.args]
                assert action in ("read", "write", "execute")
                assert resource.startswith("jupyter_flow:")


def cookie_session(server: LabServer) -> requests.Session:
    """Log in as a browser does: by cookies, which a foreign page could ride on."""
    session = requests.Session()
    assert session.get(f"{server.url}/login?token={server.token}", timeout=30).ok
    assert any(cookie.name.startswith("username-") for cookie in session.cookies), session.cookies
    return session


WRITES = [route for route in routes() if route.method in ("POST", "PATCH", "DELETE")]


@pytest.mark.parametrize("route", WRITES, ids=lambda route: route.name)
def test_a_forged_write_is_refused(server: LabServer, ids: dict[str, str], route: RouteMethod) -> None:
    before = rows(server)
    url = server.url + API + route.path(**ids)
    session = cookie_session(server)
    body = json.dumps(route.body)
    headers = {"Content-Type": "application/json"}
    without_xsrf = session.request(route.method, url, data=body, headers=headers, timeout=30)
    assert without_xsrf.status_code == 403
    headers["X-XSRFToken"] = session.cookies["_xsrf"]
    foreign = session.request(
        route.method, url, data=body, headers={**headers, "Origin": "https://elsewhere.example"}, timeout=30
    )
    assert foreign.status_code == 403
    if route.method != "DELETE":
        plain = session.request(
            route.method, url, data=body, headers={**headers, "Content-Type": "text/plain"}, timeout=30
        )
        assert plain.status_code == 415
        bare = session.request(route.method, url, headers={"X-XSRFToken": headers["X-XSRFToken"]}, timeout=30)
        assert bare.status_code == 415
    assert rows(server) == before


def test_a_foreign_page_gets_no_socket(server: LabServer) -> None:
    session = cookie_session(server)
    cookie = "; ".join(f"{item.name}={item.value}" for item in session.cookies)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        server.socket(header=[f"Cookie: {cookie}"], origin="https://elsewhere.example")
    assert refused.value.status_code == 403


def test_reading_everything_changes_nothing(server: LabServer, ids: dict[str, str]) -> None:
    before = rows(server)
    assert sum(map(len, before.values())) > 10
    for route in routes():
        if route.method == "GET" and route.template != "/events":
            response = send(server, route, ids)
            assert response.status_code == 200, (route, response.text)
    socket = server.socket(cursor=0)
    assert json.loads(socket.recv())["type"] == "hello"
    socket.close()
    assert rows(server) == before


@pytest.mark.parametrize("name", ["dag_id", "run_id", "task_id"])
@pytest.mark.parametrize(
    "text", ["../../etc/passwd", "..", "%2e%2e", "a/b", "a\\b", "a b", "a\0b", "a\nb", "é", "x" * 251, "$(id)", "{x}"]
)
def test_strange_ids_reach_nothing(server: LabServer, ids: dict[str, str], name: str, text: str) -> None:
    before = rows(server)
    for route in routes():
        if "{" + name + "}" in route.template and route.template != "/events":
            status, words = server.send_raw(route.method, route.path(**{**ids, name: text}), route.body)
            assert status in (400, 404), (route, words)
            answer = json.loads(words)
            assert set(answer) == {"code", "message"}
            assert "\n" not in answer["message"]
    assert rows(server) == before


@pytest.mark.parametrize("name", ["dag_id", "run_id", "task_id"])
def test_unknown_ids_are_404_with_one_line(server: LabServer, ids: dict[str, str], name: str) -> None:
    for unknown in ("nobody", ids[name][:-1], ids[name] + "x", ids[name].upper() + "_"):
        for route in routes():
            if "{" + name + "}" in route.template:
                response = send(server, route, {**ids, name: unknown})
                assert response.status_code == 404, (route, unknown, response.text)
                assert response.json()["code"] == "not_found"
                assert unknown in response.json()["message"]
                assert "\n" not in response.json()["message"]


def test_ids_in_the_body_are_refused(server: LabServer, ids: dict[str, str]) -> None:
    before = rows(server)
    for route in WRITES:
        if route.method == "DELETE":
            continue
        for name in ("dag_id", "task_id", "map_index", "actor", "attempt_id"):
            body = {**(route.body or {}), name: "other"}
            response = server.request(route.method, route.path(**ids), body)
            assert response.status_code == 400, (route, name, response.text)
    assert rows(server) == before


def test_a_run_of_another_dag_is_not_found(server: LabServer, ids: dict[str, str]) -> None:
    for route in routes():
        if "{run_id}" in route.template:
            response = send(server, route, {**ids, "dag_id": "other"})
            assert response.status_code == 404, (route, response.text)


@pytest.mark.parametrize(
    "body", [b"[]", b'"text"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"conf": 1}', b'{"conf": {"a": NaN}}', b"null"]
)
def test_a_body_that_is_no_json_object_is_refused(server: LabServer, body: bytes) -> None:
    before = rows(server)["dag_run"]
    response = server.request("POST", "/dags/safe/runs", data=body)
    assert response.status_code == 400, response.text
    assert "\n" not in response.json()["message"]
    assert rows(server)["dag_run"] == before


def test_numbers_out_of_bounds_are_refused(server: LabServer, ids: dict[str, str]) -> None:
    run = f"/dags/safe/runs/{requests.utils.quote(ids['run_id'], safe='')}"
    for path in (
        "/dags/safe/runs?limit=0",
        "/dags/safe/runs?limit=1e9",
        "/dags/safe/runs?limit=100000000",
        "/dags/safe/runs?before=../x",
        "/dags/safe/next?count=-1",
        f"{run}/tasks/book?map_index=x",
        f"{run}/tasks/book/log?attempt=0",
        f"{run}/tasks/book/log?after=-5",
        f"{run}/tasks/book/notebook?attempt=" + "9" * 400,
    ):
        response = server.request("GET", path)
        assert response.status_code == 400, (path, response.text)
    assert server.request("GET", f"{run}/tasks/book/notebook?attempt=77").status_code == 404
    assert server.request("GET", f"{run}/tasks/book?map_index=77").status_code == 404


def test_no_token_stands_in_the_log(server: LabServer) -> None:
    requests.get(f"{server.url}{API}/dags/nobody?token={server.token}", timeout=30)
    requests.get(f"{server.url}{API}/dags/safe/runs?limit=x&token={server.token}", timeout=30)
    assert "nobody" in server.output()
    assert server.token not in server.output()
