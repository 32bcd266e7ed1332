"""The code that runs used: versions of a DAG and their files, also when the file has changed or is gone since."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from support.lab_server import LabServer
from support.waiting import wait_for

DAG = """
    from helper import WORD
    from jupyter_flow import DAG, BashOperator

    with DAG("told", schedule=None):
        BashOperator(task_id="say", bash_command=f"echo {WORD}")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    lab = LabServer(tmp_path_factory.mktemp("code"))
    lab.write_dag('WORD = "one"\n', "helper.py")
    lab.write_dag(DAG, "told.py")
    try:
        lab.start()
        lab.wait_for_dag("told")
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def numbers(server: LabServer) -> list[int]:
    """The versions of two runs, between which a module has changed that the DAG file imports."""
    first = server.run_to_end("told")["version"]
    server.write_dag('WORD = "two"\n', "helper.py")
    wait_for(lambda: server.get("/dags/told")["version"] > first, "the change is seen")
    return [first, server.run_to_end("told")["version"]]


def source(server: LabServer, number: int, file: str | None = None) -> Any:
    query = "" if file is None else f"?file={quote(file)}"
    return server.get(f"/dags/told/versions/{number}/source{query}")


def test_versions_come_newest_first_and_in_pages(server: LabServer, numbers: list[int]) -> None:
    whole = server.get("/dags/told/versions")
    assert [version["number"] for version in whole["versions"]] == numbers[::-1]
    assert [version["runs"] for version in whole["versions"]] == [1, 1]
    assert (whole["latest"], whole["next"]) == (numbers[-1], None)
    page = server.get("/dags/told/versions?limit=1")
    rest = server.get(f"/dags/told/versions?limit=1&before={page['next']}")
    assert page["versions"] + rest["versions"] == whole["versions"]
    assert rest["next"] is None


def test_each_version_has_its_own_files(server: LabServer, numbers: list[int]) -> None:
    first = source(server, numbers[0])
    assert (first["file"], [file["path"] for file in first["files"]]) == ("told.py", ["helper.py", "told.py"])
    assert first["source"] == textwrap.dedent(DAG).lstrip("\n")
    words = [source(server, number, "helper.py")["source"] for number in numbers]
    digests = [{file["path"]: file["sha256"] for file in source(server, number)["files"]} for number in numbers]
    assert digests[0]["told.py"] == digests[1]["told.py"]
    assert digests[0]["helper.py"] != digests[1]["helper.py"]
    assert words == ['WORD = "one"\n', 'WORD = "two"\n']


def test_what_is_no_file_of_the_version_is_not_found(server: LabServer, numbers: list[int]) -> None:
    for file in ("other.py", "../told.py", "/etc/passwd", "", "..", "helper.py/x"):
        response = server.request("GET", f"/dags/told/versions/{numbers[0]}/source", params={"file": file})
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), file
    assert server.request("GET", "/dags/told/versions/99/source").status_code == 404
    assert server.request("GET", "/dags/nobody/versions").status_code == 404
    for number in ("0", "-1", "x", "9" * 30, "1.5"):
        assert server.request("GET", f"/dags/told/versions/{number}/source").status_code == 400, number


def test_a_file_that_is_no_text_and_one_that_is_long(server: LabServer, numbers: list[int]) -> None:
    folder = server.home / "bundles" / source(server, numbers[0])["files_hash"]
    path = folder / "helper.py"
    path.chmod(0o600)
    path.write_bytes(b"\xff\xfe\x00")
    assert source(server, numbers[0], "helper.py")["source"] is None
    path.write_bytes("ü".encode() * 1_000_001)
    shown = source(server, numbers[0], "helper.py")
    assert shown["is_cut"]
    assert len(shown["source"]) == 1_000_000
