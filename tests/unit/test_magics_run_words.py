"""How a run is written down in a notebook."""

from __future__ import annotations

from typing import Any

from jupyter_flow.magics.run_words import MOST_ROWS, SHAPES, html_run, log_text, one_line, plain_run
from jupyter_flow.model.state import RunState, TaskState


def task(
    task_id: str, state: str, begin: int | None = None, seconds: float | None = None, **more: Any
) -> dict[str, Any]:
    start = None if begin is None else f"2026-01-01T00:00:{begin:02}+00:00"
    return {"task_id": task_id, "map_index": -1, "state": state, "start_date": start, "duration": seconds, **more}


def run(*tasks: dict[str, Any], state: str = "failed") -> dict[str, Any]:
    begin = "2026-01-01T00:00:00+00:00"
    ids = {"dag_id": "sales", "run_id": "manual__1", "state": state}
    return {**ids, "start_date": begin, "duration": 10.0, "tasks": list(tasks)}


DONE = run(
    task("load", "success", 0, 4.0),
    task("fit", "failed", 4, 6.0, map_index=2, reason={"text": "exit code 1 <b>"}),
    task("report", "upstream_failed"),
)


def test_every_state_has_a_shape() -> None:
    assert set(SHAPES) == {*TaskState, *RunState}


def test_text_says_states_times_reasons_and_logs() -> None:
    lines = plain_run(DONE, {"fit[2]": ["one", "two"]}).splitlines()
    assert lines[0] == "✗ manual__1 of sales: failed (10.0 s)"
    assert lines[1] == "  ✓ load    success  4.0 s"
    assert lines[2] == "  ✗ fit[2]  failed  6.0 s  exit code 1 <b>"
    assert lines[3] == "  ▲ report  upstream_failed"
    assert lines[4:] == ["  log of fit[2]:", "    one", "    two"]
    assert one_line(run(DONE["tasks"][0], state="running")) == "manual__1 of sales: running (1 of 1 tasks over, 10.0 s)"


def test_html_has_bars_on_the_runs_axis_and_escapes_all_text() -> None:
    html = html_run(DONE, {"fit[2]": ["</pre><script>"]})
    assert "left:40.0%;width:max(4px, 60.0%)" in html
    assert html.count("border-radius:2px;background:var(--jp-") >= 2
    assert "exit code 1 &lt;b&gt;" in html
    assert "<script" not in html
    assert "✗ failed" in html


def test_of_a_thousand_tasks_the_loud_ones_are_drawn_and_the_others_counted() -> None:
    many = [task(f"t{n}", "success", 0, 1.0) for n in range(1000)] + [task("bad", "failed", 0, 1.0)]
    text = plain_run(run(*many), {})
    assert "bad  " in text
    assert text.endswith(f"… and {1001 - MOST_ROWS} more: {1001 - MOST_ROWS} success")


def test_what_a_terminal_shows_of_a_log() -> None:
    assert log_text("\x1b[31mred\x1b[0m\n 10%|\r 99%|#\r\n") == ["red", " 99%|#"]
