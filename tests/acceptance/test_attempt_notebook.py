"""One notebook as a task, with a real runner and a real kernel: what the report, log and notebook say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.attempts import EACH_SOURCE, Attempts
from support.files import parameters
from support.waiting import wait_for


@EACH_SOURCE
def test_parameters_arrive_and_values_go_to_and_from_other_tasks(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        [
            parameters("day = ''\nrate = 0.0"),
            "from jupyter_flow_helper import *\nimport jupyter_flow_helper as helper",
            {"cell_type": "markdown", "source": "some words"},
            "rows = xcom_pull('ingest', 'rows')",
            "xcom_push('doubled', rows['count'] * 2)\nlog_metric('rate', rate, step=3)\nprogress(0.5, 'half')",
            "print('day', day, helper.context['run_id'], helper.context['task_id'])",
            "assert xcom_pull('ingest', 'nothing', default=7) == 7",
        ],
        parameters={"day": "{{ ds }}", "rate": 0.25},
        xcoms=[{"task_id": "ingest", "map_index": -1, "key": "rows", "value": {"count": 21}}],
        xcom_inputs=(("ingest", "rows"), ("ingest", "nothing")),
    )
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert list(report.xcoms) == [{"key": "doubled", "value": 42}]
    assert list(report.metrics) == [{"name": "rate", "value": 0.25, "step": 3}]
    assert "day 2026-01-31 scheduled__2026-01-31T02:00:00+00:00 work" in attempt.log_text("stdout")
    assert attempt.cell_states() == ["completed"] * 8
    assert report.notebook == "notebook.ipynb"
    assert report.failing_cell is None
    saved = (attempt.spool / "notebook.ipynb").read_bytes()
    assert report.notebook_size == len(saved)
    assert report.kernelspec == "python3"
    assert report.interpreter is not None
    assert report.packages_hash is not None
    assert report.peak_rss is not None
    assert report.peak_rss > 20_000_000
    assert report.cpu_time is not None
    assert report.cpu_time > 0
    events = [(event["event"], event["cell"]) for event in attempt.events()]
    assert ("progress", 5) in events
    assert events.count(("started", 4)) == events.count(("finished", 4)) == 1
    assert [event["seq"] for event in attempt.events()] == list(range(1, len(events) + 1))
    assert attempt.notebook()["metadata"]["papermill"]["parameters"] == {"day": "2026-01-31", "rate": 0.25}


def test_jupyter_flow_s_own_names_use_the_helper(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        ["from jupyter_flow import flow\nflow.xcom_push('k', [1, 2])", "assert flow.context['dag_id'] == 'example'"]
    )
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert list(report.xcoms) == [{"key": "k", "value": [1, 2]}]


@EACH_SOURCE
def test_a_cell_that_raises_names_itself(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        ["a = 1", {"cell_type": "markdown", "source": "text"}, "raise ValueError('too bad')", "print('never')"]
    )
    report = attempt.run()
    assert report.outcome == "failed"
    assert str(report.reason) == "ValueError in cell 2: too bad"
    assert report.failing_cell == 2
    assert attempt.cell_states() == ["completed", "completed", "failed", "pending"]
    assert attempt.notebook()["cells"][2]["outputs"][-1]["ename"] == "ValueError"
    assert attempt.notebook()["metadata"]["papermill"]["exception"] is True
    assert "too bad" in attempt.log_text("stderr")
    assert attempt.events()[-1]["event"] == "failed"


@EACH_SOURCE
@pytest.mark.parametrize(
    ("source", "code"), [("import sys; sys.exit(0)", "0"), ("raise SystemExit('bye')", "bye"), ("exit()", "0")]
)
def test_a_cell_that_exits_has_failed(attempts: Attempts, source: str, code: str) -> None:
    attempt = attempts.notebook([source, "print('never')"])
    report = attempt.run()
    assert report.outcome == "failed"
    assert report.reason.code == "cell_exit"
    assert str(report.reason) == f"sys.exit({code}) in cell 1"
    assert attempt.cell_states() == ["failed", "pending"]


@EACH_SOURCE
@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("import os; os.kill(os.getpid(), 9)", 9),
        ("import ctypes; ctypes.string_at(0)", 11),
    ],
)
def test_a_kernel_that_dies_is_noticed_at_once(attempts: Attempts, source: str, number: int) -> None:
    attempt = attempts.notebook(["a = 1", f"print('before', flush=True)\n{source}", "b = 2"])
    report = attempt.run()
    assert report.outcome == "failed"
    assert str(report.reason) == f"kernel died (signal {number}) in cell 2"
    assert report.signal == number
    assert report.failing_cell == 1
    assert attempt.cell_states() == ["completed", "failed", "pending"]
    died = attempt.events()[-1]
    assert (died["event"], died["cell"], died["signal"]) == ("died", 1, number)


@pytest.mark.parametrize("attempts", ["forked"], indirect=True)
def test_how_a_kernel_died_is_told_by_a_forkserver_that_is_late(
    attempts: Attempts, request: pytest.FixtureRequest
) -> None:
    forkserver = request.getfixturevalue("kernel_pool").pid
    attempt = attempts.notebook(["print('before', flush=True)\nimport time; time.sleep(600)"]).start()
    attempt.wait_for_event("output", 0)
    (kernel,) = [found.pid for found in attempt.processes() if found.ppid == forkserver]
    os.kill(forkserver, signal.SIGSTOP)
    try:
        os.kill(kernel, signal.SIGKILL)
        time.sleep(3)  # what it has to be late
    finally:
        os.kill(forkserver, signal.SIGCONT)
    assert str(attempt.finish().reason) == "kernel died (signal 9) in cell 1"


@EACH_SOURCE
def test_a_kernel_that_ends_itself_says_its_exit_code(attempts: Attempts) -> None:
    report = attempts.notebook(["import os; os._exit(3)"]).run()
    assert str(report.reason) == "kernel died (exit code 3) in cell 1"
    assert report.exit_code == 3


def test_allowed_errors_do_not_end_the_notebook(attempts: Attempts) -> None:
    attempt = attempts.notebook([{"source": "1/0", "tags": ["raises-exception"]}, "print('on')"])
    assert attempt.run().outcome == "success"
    assert attempt.cell_states() == ["completed", "completed"]


@EACH_SOURCE
def test_no_server_token_in_the_kernel(attempts: Attempts) -> None:
    secret = {
        "JUPYTER_TOKEN": "canary-1",
        "JUPYTERHUB_API_TOKEN": "canary-2",
        "JPY_API_TOKEN": "canary-3",
        "JUPYTER_FLOW_DB_URL": "canary-4",
    }
    cell = """
        import os
        leaked = [v for v in os.environ.values() if 'canary' in v or 'the token' in v]
        print(leaked, os.environ['KEPT'], os.environ['MINE'])
    """
    attempt = attempts.notebook([cell], environment={**secret, "KEPT": "yes"}, env={"MINE": "own"})
    assert attempt.run().outcome == "success"
    assert "[] yes own" in attempt.log_text("stdout")


def test_the_kernel_works_in_the_folder_of_the_notebook(attempts: Attempts) -> None:
    attempt = attempts.notebook(["import os; print(os.getcwd())"])
    attempt.run()
    assert str(attempts.dags) in attempt.log_text("stdout").splitlines()


def test_the_pinned_notebook_runs_not_the_edited_one(attempts: Attempts) -> None:
    attempt = attempts.notebook(["print('pinned')"])
    attempts.notebook(["print('edited')"])
    assert attempt.run().outcome == "success"
    assert attempt.log_text("stdout") == "pinned"


def test_a_shell_notebook_gets_parameters_and_runs(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        [parameters("name=nobody"), 'echo "hello $name"'],
        parameters={"name": "it's $(echo evil)"},
        kernel="bash",
        language="bash",
    )
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert "hello it's $(echo evil)" in attempt.log_text("stdout")
    assert report.kernelspec == "bash"


def test_any_kernel_may_push_by_display_messages(attempts: Attempts) -> None:
    message = {"application/vnd.jupyter-flow.xcom+json": {"key": "k", "value": 5, "n": 1}}
    cell = f"from IPython.display import display\ndisplay({message!r}, raw=True)"
    attempt = attempts.notebook([cell])
    report = attempt.run()
    # the kernel's helper kept no such message: what the kernel says it sent is what counts
    assert report.outcome == "success", attempt.log_text()


def test_a_question_that_the_snapshot_does_not_answer_goes_to_the_house(attempts: Attempts) -> None:
    attempt = attempts.notebook(["import jupyter_flow_helper as h\nh.xcom_pull('other', 'unknown')"])
    report = attempt.run()
    assert report.outcome == "failed"
    assert "no host answers" in str(report.reason)


def test_the_notebook_parses_at_every_moment_and_shows_what_runs(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        [
            "import time",
            "for i in range(45):\n    print('line', i, 'x' * 20000, flush=True)\n    time.sleep(0.1)",
            "print('end')",
        ]
    ).start()
    path = attempt.spool / "notebook.ipynb"
    wait_for(path.exists, "the first save")
    states, sizes = set(), set()
    while attempt.process is not None and attempt.process.poll() is None:
        document = json.loads(path.read_bytes())
        states.add(tuple(cell["metadata"]["papermill"]["status"] for cell in document["cells"]))
        sizes.add(os.stat(path).st_size)
    assert attempt.finish().outcome == "success"
    assert ("completed", "running", "pending") in states
    assert len(sizes) > 2


def test_an_unknown_kernel_is_refused_with_the_list(attempts: Attempts) -> None:
    report = attempts.notebook(["1"], arguments={"kernel_name": "cobol"}).run()
    assert report.outcome == "failed"
    assert str(report.reason).startswith("unknown kernel 'cobol': installed are ")
    assert "python3" in str(report.reason)
    assert report.no_retry


@pytest.mark.parametrize("name", ["Python", "python 3", "Bash"])
def test_a_kernel_is_found_by_display_name_or_language(attempts: Attempts, name: str) -> None:
    kernel = "bash" if name == "Bash" else "python3"
    attempt = attempts.notebook(["echo 1" if kernel == "bash" else "1"], arguments={"kernel_name": name})
    report = attempt.run()
    assert (report.outcome, report.kernelspec) == ("success", kernel), attempt.log_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ("{ not json", "it is not valid JSON"),
        ("[1, 2]", "it is JSON, but not a notebook"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "it is not a valid notebook"),
    ],
)
def test_an_unusable_notebook_is_one_clear_line(attempts: Attempts, content: str | None, message: str) -> None:
    attempt = attempts.notebook(["1"])
    pinned = Path(attempt.workload.bundle, "notebook.ipynb")
    if content is None:
        pinned.unlink()
        (attempts.dags / "notebook.ipynb").unlink()
    else:
        pinned.write_text(content)
    report = attempt.run()
    assert report.outcome == "failed"
    assert report.reason.code == "notebook"
    assert message in str(report.reason)
    assert "\n" not in str(report.reason)


def test_a_notebook_outside_the_root_is_refused(attempts: Attempts, tmp_path: Path) -> None:
    (tmp_path / "secret.ipynb").write_text("{}")
    os.symlink(tmp_path / "secret.ipynb", attempts.dags / "link.ipynb")
    for path in ("../secret.ipynb", "link.ipynb", str(tmp_path / "secret.ipynb")):
        report = attempts.notebook(["1"], arguments={"notebook": path}).run()
        assert report.reason.code == "notebook"
        assert "outside the root" in str(report.reason)


def test_a_parameter_that_the_notebook_does_not_declare_is_a_warning(attempts: Attempts) -> None:
    attempt = attempts.notebook([parameters("a = 1"), "print(a, b)"], parameters={"b": 2})
    assert attempt.run().outcome == "success"
    warnings = [line["text"] for line in attempt.log() if line["level"] == "warning"]
    assert any("b" in text and "unknown parameter" in text for text in warnings)


def test_a_message_that_a_storm_lost_is_fetched_from_the_kernel(attempts: Attempts) -> None:
    lose = """
        import jupyter_flow_helper as h
        h._sent.append((h.XCOM, {'key': 'lost', 'value': 1, 'n': len(h._sent) + 1}))
    """
    attempt = attempts.notebook([lose, "h.xcom_push('seen', 2)"])
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert list(report.xcoms) == [{"key": "lost", "value": 1}, {"key": "seen", "value": 2}]
    assert "1 messages to the house were lost in an output storm and fetched again" in attempt.log_text("log")


def test_a_task_whose_messages_cannot_be_fetched_has_failed(attempts: Attempts) -> None:
    lose = """
        import jupyter_flow_helper as h
        h._sent.append((h.XCOM, {'key': 'k', 'value': 1, 'n': 1}))
        del h._all_sent
    """
    report = attempts.notebook([lose]).run()
    assert report.outcome == "failed"
    assert report.reason.code == "outputs_lost"


def _kernelspec(tmp_path: Path, code: str) -> dict[str, str]:
    """Install a kernelspec ``odd`` that runs ``code``; return the environment in which Jupyter finds it."""
    folder = tmp_path / "jupyter" / "kernels" / "odd"
    folder.mkdir(parents=True)
    spec = {"argv": [sys.executable, "-c", code, "{connection_file}"], "display_name": "Odd", "language": "odd"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    return {"JUPYTER_PATH": str(tmp_path / "jupyter")}


def test_a_kernel_that_ends_while_it_starts_is_noticed_at_once(attempts: Attempts, tmp_path: Path) -> None:
    environment = _kernelspec(tmp_path, "print('no library'); raise SystemExit(3)")
    attempt = attempts.notebook(["1"], arguments={"kernel_name": "odd"}, environment=environment)
    report = attempt.run()
    reason = "kernel odd did not start: it ended with exit code 3 before it was ready (see the log)"
    assert str(report.reason) == reason
    assert "no library" in attempt.log_text("stdout")
    assert attempt.cell_states() == ["pending"]


def test_a_kernel_that_never_answers_is_given_up(attempts: Attempts, tmp_path: Path) -> None:
    environment = _kernelspec(tmp_path, "import time; time.sleep(600)")
    limits = {"kernel_start_timeout": 2.0}
    attempt = attempts.notebook(["1"], arguments={"kernel_name": "odd"}, environment=environment, limits=limits)
    assert str(attempt.run().reason) == "kernel odd did not start: no answer within 2 s"


def test_a_cancel_while_the_kernel_starts_ends_the_attempt(attempts: Attempts, tmp_path: Path) -> None:
    environment = _kernelspec(tmp_path, "print('started', flush=True); import time; time.sleep(600)")
    attempt = attempts.notebook(["1"], arguments={"kernel_name": "odd"}, environment=environment).start()
    wait_for(lambda: "started" in attempt.log_text("stdout"), "the kernel's first words")
    attempt.cancel()
    assert attempt.finish().outcome == "cancelled"
    assert "did not end when it was interrupted" not in attempt.log_text("log")


def test_papermill_uses_the_engine_without_a_task(attempts: Attempts, tmp_path: Path) -> None:
    attempts.notebook([parameters("a = 1"), "print(a)", "1 / 0", "2"])
    code = (
        "import sys, papermill, jupyter_flow.runner.engine\n"
        "papermill.execute_notebook(*sys.argv[1:], parameters={'a': 5}, engine_name='flow', progress_bar=False)"
    )
    source, target = attempts.dags / "notebook.ipynb", tmp_path / "out.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", code, str(source), str(target)], capture_output=True, text=True, timeout=90, check=False
    )
    assert "PapermillExecutionError" in done.stderr
    cells = json.loads(target.read_text())["cells"]
    states = [cell["metadata"]["papermill"]["status"] for cell in cells if "papermill" in cell["metadata"]]
    assert states == ["completed", "completed", "completed", "failed", "pending"]
