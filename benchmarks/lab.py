"""A JupyterLab server under measurement, with our extension or without it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.houses import House


class Lab:
    """A running server: its process, URL and token."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, token: str) -> None:
        self.process, self.url, self.token = process, url, token

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One REST call."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def running(subject: House, *, extension: bool) -> Iterator[Lab]:
    """JupyterLab on loopback with ``subject``'s home and DAG folder; ended afterwards."""
    token, port = secrets.token_hex(16), _free_port()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={subject.dags}",
        "--LabApp.news_url=None",
        "--ServerApp.allow_root=True",
    ]
    if not extension:
        command.append("--ServerApp.jpserver_extensions=jupyter_flow=False")
    env = {
        **subject.env,
        "JUPYTER_TOKEN": token,
        "JUPYTER_FLOW_DAGS": str(subject.dags),
        "JUPYTER_DATA_DIR": str(subject.base / "jupyter-data"),
    }
    with (subject.base / "lab.out").open("ab") as output:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=subject.base,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    lab = Lab(process, f"http://127.0.0.1:{port}", token)
    try:
        _wait(lab, "/jupyter-flow/api/dags" if extension else "/api/status", subject)
        yield lab
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait(lab: Lab, path: str, subject: House) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            lab.ask("GET", path)
            return
        except (OSError, urllib.error.URLError) as error:
            if lab.process.poll() is not None or time.monotonic() > deadline:
                output = (subject.base / "lab.out").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"JupyterLab does not answer {path}: {error}\n{output}") from None
        time.sleep(0.2)


def _free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def processes_of(subject: House) -> set[int]:
    """Every living process of the house: server, host, forkservers, kernels."""
    return {found.pid for found in subject.census()} - {os.getpid()}
