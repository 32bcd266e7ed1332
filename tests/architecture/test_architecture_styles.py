"""A name of a style stands for one thing: two parts of the panel that use one name draw over each other."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

STYLES = Path(__file__).parents[2] / "labextension" / "style"


def owners(sheets: dict[str, str]) -> dict[str, set[str]]:
    """Return class -> the sheets with a rule for this class alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, text in sheets.items():
        plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        for selector in re.findall(r"([^{}]+)\{", plain):
            if only := re.fullmatch(r"\s*\.(jp-flow-[\w-]+)\s*", selector):
                found[only[1]].add(name)
    return found


def test_each_class_is_drawn_by_one_style_sheet() -> None:
    sheets = {path.name: path.read_text(encoding="utf-8") for path in STYLES.glob("*.css")}
    found = owners(sheets)
    assert len(found) > 100
    twice = {name: sorted(files) for name, files in found.items() if len(files) > 1}
    assert not twice, f"rename one of the two: {twice}"


def test_a_class_in_two_sheets_is_seen() -> None:
    assert owners({"a": ".jp-flow-x {a: 1}", "b": "p {}\n/* .jp */\n.jp-flow-x {b: 2}"})["jp-flow-x"] == {"a", "b"}
