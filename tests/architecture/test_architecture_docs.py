"""Documents hold what the code has; nothing points at somebody's own registry."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from support import sources

from jupyter_flow.cli.main import cli
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Limits
from jupyter_flow.server.extension import JupyterFlow

DOCS = sources.ROOT / "docs"
PUBLIC_HOSTS = re.compile(
    r"(^|\.)(github\.com|jupyter\.org|readthedocs\.io|python\.org|pypi\.org|npmjs\.com|npmjs\.org|yarnpkg\.com|w3\.org"
    r"|localhost|apache\.org|json-schema\.org|example\.(com|org|net)|papermill\.io|mermaid\.js\.org|postgresql\.org"
    r"|sqlite\.org|sqlalchemy\.org|jupyter-flow\.org|keepachangelog\.com|semver\.org|githubusercontent\.com"
    r"|example|invalid|test)$"
)


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "config.md"])
def test_the_reference_is_what_the_code_says(name: str) -> None:
    expected = _reference().REFERENCES[name]()
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == expected, "run `make docs-reference`"


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_every_command_and_option_is_documented() -> None:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    commands = dict(_commands(cli, "jupyter flow"))
    assert len(commands) > 25
    for path, command in commands.items():
        assert f"`{path}" in text, path
        for option in command.params:
            assert isinstance(option, click.Argument) or option.opts[0] in text, f"{path} {option.opts}"


def test_every_command_takes_the_common_options() -> None:
    for path, command in _commands(cli, "jupyter flow"):
        options = {name for item in command.params for name in item.opts}
        assert {"--home", "--dags", "--json"} <= options, path
        assert command.help, path


def test_every_setting_is_documented() -> None:
    text = (DOCS / "reference" / "config.md").read_text(encoding="utf-8")
    names = [field.name for cls in (FlowConfig, Limits) for field in dataclasses.fields(cls)]
    names += JupyterFlow.class_own_traits(config=True)
    assert not [name for name in names if f"`{name}`" not in text]


def test_every_setting_of_the_server_is_a_field_or_explained() -> None:
    own = set(JupyterFlow.class_own_traits(config=True))
    fields = {field.name for field in dataclasses.fields(FlowConfig)}
    assert own - fields <= {"supervise_host"}


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "LICENSE", "docs/architecture.md"])
def test_the_project_has_its_papers(name: str) -> None:
    assert (sources.ROOT / name).read_text(encoding="utf-8").strip()


def test_texts_name_public_hosts_only() -> None:
    """A lock file or document that points at a private mirror would fail for everybody else."""
    wrong = set()
    for file in _texts():
        for host in re.findall(r"https?://([A-Za-z0-9.-]+\.[a-z]{2,})\b", file.read_text(encoding="utf-8")):
            if not PUBLIC_HOSTS.search(host.lower()):
                wrong.add(f"{sources.name_of(file)}: {host}")
    assert not wrong, "\n".join(sorted(wrong))


def _texts() -> Iterator[Path]:
    suffixes = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".lock", ".ts", ".tsx", ".mjs", ".css", ".ipynb"}
    skipped = {"node_modules", "lib", "static", "build", "dist", "__pycache__", "data"}
    for folder, folders, names in os.walk(sources.ROOT):
        hidden = {name for name in folders if name.startswith(".") and name != ".ci"}
        folders[:] = [name for name in folders if name not in skipped | hidden]
        if Path(folder) == sources.PACKAGE and "labextension" in folders:
            folders.remove("labextension")  # built
        for name in names:
            if Path(name).suffix in suffixes or name in {"Makefile", "run", ".yarnrc.yml"}:
                yield Path(folder) / name
