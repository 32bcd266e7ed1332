"""DAG files over REST: a text goes live only if the real parser loads it, and what was there comes back."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.lab_server import LabServer
from support.waiting import wait_for

from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.service import file_commands

GOOD = """
from jupyter_flow import DAG, BashOperator

with DAG("{dag_id}", schedule=None):
    BashOperator(task_id="only", bash_command="echo {word}")
"""
OTHER = "import os\nfrom jupyter_flow import DAG\nos.not_there\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    lab = LabServer(tmp_path_factory.mktemp("files"))
    lab.write_dag(GOOD.format(dag_id="first", word="one"), "first.py")
    try:
        lab.start()
        lab.wait_for_dag("first")
        yield lab
    finally:
        lab.close()


def path_of(name: str) -> str:
    return f"/dag-files/{quote(name, safe='')}"


def save(server: LabServer, name: str, text: str, replaces: str | None = None, **more: Any) -> Any:
    return server.request("POST", path_of(name), {"text": text, "replaces": replaces, **more})


def names(server: LabServer) -> list[str]:
    return [file["name"] for file in server.get("/dag-files")["files"]]


def test_a_new_file_goes_live_with_its_dag(server: LabServer) -> None:
    text = GOOD.format(dag_id="uploaded", word="hello")
    dry = save(server, "team/uploaded.py", text, dry_run=True).json()
    assert (dry["is_good"], dry["is_saved"], dry["dag_ids"]) == (True, False, ["uploaded"])
    assert not (server.dags / "team").exists(), "a dry run writes nothing"
    assert save(server, "team/uploaded.py", text).json()["is_saved"]
    server.wait_for_dag("uploaded")
    assert (server.dags / "team/uploaded.py").read_text() == text
    assert server.get(path_of("team/uploaded.py"))["text"] == text
    wait_for(lambda: "team/uploaded.py" in names(server), "the file is listed")
    (file,) = [item for item in server.get("/dag-files")["files"] if item["name"] == "team/uploaded.py"]
    assert [item["dag_id"] for item in file["dags"]] == ["uploaded"]
    assert (file["errors"], file["warnings"]) == (0, 0)


def test_what_does_not_load_never_goes_live(server: LabServer) -> None:
    for name, text, words in (
        ("bad.py", OTHER, "not_there"),
        ("bad.py", "from jupyter_flow import DAG\nwith DAG(\n", "SyntaxError"),
        ("bad.py", "print('nothing of ours')", "no DAG file"),
        ("bad.ipynb", "{}", "no DAG file"),
        ("bad.py", GOOD.format(dag_id="first", word="two"), "defined in first.py already"),
    ):
        verdict = save(server, name, text).json()
        assert (verdict["is_good"], verdict["is_saved"]) == (False, False), (text, verdict)
        assert words in verdict["problems"][0]["message"]
        assert not (server.dags / name).exists()
    assert save(server, "bad.py", OTHER).json()["problems"][0]["line"] == 3


def test_a_module_beside_the_file_is_found(server: LabServer) -> None:
    (server.dags / "words.py").write_text("WORD = 'from beside'\n")
    text = "from words import WORD\n" + GOOD.format(dag_id="beside", word="x")
    assert save(server, "beside.py", text, dry_run=True).json()["is_good"]


@pytest.mark.parametrize(
    "name",
    ["../out.py", "/etc/out.py", "a/../../out.py", ".hidden.py", "a//b.py", "out.txt", "x" * 300 + ".py", "a\\b.py"],
)
def test_nothing_outside_of_the_dag_folder_is_named(server: LabServer, name: str) -> None:
    for method in ("GET", "DELETE"):
        assert server.request(method, path_of(name)).status_code in (400, 404), name
    answer = save(server, name, GOOD.format(dag_id="out", word="x"))
    assert answer.status_code == 400, answer.text
    assert server.request("GET", path_of("first.py") + "?folder=/etc").status_code == 400


def test_a_link_leads_nowhere(server: LabServer) -> None:
    (server.base / "secret.py").write_text("secret")
    (server.dags / "linked.py").symlink_to(server.base / "secret.py")
    for method in ("GET", "DELETE"):
        assert server.request(method, path_of("linked.py")).status_code == 400
    (server.dags / "linked.py").unlink()


def test_an_earlier_text_is_restored(server: LabServer) -> None:
    assert server.run_to_end("first")["state"] == "success"  # a version that ran is kept
    first = server.get(path_of("first.py"))
    changed = GOOD.format(dag_id="first", word="two")
    stale = save(server, "first.py", changed, "0" * 64)
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    assert save(server, "first.py", changed).status_code == 409, "there is one already"
    assert save(server, "first.py", changed, first["sha256"]).json()["is_saved"]
    versions = path_of("first.py") + "/versions"
    wait_for(lambda: len(server.get(versions)["versions"]) == 2, "both texts are known")
    newest, oldest = server.get(versions)["versions"]
    assert oldest["dags"] == [{"dag_id": "first", "version": 1}]
    kept = server.get(f"{versions}/{oldest['bundle']}")
    assert kept["text"] == first["text"]
    assert save(server, "first.py", kept["text"], newest["sha256"]).json()["is_saved"]
    assert (server.dags / "first.py").read_text() == first["text"]
    assert server.request("GET", f"{versions}/{'f' * 64}").status_code == 404


def test_a_deleted_file_takes_its_dags_along(server: LabServer) -> None:
    assert save(server, "short.py", GOOD.format(dag_id="short", word="x")).json()["is_saved"]
    server.wait_for_dag("short")
    assert server.request("DELETE", path_of("short.py")).status_code == 200
    assert not (server.dags / "short.py").exists()
    wait_for(lambda: "short" not in [dag["dag_id"] for dag in server.get("/dags")["dags"]], "the DAG goes")
    assert server.request("DELETE", path_of("short.py")).status_code == 404


def test_a_draft_for_notebooks_is_what_would_be_saved(server: LabServer) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        server.write_notebook(["print(1)"], name)
    draft = server.get("/dag-draft?path=dags/a.ipynb&path=dags/b.ipynb&dag_id=pair&schedule=@daily")
    assert (draft["name"], draft["replaces"], draft["before"]) == ("pair.py", None, None)
    assert save(server, draft["name"], draft["text"]).json()["is_saved"]
    server.wait_for_dag("pair")
    tasks = {task["task_id"]: task["upstream"] for task in server.get("/dags/pair")["tasks"]}
    assert tasks == {"a": [], "b": ["a"]}
    more = server.get("/dags/pair/draft?path=dags/a.ipynb&after=b")
    verdict = save(server, more["name"], more["text"], more["replaces"]).json()
    assert verdict["is_saved"], verdict
    wait_for(lambda: len(server.get("/dags/pair")["tasks"]) == 3, "the task is there")
    assert {task["task_id"]: task["upstream"] for task in server.get("/dags/pair")["tasks"]}["a_2"] == ["b"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/dag-draft?path=outside.ipynb", "outside of the DAG folders"),
        ("/dag-draft?path=dags/../../x.ipynb", "outside of the DAG folders"),
        ("/dag-draft?path=dags/x.py", "no notebook"),
        ("/dag-draft?path=dags/a.ipynb&dag_id=a%20b", "not a valid id"),
        ("/dag-draft?chain=yes", "true or false"),
        ("/dags/first/draft?path=dags/a.ipynb&after=nobody", "no task"),
    ],
)
def test_what_cannot_be_drafted_is_said(server: LabServer, path: str, words: str) -> None:
    answer = server.request("GET", path)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["message"]


def test_a_disk_without_room_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(name: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    path = tmp_path / "dag.py"
    path.write_text("as it was")
    monkeypatch.setattr(file_commands, "faultpoint", no_room)
    with pytest.raises(InvalidInput, match=r"dag\.py cannot be written: No space left"):
        file_commands._write(path, "new")
    assert os.listdir(tmp_path) == ["dag.py"]
    assert path.read_text() == "as it was"
