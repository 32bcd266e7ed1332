"""The graph that %%dag shows."""

from __future__ import annotations

from jupyter_flow.magics.graph import GRAPH, bundle, mermaid, plain
from jupyter_flow.model.spec import DagSpec, ScheduleSpec, TaskSpec

DAG = DagSpec(
    dag_id="sales",
    dag_file="sales.ipynb",
    schedule=ScheduleSpec("cron", "0 2 * * *", summary="0 2 * * *"),
    timezone="Europe/Zurich",
    tasks=(
        TaskSpec("load", "NotebookOperator"),
        TaskSpec("end", "BashOperator"),
        TaskSpec("tidy.up", "PythonOperator", upstream=("load", "end"), trigger_rule="all_done"),
    ),
)


def test_mermaid_has_every_task_and_edge_with_explicit_colours() -> None:
    text = mermaid(DAG)
    # Ids of tasks are labels, not Mermaid names: `end` would be a keyword.
    assert '  t1["end<br/><small>BashOperator</small>"]:::shell' in text
    assert "  t0 --> t2" in text
    assert "  t1 --> t2" in text
    assert "all_done" in text
    assert text.count("classDef") == 3
    assert all("color:#" in line for line in text.splitlines() if "classDef" in line)


def test_labels_cannot_break_out() -> None:
    odd = DagSpec("d", "d.py", (TaskSpec("a", 'X"]\n<script>'),))
    assert "<script>" not in mermaid(odd)
    assert '"]\n<' not in mermaid(odd)


def test_plain_text_says_schedule_and_dependencies() -> None:
    lines = plain(DAG).splitlines()
    assert lines[0] == "DAG sales: 3 tasks, schedule 0 2 * * * (Europe/Zurich)"
    assert lines[3] == "  tidy.up  PythonOperator  after load, end  [all_done]"
    assert plain(DagSpec("d", "d.py", (TaskSpec("a", "X"),))).startswith("DAG d: 1 task, no schedule")


def test_the_last_run_colours_every_form() -> None:
    shown = bundle(DAG, {"load": "success", "end": "failed", "tidy.up": "upstream_failed"})
    assert ":::success" in shown["text/vnd.mermaid"]
    assert ":::failed" in shown["text/vnd.mermaid"]
    assert ":::warned" in shown["text/vnd.mermaid"]
    assert "  load  NotebookOperator  ✓ success" in shown["text/plain"]
    assert "✗ failed" in shown["text/html"]
    assert "last run" in shown["text/html"]
    drawn = shown[GRAPH]
    assert [task["upstream"] for task in drawn["tasks"]] == [[], [], ["load", "end"]]


def test_html_cannot_be_broken_out_of() -> None:
    odd = DagSpec("<script>", "d.py", (TaskSpec("a", "<script>"),))
    assert "<script" not in bundle(odd, {})["text/html"]
