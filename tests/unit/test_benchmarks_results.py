"""The table of the benchmarks: targets, percentiles, and the block it writes into the documents."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules ``run`` and ``common`` of the benchmarks, imported as their script does."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("run", "common"):
        sys.modules.pop(name, None)
    return importlib.import_module("run")


def test_a_target_is_met_on_its_own_side(bench: Any) -> None:
    at_most = bench.Line("a", "a", 0.1, "s", 0.1)
    too_slow = bench.Line("b", "b", 0.2, "s", 0.1)
    at_least = bench.Line("c", "c", 7, "x", 6, at_most=False)
    too_few = bench.Line("d", "d", 5, "x", 6, at_most=False)
    without = bench.Line("e", "e", 5, "x", None)
    assert [line.met for line in (at_most, too_slow, at_least, too_few, without)] == [True, False, True, False, None]


def test_the_percentile_is_a_measured_value(bench: Any) -> None:
    values = [float(value) for value in range(1, 101)]
    common = sys.modules["common"]
    assert common.percentile(values, 99) == 100
    assert common.percentile(values, 50) == 51
    assert common.percentile([3.0], 99) == 3


def test_the_results_replace_what_stands_between_the_marks(bench: Any, tmp_path: Path) -> None:
    line = bench.Line("warm", "one notebook", 0.08, "× papermill CLI", 0.1, True, {"median_s": 0.075})
    results = {
        "at": "2026-01-01T00:00:00+00:00",
        "quick": False,
        "machine": bench.machine(),
        "lines": [line.to_json()],
        "not_measured": {"idle": "RuntimeError: no"},
    }
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{bench.MARKS[0]}\nold\n{bench.MARKS[1]}\nafter\n")
    bench.write_document(page, results)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| one notebook | 0.08 × papermill CLI | ≤ 0.1 | met | median_s 0.075 |" in text
    assert "| idle | not measured | | | RuntimeError: no |" in text
    bench.write_document(page, results)
    assert page.read_text() == text


def test_a_page_without_marks_is_refused(bench: Any, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="no marks"):
        bench.write_document(page, {"at": "", "quick": True, "machine": {}, "lines": [], "not_measured": {}})


def test_every_benchmark_has_its_page_entry_and_says_its_target(bench: Any) -> None:
    page = bench.DOCUMENT.read_text()
    assert all(mark in page for mark in bench.MARKS)
    for name in bench.NAMES:
        module = importlib.import_module(name)
        assert f"`{name}`" in page
        assert "Target" in module.__doc__
        assert callable(module.measure)
