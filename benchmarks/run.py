"""Run the benchmarks and print one table: ``make bench``, or ``python benchmarks/run.py --only NAME --quick``.

Exit code 0 when every benchmark could be measured (met or not), 1 when one could not.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import ROOT, Effort, Line, machine
from rich.console import Console
from rich.table import Table

NAMES = (
    *("one_notebook", "chain_of_ten", "fan_out", "sustained", "parse_pass", "scale", "rest", "idle", "lab_echo"),
    *("fan_out_wide", "queued", "capacity"),
)
DOCUMENT = ROOT / "docs" / "performance.md"
MARKS = ("<!-- results: written by make bench -->", "<!-- end of results -->")


def main() -> int:
    """Measure, print, write."""
    arguments = _arguments()
    described = machine()
    lines: list[Line] = []
    problems: dict[str, str] = {}
    console = Console()
    for name in arguments.only or NAMES:
        started = time.monotonic()
        try:
            lines += importlib.import_module(name).measure(Effort(arguments.quick))
        except Exception as error:
            traceback.print_exc()
            problems[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        console.print(f"{name}: {time.monotonic() - started:.0f} s", style="dim")
    console.print(_table(lines, problems))
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": arguments.quick,
        "machine": described,
        "lines": [line.to_json() for line in lines],
        "not_measured": problems,
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    if arguments.write_docs:
        write_document(DOCUMENT, results)
    return 1 if problems else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that a benchmark works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
    parser.add_argument("--write-docs", action="store_true", help=f"put the table into {DOCUMENT.relative_to(ROOT)}")
    return parser.parse_args()


def _table(lines: list[Line], problems: dict[str, str]) -> Table:
    table = Table(title="Jupyter Flow benchmarks")
    for heading in ("what", "measured", "target", "", "details"):
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(line.what, f"{line.value:g} {line.unit}", _target(line), _verdict(line), _details(line.details))
    for name, problem in problems.items():
        table.add_row(name, "not measured", "", "", problem)
    return table


def _target(line: Line) -> str:
    return "" if line.target is None else f"{'≤' if line.at_most else '≥'} {line.target:g}"


def _verdict(line: Line) -> str:
    return {True: "met", False: "missed", None: ""}[line.met]


def _details(details: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in details.items())


def as_markdown(results: dict[str, Any]) -> str:
    """Return the results as the text between the marks of ``docs/performance.md``."""
    about = results["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    text = [
        f"Measured {results['at'][:10]}{' (quick)' if results['quick'] else ''} on {about['cores']} cores of "
        f"{about['processor']}, {about['memory_gb']} GB, {about['system']}, Python {about['python']}; {packages}.",
        "",
        "| what | measured | target | | details |",
        "|---|---|---|---|---|",
    ]
    for item in results["lines"]:
        line = Line(**{name: value for name, value in item.items() if name != "met"})
        cells = (line.what, f"{line.value:g} {line.unit}", _target(line), _verdict(line), _details(line.details))
        text.append(f"| {' | '.join(cells)} |")
    text += [f"| {name} | not measured | | | {problem} |" for name, problem in results["not_measured"].items()]
    return "\n".join(text)


def write_document(path: Path, results: dict[str, Any]) -> None:
    """Replace what stands between the marks of ``path`` by the results; ValueError if the marks are missing."""
    text = path.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", re.DOTALL)
    if not between.search(text):
        raise ValueError(f"{path} has no marks for the results")
    block = f"{MARKS[0]}\n{as_markdown(results)}\n{MARKS[1]}"
    path.write_text(between.sub(lambda _: block, text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
