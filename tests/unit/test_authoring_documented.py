"""The table of arguments names every argument that is accepted, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_flow.authoring import dag, deprecated
from jupyter_flow.authoring.operator import BaseOperator, accepted_arguments

TEXT = (Path(__file__).parents[2] / "docs/authoring/arguments.md").read_text(encoding="utf-8")


def section(title: str) -> set[str]:
    """The names that the rows and the closing sentences of a section begin with."""
    text = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    prose = " ".join(re.findall(r"^(?:Only here|Without a meaning here).*?(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE))
    names = {name for cell in rows for name in re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", cell))}
    return names | set(re.findall(r"`(\w+)`", prose))


def test_every_argument_of_dag_is_in_the_table() -> None:
    assert section("DAG") == set(dag._ARGUMENTS) - set(deprecated.DAG)


def test_every_argument_of_operators_is_in_the_table() -> None:
    assert section("Every operator") == set(accepted_arguments(BaseOperator))


def test_every_old_name_is_in_the_table() -> None:
    assert section("Old names") == {*deprecated.DAG, *deprecated.OPERATOR}
