"""jupyter-scheduler: notebook jobs of a Jupyter server on loopback. It has no DAGs and no Python tasks."""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from notebook import write_notebook

FOLDER = Path(sys.argv[1])


class Server:
    """A Jupyter server with the scheduler extension."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        root = FOLDER / "root"
        root.mkdir()
        write_notebook(root / "n.ipynb")
        environment = {
            **os.environ,
            "JUPYTER_DATA_DIR": str(FOLDER / "data"),
            "JUPYTER_RUNTIME_DIR": str(FOLDER / "run"),
        }
        command = [sys.executable, "-m", "jupyter", "server", "--allow-root", "--no-browser", f"--port={self.port}"]
        command += ["--ip=127.0.0.1", "--IdentityProvider.token=peer", f"--ServerApp.root_dir={root}"]
        self.process = subprocess.Popen(command, env=environment, stdout=sys.stderr, stderr=sys.stderr)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to one request."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "token peer", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def wait(self) -> None:
        """Wait until it answers."""
        for _ in range(600):
            try:
                self.ask("GET", "scheduler/runtime_environments")
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError("the server does not answer")


def main() -> None:
    """Measure."""
    server = Server()
    try:
        server.wait()
        (environment, *_) = server.ask("GET", "scheduler/runtime_environments")
        times = []
        for number in range(4):
            body = {
                "name": f"job{number}",
                "input_uri": "n.ipynb",
                "runtime_environment_name": environment["name"],
                "output_formats": ["ipynb"],
            }
            begun = time.perf_counter()
            job = server.ask("POST", "scheduler/jobs", body)["job_id"]
            while (found := server.ask("GET", f"scheduler/jobs/{job}"))["status"] not in (
                "COMPLETED",
                "FAILED",
                "STOPPED",
            ):
                time.sleep(0.02)
            assert found["status"] == "COMPLETED", found
            times.append(round(time.perf_counter() - begun, 3))
    finally:
        server.process.terminate()
        server.process.wait(20)
    print(json.dumps({"version": importlib.metadata.version("jupyter_scheduler"), "notebook": times[1:]}))


main()
