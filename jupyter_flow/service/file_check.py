"""What a text would give as a DAG file: asked before it goes live. It takes as long as the file takes to load."""

from __future__ import annotations

from pathlib import Path

from ..model.records import Actor
from ..parsing.parsed import ParsedFile, Problem
from ..parsing.scan import is_dag_content
from ..storage import file_rows
from .authorize import authorize
from .documents import Document
from .file_names import place_of
from .house import House
from .offline import parse_text


def check_file(house: House, actor: Actor, name: str, text: str, folder: str | None = None) -> Document:
    """What the real parser finds when the DAG file ``name`` holds ``text``; the file itself stays as it is."""
    authorize(house.policy, actor, "edit")
    base, _ = place_of(house.config, folder, name)
    if not is_dag_content(Path(name).suffix, text.encode("utf-8", "surrogatepass")):
        words = "it does not name jupyter_flow" if name.endswith(".py") else "it has no %%dag cell"
        return _verdict(ParsedFile(base, name, (), (Problem(f"this is no DAG file: {words}"),)))
    parsed = parse_text(house.config, base, name, text)
    with house.reading() as connection:
        taken = file_rows.owners(connection, [dag.dag_id for dag in parsed.dags])
    others = [dag for dag in taken if (dag.dag_folder, dag.dag_file) != (str(base), name)]
    problems = [
        Problem(f"DAG id {dag.dag_id!r} is defined in {dag.dag_file} already: rename one", parsed.lines.get(dag.dag_id))
        for dag in others
    ]
    return _verdict(parsed, problems)


def _verdict(parsed: ParsedFile, more: list[Problem] | None = None) -> Document:
    problems = [*parsed.problems, *(more or [])]
    return {
        "is_good": all(problem.kind != "error" for problem in problems),
        "dag_ids": [dag.dag_id for dag in parsed.dags],
        "problems": [
            {
                "file": parsed.dag_file,
                "folder": str(parsed.folder),
                "line": problem.line,
                "message": problem.message,
                "traceback": problem.traceback,
                "kind": problem.kind,
            }
            for problem in problems
        ],
    }
