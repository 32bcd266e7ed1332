"""``%flow`` against a real house: over its socket, and through a Jupyter Server's REST."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.houses import House
from support.kernel import AuthorKernel, author_kernel
from support.lab_server import LabServer

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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LabServer]:
    built = LabServer(tmp_path / "server")
    built.write_notebook(CELLS, "analysis.ipynb")
    try:
        yield built.start()
    finally:
        built.close()


def test_a_kernel_that_knows_no_home_finds_the_server(server: LabServer) -> None:
    # Without JUPYTER_FLOW_HOME the kernel's default home is elsewhere, and no host serves that.
    environment = {name: value for name, value in server.env.items() if name != "JUPYTER_FLOW_HOME"}
    environment["JPY_SESSION_NAME"] = str(server.dags / "analysis.ipynb")
    with author_kernel(environment, server.dags) as kernel:
        load(kernel)
        ran = kernel.run("%flow register --unpause")
        assert ran.ok, ran.err + server.output()
        ran = kernel.run("%flow trigger --wait")
        assert ran.ok, ran.err
        assert "work  success" in ran.out
        assert "worked on 3" in kernel.run("%flow log work").out
        assert "success" in kernel.run("%flow runs").out
        ran = kernel.run("%flow trigger nothing")
        assert not ran.ok
        assert "nothing" in ran.err
        # The token is neither in the environment, nor in a variable, nor in anything printed.
        (server.base / "token").write_text(server.token)
        found = kernel.run(
            f"import os\nTOKEN = open({str(server.base / 'token')!r}).read()\n"
            "print([name for name, value in os.environ.items() if TOKEN in value])\n"
            "print([name for name, value in list(globals().items()) if name != 'TOKEN' and TOKEN in repr(value)])"
        )
        assert found.out == "[]\n[]\n", found
        assert server.token not in ran.err + ran.out
