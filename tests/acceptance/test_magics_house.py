"""``%flow`` against a real house: over its socket, and through a Jupyter Server's REST."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from support.houses import House
from support.kernel import AuthorKernel, author_kernel
from support.waiting import wait_for

CELLS = [
    "%load_ext jupyter_flow",
    "%%dag from_notebook --param rows=3\n"
    "work = BashOperator(task_id='work', bash_command='echo worked on {{ params.rows }}')\n"
    "work >> EmptyOperator(task_id='done')",
]


def load(kernel: AuthorKernel) -> None:
    for cell in CELLS:
        assert kernel.run(cell).ok


def test_a_notebook_is_registered_triggered_and_read(house: House) -> None:
    house.start()
    path = house.write_notebook(CELLS, "analysis.ipynb")
    with author_kernel({**house.env, "JPY_SESSION_NAME": str(path)}, house.dags) as kernel:
        load(kernel)
        ran = kernel.run("%flow register --unpause")
        assert ran.ok, ran.err
        assert ran.out.startswith("from_notebook is registered from analysis.ipynb")
        assert house.call("dags.show", dag_id="from_notebook")["is_paused"] is False
        assert [item.name for item in house.dags.iterdir()] == ["analysis.ipynb"], "nothing is copied"

        ran = kernel.run("""%flow trigger --conf '{"rows": 8}' --wait""")
        assert ran.ok, ran.err
        assert re.search(r"^manual__\S+  success", ran.out, re.MULTILINE)
        assert "work  success" in ran.out
        assert re.search(r"^manual__\S+  success  \d", kernel.run("%flow runs").out)
        assert "worked on 8" in kernel.run("%flow log work").out
        assert house.call("runs.list", dag_id="from_notebook")["runs"][0]["actor"]


def test_check_finds_what_the_house_would_find(house: House) -> None:
    path = house.write_notebook(CELLS, "analysis.ipynb")
    bad = house.write_notebook(["%%dag bad --schedule '1 2 3'\npass"], "bad.ipynb")
    with author_kernel({**house.env, "JPY_SESSION_NAME": str(path)}, house.dags) as kernel:
        load(kernel)
        ran = kernel.run("%flow check")
        assert ran.ok, ran.err
        assert "from_notebook: 2 tasks: work, done" in ran.out
        assert "error: " in kernel.run(f"%flow check {bad}").out


def test_what_cannot_be_registered_is_said(house: House, tmp_path: Path) -> None:
    house.start()
    plain = house.write_notebook(["x = 1"], "plain.ipynb")
    outside = tmp_path / "outside.ipynb"
    outside.write_text(house.write_notebook(CELLS, "inside.ipynb").read_text())
    broken = house.write_notebook(["%%dag broken\nraise RuntimeError('not today')"], "broken.ipynb")
    with author_kernel(house.env, house.dags) as kernel:
        kernel.run(CELLS[0])
        for path, words in [
            (plain, "save the notebook"),
            (outside, "lies in no DAG folder"),
            (broken, "not today"),
        ]:
            ran = kernel.run(f"%flow register {path}")
            assert not ran.ok
            assert words in ran.err, ran.err
        for line, words in [
            ("%flow trigger nothing", "nothing"),
            ("%flow runs nothing", "nothing"),
            ("%flow log work --dag nothing", "nothing"),
            ("%flow trigger inside --logical-date soon", "ISO 8601|no DAG|inside"),
        ]:
            ran = kernel.run(line)
            assert not ran.ok, line
            assert re.search(words, ran.err), ran.err


@contextmanager
def jupyter_server(house: House, token: str) -> Iterator[str]:
    """A Jupyter Server with the extension, whose home only its own configuration knows."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = house.base / "jupyter-config"
    config.mkdir(exist_ok=True)
    (config / "jupyter_server_config.json").write_text(
        json.dumps(
            {
                "ServerApp": {"jpserver_extensions": {"jupyter_flow": True}, "root_dir": str(house.base)},
                "IdentityProvider": {"token": token},
                "JupyterFlow": {"home": str(house.home), "dag_folders": [str(house.dags)], "on_stop": "cancel"},
            }
        )
    )
    (config / "jupyter_server_config.json").chmod(0o600)
    environment = {name: value for name, value in house.env.items() if name != "JUPYTER_FLOW_HOME"}
    command = [sys.executable, "-m", "jupyter_server", f"--port={port}", "--ServerApp.port_retries=0", "--no-browser"]
    if os.getuid() == 0:
        command.append("--allow-root")
    with (house.base / "server.out").open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=house.base, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    url = f"http://127.0.0.1:{port}/"

    def healthy() -> bool:
        assert process.poll() is None, (house.base / "server.out").read_text()
        request = Request(f"{url}jupyter-flow/api/health", headers={"Authorization": f"token {token}"})
        try:
            with urlopen(request, timeout=10) as answer:
                return json.load(answer)["state"] == "healthy"
        except (URLError, OSError):
            return False

    try:
        wait_for(healthy, "the server and its host are healthy")
        yield url
    finally:
        process.terminate()
        process.wait(60)


def test_a_kernel_that_knows_no_home_finds_the_server(house: House, tmp_path: Path) -> None:
    token = secrets.token_hex(24)
    path = house.write_notebook(CELLS, "analysis.ipynb")
    # The kernel's own default home has no host: JUPYTER_DATA_DIR is empty and JUPYTER_FLOW_HOME unset.
    environment = {name: value for name, value in house.env.items() if name != "JUPYTER_FLOW_HOME"}
    environment |= {"JUPYTER_DATA_DIR": str(house.base / "empty"), "JPY_SESSION_NAME": str(path)}
    with jupyter_server(house, token), author_kernel(environment, house.dags) as kernel:
        load(kernel)
        ran = kernel.run("%flow register --unpause")
        assert ran.ok, ran.err + (house.base / "server.out").read_text()
        ran = kernel.run("%flow trigger --wait")
        assert ran.ok, ran.err
        assert "work  success" in ran.out
        assert "worked on 3" in kernel.run("%flow log work").out
        assert "success" in kernel.run("%flow runs").out
        ran = kernel.run("%flow trigger nothing")
        assert not ran.ok
        assert "nothing" in ran.err
        # The token is neither in the environment, nor in a variable, nor in anything printed.
        (house.base / "token").write_text(token)
        found = kernel.run(
            f"import os\nTOKEN = open({str(house.base / 'token')!r}).read()\n"
            "print([name for name, value in os.environ.items() if TOKEN in value])\n"
            "print([name for name, value in list(globals().items()) if name != 'TOKEN' and TOKEN in repr(value)])"
        )
        assert found.out == "[]\n[]\n", found
        assert token not in ran.err + ran.out
