"""The documents tell the truth: every code block runs, loads or names something that exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import nbformat
import pytest
from nbclient import NotebookClient
from support.files import notebook_json, write_notebook
from support.markdown import ROOT, Block, blocks, documents
from traitlets.config import Config

from jupyter_flow.cli.main import cli
from jupyter_flow.model.config import PLAIN_FIELDS, FlowConfig
from jupyter_flow.server.extension import JupyterFlow
from jupyter_flow.service import plain_settings
from jupyter_flow.service.offline import parse_file

PYTHON = blocks("python")
DAG_BLOCKS = [block for block in PYTHON if re.search(r"DAG\(|@dag|@asset", block.text)]
SETTINGS = [block for block in PYTHON if re.search(r"(?m)^c\.JupyterFlow\.", block.text)]
OTHERS = {
    name: list(found)
    for name, found in groupby((b for b in PYTHON if b not in DAG_BLOCKS and b not in SETTINGS), lambda b: b.document)
}
COMMANDS = [(block, line) for block in blocks("bash") for line in block.text.splitlines() if line.strip()]
CELLS = {name: list(found) for name, found in groupby(blocks("ipython"), lambda block: block.document)}


def _problems(folder: Path, path: Path) -> tuple[Any, list[str]]:
    config = FlowConfig(home=folder / "home", dag_folders=(folder,), smtp_host="mail.example.com")
    parsed = parse_file(config, path)
    return parsed, [f"{item.kind}: {item.message}" for item in parsed.problems]


@pytest.mark.parametrize("block", DAG_BLOCKS, ids=str)
def test_a_dag_in_the_documents_loads_without_a_warning(block: Block, tmp_path: Path) -> None:
    for notebook in re.findall(r'notebook="([^"]+)"', block.text):
        names = re.findall(r'"(\w+)": ', "".join(re.findall(r"parameters=\{([^}]*\}?\}?[^}]*)\}", block.text)))
        source = "\n".join(f"{name} = None" for name in names) or "pass"
        write_notebook(tmp_path, [{"source": source, "tags": ["parameters"]}], notebook)
    path = tmp_path / "documented.py"
    path.write_text(block.text, encoding="utf-8")
    parsed, problems = _problems(tmp_path, path)
    assert problems == []
    assert parsed.dags
    assert all(dag.tasks for dag in parsed.dags)


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_python_blocks_of_a_document_run_as_cells_of_a_notebook(name: str, tmp_path: Path) -> None:
    notebook = nbformat.from_dict(notebook_json([block.text for block in OTHERS[name]]))
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, timeout=60).execute()


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_the_settings_in_a_document_are_taken_by_the_server(block: Block) -> None:
    config = Config()
    exec(block.text, {"c": config})
    assert set(config.JupyterFlow) <= set(JupyterFlow.class_own_traits(config=True))
    extension = JupyterFlow(config=config)  # traits say what they do not take
    plain_settings.checked({name: getattr(extension, name) for name in PLAIN_FIELDS})


@pytest.mark.parametrize(("block", "line"), COMMANDS, ids=lambda value: str(value)[:60])
def test_a_command_in_the_documents_exists(block: Block, line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[:2] == ["jupyter", "flow"]:
        _check_flow_command(words[2:])
    elif words[0] == "make":
        targets = re.findall(r"(?m)^([\w -]+):(?!=)", (ROOT / "Makefile").read_text())
        assert words[1] in {name for group in targets for name in group.split()}, f"{block}: no target {words[1]}"
    elif words[0] == "python":
        help_text = subprocess.run(
            [sys.executable, ROOT / words[1], "--help"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        assert all(option in help_text for option in words[2:] if option.startswith("-")), f"{block}: {line}"
    else:
        assert words[0] in ("pip", "mkdir", "jupyter"), f"{block}: nothing checks {line!r}"


def _check_flow_command(words: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]!r} in {command.name}"
        command, words = found, words[1:]
    command.make_context(command.name, words, parent=click.Context(cli), resilient_parsing=False)


@pytest.mark.parametrize("name", CELLS)
def test_the_cells_of_a_document_make_a_dag_file(name: str, tmp_path: Path) -> None:
    path = write_notebook(tmp_path, [block.text for block in CELLS[name]], "documented.ipynb")
    parsed, problems = _problems(tmp_path, path)
    assert problems == []
    assert [dag.dag_id for dag in parsed.dags] == ["nightly"]


def test_links_between_the_documents_lead_somewhere() -> None:
    lost = []
    for path in documents():
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if not (path.parent / target).exists():
                lost.append(f"{path.name}: {target}")
    assert lost == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = " ".join(re.findall(r"```\{toctree\}(.*?)```", index, re.DOTALL)).split()
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert [page for page in sorted(pages - {"index"}) if not any(fnmatch(page, entry) for entry in listed)] == []
