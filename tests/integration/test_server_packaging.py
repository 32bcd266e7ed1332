"""What is built and installed fits together: versions, names, the switch of the server extension."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

import pytest

import jupyter_flow

ROOT = Path(__file__).parents[2]
NAME = "jupyterlab-flow"


@pytest.fixture
def hook() -> ModuleType:
    pytest.importorskip("hatchling", reason="only where the package is built")
    spec = importlib.util.spec_from_file_location("build_hook", ROOT / "labextension/build_hook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sources_and_the_built_panel_have_our_version() -> None:
    for path in (ROOT / "labextension/package.json", ROOT / "jupyter_flow/labextension/package.json"):
        package = json.loads(path.read_text())
        assert (package["name"], package["version"]) == (NAME, jupyter_flow.__version__), path


def test_the_server_extension_is_switched_on_under_the_name_that_jupyter_looks_up() -> None:
    config = json.loads((ROOT / "jupyter-config/jupyterlab_flow.json").read_text())
    ((name, is_on),) = config["ServerApp"]["jpserver_extensions"].items()
    assert (name, is_on) == (jupyter_flow.__name__, True)
    (point,) = jupyter_flow._jupyter_server_extension_points()
    assert point["app"].__name__ == "JupyterFlow"


def test_assets_older_than_a_source_count_as_not_built(hook: ModuleType, tmp_path: Path) -> None:
    assert not hook.is_built(tmp_path)
    built = tmp_path / hook.BUILT
    source = tmp_path / "labextension/src/index.ts"
    for path in (built, source):
        path.parent.mkdir(parents=True)
        path.write_text("")
    os.utime(source, (1000, 1000))
    os.utime(built, (1000, 1000))
    assert hook.is_built(tmp_path), "in an sdist all files have one time"
    os.utime(source, (1001, 1001))
    assert not hook.is_built(tmp_path)


@pytest.mark.parametrize(("version", "is_fit"), [("v20.20.2", True), ("v18.19.0", False), ("nonsense", False)])
def test_an_old_node_is_not_used(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_fit: bool
) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert hook.is_node_fit() is is_fit
