"""What a bridge takes from outposts into the spool of the house, and how it travels."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.workloads import workload

from jupyter_flow.bridge import spool, store
from jupyter_flow.execution.outpost_files import SpoolOnTheWay, place, shares_files, unpack
from jupyter_flow.model.spec import TaskSpec


def data(name: str, offset: int, text: bytes) -> dict[str, Any]:
    return {"name": name, "offset": offset, "data": base64.b64encode(text).decode()}


def whole(name: str, text: bytes, part: int = 0, last: bool = True) -> dict[str, Any]:
    return {"name": name, "part": part, "last": last, "data": base64.b64encode(text).decode()}


def test_a_piece_that_came_before_is_not_written_twice(tmp_path: Path) -> None:
    spool.append(tmp_path, data("log.jsonl", 0, b"one\n"))
    spool.append(tmp_path, data("log.jsonl", 0, b"one\n"))
    spool.append(tmp_path, data("log.jsonl", 9, b"gap\n"))
    spool.append(tmp_path, data("log.jsonl", 4, b"two\n"))
    assert (tmp_path / "log.jsonl").read_bytes() == b"one\ntwo\n"
    assert spool.sizes(tmp_path) == {"log.jsonl": 8}


def test_a_whole_file_appears_with_its_last_piece(tmp_path: Path) -> None:
    spool.replace(tmp_path, whole("book.ipynb", b"{", last=False))
    assert not (tmp_path / "book.ipynb").exists()
    spool.replace(tmp_path, whole("book.ipynb", b"}", part=1))
    assert (tmp_path / "book.ipynb").read_bytes() == b"{}"
    spool.replace(tmp_path, whole("book.ipynb", b"[]"))
    assert (tmp_path / "book.ipynb").read_bytes() == b"[]"


@pytest.mark.parametrize("name", ["../x.ipynb", "/etc/x.ipynb", ".hidden.ipynb", "spec.json", "x.txt", "a/b.ipynb", ""])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(spool.BadFile):
        spool.replace(tmp_path, whole(name, b"x"))
    with pytest.raises(spool.BadFile):
        spool.append(tmp_path, data(name, 0, b"x"))
    assert os.listdir(tmp_path) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "outside"
    target.write_text("mine")
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "log.jsonl").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        spool.append(folder, data("log.jsonl", 4, b"theirs"))
    (folder / "result.json").symlink_to(target)
    spool.replace(folder, whole("result.json", b"{}"))
    assert target.read_text() == "mine"
    assert not (folder / "result.json").is_symlink()


@pytest.mark.parametrize("value", ["../../etc", "a" * 31, "A" * 32, None, 7, "a" * 32 + "/x"])
def test_only_attempt_ids_name_folders(value: object) -> None:
    assert not spool.is_id(value)
    assert spool.is_id("0123456789abcdef" * 2)


def test_a_spool_travels_by_offset_and_the_result_last(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    (here / "log.jsonl").write_bytes(b"x" * 600_000)
    way = SpoolOnTheWay("a" * 32, here)
    assert send(way.news(), there) == ["data"] * 3
    with open(here / "log.jsonl", "ab") as file:
        file.write(b"more")
    (here / "book.ipynb").write_text("{}")
    (here / "result.json").write_text("{}")
    os.symlink("/etc/passwd", here / "cells.jsonl")
    again = SpoolOnTheWay("a" * 32, here)
    again.restart(spool.sizes(there))
    assert send(again.rest(), there) == ["data", "file", "file"]
    assert sorted(os.listdir(there)) == ["book.ipynb", "log.jsonl", "result.json"]
    assert (there / "log.jsonl").read_bytes() == b"x" * 600_000 + b"more"


def send(messages: Any, folder: Path) -> list[str]:
    ops = []
    for message in messages:
        ops.append(message["op"])
        (spool.append if message["op"] == "data" else spool.replace)(folder, message)
    return ops


def test_a_result_that_is_no_file_is_told_as_such(tmp_path: Path) -> None:
    os.symlink("/etc/passwd", tmp_path / "result.json")
    last = list(SpoolOnTheWay("a" * 32, tmp_path).rest())[-1]
    assert base64.b64decode(last["data"]) == b"not a regular file"


def test_bundles_travel_as_zip_over_store_or_connection(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    (bundle / "sub").mkdir(parents=True)
    (bundle / "a.py").write_text("A = 1")
    (bundle / "sub" / "b.ipynb").write_text("{}")
    url = store.url_of((tmp_path / "store").as_uri(), "h1")
    store.upload(url, store.pack(bundle))
    store.upload(url, b"not again")
    store.download(url, str(tmp_path / "got.zip"))
    unpack((tmp_path / "got.zip").read_bytes(), tmp_path / "one")
    joined = b"".join(base64.b64decode(piece["data"]) for piece in store.pieces(bundle))
    unpack(joined, tmp_path / "two")
    for copy in (tmp_path / "one", tmp_path / "two"):
        assert (copy / "a.py").read_text() == "A = 1"
        assert (copy / "sub" / "b.ipynb").read_text() == "{}"
    with pytest.raises(ValueError, match="not a zip"):
        unpack(b"rubbish", tmp_path / "three")


def test_paths_of_a_workload_beside_a_worker(tmp_path: Path) -> None:
    bundle = tmp_path / "bundles" / "h"
    (bundle / "sub").mkdir(parents=True)
    (bundle / "sub" / "dag.py").write_text("x")
    spec = workload(
        TaskSpec("t", "EmptyOperator"),
        cwd="/nowhere/dags/sub/deep",
        template_searchpath=("/nowhere/dags/sub", "/elsewhere"),
        kernels="/run/socket",
    ).to_json()
    spec = json.loads(json.dumps(spec))
    placed = place(spec, tmp_path, bundle)
    work = tmp_path / "work" / placed.attempt_id
    assert (placed.dag_folder, placed.root, placed.bundle) == (str(work),) * 3
    assert placed.cwd == str(work / "sub" / "deep")
    assert Path(placed.cwd).is_dir()
    assert placed.template_searchpath == (str(work / "sub"), "/elsewhere")
    assert (placed.home, placed.kernels) == (str(tmp_path), None)
    shared = place(spec, tmp_path, None)
    assert (shared.dag_folder, shared.kernels) == ("/nowhere/dags", "/run/socket")
    assert shared.xcom.store == "file:///nowhere/home/xcoms"


def test_shared_files_are_seen_by_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "bridge.json"
    marker.write_text(json.dumps({"nonce": "n1"}))
    assert shares_files({"path": str(marker), "nonce": "n1"})
    assert not shares_files({"path": str(marker), "nonce": "n2"})
    assert not shares_files({"path": str(tmp_path / "none"), "nonce": "n1"})
    monkeypatch.setenv("JUPYTER_FLOW_SHARED_FILES", "no")
    assert not shares_files({"path": str(marker), "nonce": "n1"})
