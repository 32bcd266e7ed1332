"""A real Jupyter Server (or JupyterLab) with our extension, in a temporary root and home, and a client of it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import requests
import websocket

from jupyter_flow.wire.paths import runtime_dir

from . import files
from .census import TAG_VARIABLE, kill_all, wait_until_gone
from .waiting import wait_for

API = "/jupyter-flow/api"


class LabServer:
    """Nothing runs until :meth:`start`. ``close`` ends all its processes and fails when one survives."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "root"
        self.dags = self.root / "dags"
        self.home = base / "home"
        self.config = base / "config"
        self.token = secrets.token_hex(16)
        self.tag = secrets.token_hex(16)
        self.process: subprocess.Popen[bytes] | None = None
        for folder in (self.dags, self.config, base / "runtime", base / "data", base / "user"):
            folder.mkdir(parents=True)
        self.port = _free_port()
        self.settings: list[str] = []
        self.extensions = {"jupyter_flow": True}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_"))}
        self.env = {
            **kept,
            TAG_VARIABLE: self.tag,
            "HOME": str(base / "user"),
            "IPYTHONDIR": str(base / "ipython"),
            "JUPYTER_FLOW_HOME": str(self.home),
            "JUPYTER_CONFIG_DIR": str(self.config),
            "JUPYTER_DATA_DIR": str(base / "data"),
            "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
            "PYTHONUNBUFFERED": "1",
        }

    def write_dag(self, text: str, name: str = "example.py") -> Path:
        """Write a DAG file."""
        return files.write_dag(self.dags, text, name)

    def write_notebook(self, cells: list[files.Cell], name: str = "notebook.ipynb") -> Path:
        """Write a notebook beside the DAG files."""
        return files.write_notebook(self.dags, cells, name)

    def write_module(self, name: str, text: str) -> None:
        """Write a module that the server can import (an authorizer, an extra extension)."""
        folder = self.base / "modules"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        self.env["PYTHONPATH"] = str(folder)

    def start(self, app: str = "server", *options: str) -> LabServer:
        """Start ``jupyter server`` (or ``lab``) and wait until it and its host answer."""
        self.spawn(app, *options)
        wait_for(self.is_healthy, f"the server answers\n{self.output()}", 90)
        return self

    def spawn(self, app: str = "server", *options: str) -> None:
        """Start the server without waiting for it."""
        enabled = json.dumps({"ServerApp": {"jpserver_extensions": self.extensions}})
        (self.config / "jupyter_server_config.json").write_text(enabled, encoding="utf-8")
        given = [f"c.IdentityProvider.token = {self.token!r}", "c.ServerApp.allow_unauthenticated_access = False"]
        (self.config / "jupyter_server_config.py").write_text("\n".join([*given, *self.settings]), encoding="utf-8")
        news = self.config / "lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
        news.parent.mkdir(parents=True, exist_ok=True)
        news.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
        command = [sys.executable, "-m", {"server": "jupyter_server", "lab": "jupyterlab"}[app], "--no-browser"]
        command += [f"--port={self.port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.root}"]
        with (self.base / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--allow-root", "--ip=127.0.0.1", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.root,
                env=self.env,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def output(self) -> str:
        """What the server has logged."""
        path = self.base / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def is_healthy(self) -> bool:
        """Tell whether the server answers and its host lives."""
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.output()}")
        try:
            return self.request("GET", "/health").json().get("state") == "healthy"
        except (requests.RequestException, ValueError):
            return False

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Send a request with our token to a path below the API's prefix."""
        headers = {"Authorization": f"token {self.token}", **options.pop("headers", {})}
        if method in ("POST", "PATCH"):
            options.setdefault("data", json.dumps({} if body is None else body))
            headers.setdefault("Content-Type", "application/json")
        return requests.request(method, self.url + API + path, headers=headers, timeout=30, **options)

    def send_raw(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Send a request whose path is not tidied up by a client; return HTTP status and text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, API + path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Return the JSON answer of a GET that must succeed."""
        return self._checked(self.request("GET", path))

    def post(self, path: str, body: Any = None) -> Any:
        """Return the JSON answer of a POST that must succeed."""
        return self._checked(self.request("POST", path, body))

    def patch(self, path: str, body: Any) -> Any:
        """Return the JSON answer of a PATCH that must succeed."""
        return self._checked(self.request("PATCH", path, body))

    def socket(self, cursor: int | None = None, **options: Any) -> websocket.WebSocket:
        """Open the event socket."""
        query = "" if cursor is None else f"?cursor={cursor}"
        options.setdefault("header", [f"Authorization: token {self.token}"])
        return websocket.create_connection(f"ws://127.0.0.1:{self.port}{API}/events{query}", timeout=30, **options)

    def wait_for_dag(self, dag_id: str) -> Any:
        """Wait until the DAG is loaded; return it."""

        def look() -> Any:
            response = self.request("GET", f"/dags/{dag_id}")
            return response.json() if response.ok else None

        return wait_for(look, f"DAG {dag_id} is loaded: {self.request('GET', '/import-errors').text}")

    def run_to_end(self, dag_id: str, body: Any = None, timeout: float = 90) -> Any:
        """Trigger a DAG and wait for the end of the run; return the run with its tasks."""
        run = self.post(f"/dags/{dag_id}/runs", {"unpause": True, **(body or {})})
        path = f"/dags/{dag_id}/runs/{requests.utils.quote(run['run_id'], safe='')}"

        def look() -> Any:
            document = self.get(path)
            return document if document["state"] in ("success", "failed", "cancelled") else None

        return wait_for(look, f"run {run['run_id']} of {dag_id} ends", timeout)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the server a signal and wait for its end; return its exit code."""
        if self.process is None:
            raise AssertionError("no server was started")
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def close(self) -> None:
        """End everything; AssertionError names what had to be killed."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        left = wait_until_gone(self.tag, timeout=30)
        kill_all(left)
        shutil.rmtree(runtime_dir(self.home), ignore_errors=True)
        if left:
            raise AssertionError("processes outlived their server:\n" + "\n".join(map(str, left)))

    @staticmethod
    def _checked(response: requests.Response) -> Any:
        if not response.ok:
            raise AssertionError(f"{response.request.method} {response.url}: {response.status_code} {response.text}")
        return response.json()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
