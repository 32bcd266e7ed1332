"""The measured table in ``docs/reliability.md``, between two markers: one row for each board and scale, the latest."""

from __future__ import annotations

import re
from pathlib import Path

from .boards import Result

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- measured: begin (written by `make chaos`) -->", "<!-- measured: end -->"
HEAD = "| line | date | machine | scale | seed | seconds | figures | |\n|---|---|---|---|---|---|---|---|\n"


def add(result: Result, date: str, machine: str, document: Path = DOCUMENT) -> None:
    """Put the row of ``result`` into the table of ``document``, in place of an older one of the same scale."""
    text = document.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    inside, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{document} has no table: it needs the lines {BEGIN!r} and {END!r}")
    rows = {_key(line): line for line in inside.splitlines() if line.startswith("| R")}
    line = _row(result, date, machine)
    rows[_key(line)] = line
    table = HEAD + "".join(f"{rows[key]}\n" for key in sorted(rows))
    document.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


def _key(line: str) -> tuple[int, float]:
    cells = [cell.strip() for cell in line.split("|")]
    return int(cells[1][1:]), float(cells[4])


def _row(result: Result, date: str, machine: str) -> str:
    figures = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in result.figures.items())
    told = figures if result.passed and figures else f"{result.detail}{'; ' if figures else ''}{figures}"
    told = re.sub(r"\s+", " ", told.replace("|", "/"))[:600]
    verdict = "met" if result.passed else "missed"
    cells = [result.name, date, machine, f"{result.scale:g}", str(result.seed), f"{result.seconds:.0f}", told, verdict]
    return "| " + " | ".join(cells) + " |"
