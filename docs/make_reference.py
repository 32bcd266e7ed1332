"""Write docs/reference/cli.md and config.md from the code (``make docs-reference``); a test compares them with it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from jupyter_flow.cli.main import cli
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.records import Limits
from jupyter_flow.server.extension import JupyterFlow

FOLDER = Path(__file__).resolve().parent / "reference"
COMMON = ("--home", "--dags", "--json", "--help")

CLI_HEAD = """\
# Command line

`jupyter flow …`, also `jupyter-flow …` and `python -m jupyter_flow …`. Written by `make docs-reference` from the code.

Every command takes `--home DIR` (state folder; default `$JUPYTER_FLOW_HOME`, else `flow` in Jupyter's data folder),
`--dags DIR` (DAG folder, may be repeated; default `$JUPYTER_FLOW_DAGS`, else `dags` in the current folder), `--json`
(print the answer as JSON) and `--help`.

Exit codes: **0** done · **1** the run failed (`run`, `demo`, `dags trigger --wait`, `runs watch`) · **2** refused: bad
usage, bad input, unknown names, a contradiction · **3** no host where one is needed. A refusal is one line on stderr.
"""

CONFIG_HEAD = """\
# Configuration

Written by `make docs-reference` from the code. In JupyterLab, set `c.JupyterFlow.NAME` in `jupyter_server_config.py`
(or `--JupyterFlow.NAME=…`). `jupyter flow scheduler` takes the options listed in [Command line](cli.md).

| environment variable | meaning |
|---|---|
| `JUPYTER_FLOW_HOME` | state folder of the house (0700); default `flow` in Jupyter's data folder |
| `JUPYTER_FLOW_DAGS` | DAG folders, separated like `PATH` |
| `JUPYTER_FLOW_SMTP_PASSWORD` | password for the mail server, of the host alone |
| `JUPYTER_FLOW_SMTP_HOST` … `JUPYTER_FLOW_BASE_URL` | for hosts without JupyterLab: the settings of these names |
| `JUPYTER_FLOW_DEBUG` | set: a bug in a command shows its traceback |
"""


def cli_reference() -> str:
    """Return the text of cli.md."""
    return CLI_HEAD + "".join(_command(cli, "jupyter flow", 2))


def _command(command: click.Command, path: str, depth: int) -> Iterator[str]:
    if path != "jupyter flow":
        context = click.Context(command, info_name=path)
        pieces = [path, *(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")]
        yield f"\n{'#' * depth} `{' '.join(pieces)}`\n\n{_text(command)}\n"
        options = [item for item in command.params if isinstance(item, click.Option) and item.opts[0] not in COMMON]
        if options:
            yield "\n| option | meaning |\n|---|---|\n"
            yield from (_option(option, context) for option in options)
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _command(command.commands[name], f"{path} {name}", depth if path == "jupyter flow" else 3)


def _text(command: click.Command) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    names, meaning = record if record else (", ".join(option.opts), "")
    return f"| `{_cell(names)}` | {_cell(meaning)} |\n"


def config_reference() -> str:
    """Return the text of config.md."""
    parts = [CONFIG_HEAD, "\n## `c.JupyterFlow`\n\n| name | default | meaning |\n|---|---|---|\n"]
    for name, trait in sorted(JupyterFlow.class_own_traits(config=True).items()):
        parts.append(f"| `{name}` | `{_cell(trait.default_value_repr())}` | {_cell(trait.help)} |\n")
    parts.append("\n## FlowConfig\n\nThe one record that every room gets, whichever door read the settings.\n")
    parts.append(f"\n{_doc(FlowConfig)}\n\n| field | type | default |\n|---|---|---|\n")
    parts += _fields(FlowConfig)
    parts.append(f"\n### `limits`\n\n{_doc(Limits)}\n\n| field | type | default |\n|---|---|---|\n")
    parts += _fields(Limits)
    return "".join(parts)


def _doc(cls: type) -> str:
    return "\n".join(line.strip() for line in (cls.__doc__ or "").strip().splitlines()).replace("``", "`")


def _fields(cls: Any) -> Iterator[str]:
    for field in dataclasses.fields(cls):
        if field.default is dataclasses.MISSING:
            default = "required"
        else:
            default = "below" if isinstance(field.default, Limits) else f"`{_cell(repr(field.default))}`"
        yield f"| `{field.name}` | `{_cell(str(field.type))}` | {default} |\n"


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


REFERENCES = {"cli.md": cli_reference, "config.md": config_reference}


def main() -> int:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    for name, build in REFERENCES.items():
        (FOLDER / name).write_text(build(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
