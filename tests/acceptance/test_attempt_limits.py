"""Attempts that put out too much, take too long, or are cancelled."""

from __future__ import annotations

import json
import time

import pytest
from support.attempts import EACH_SOURCE, Attempts, AttemptUnderTest
from support.census import census, wait_until_gone
from support.waiting import wait_for


def test_fifty_megabytes_of_output_pass_and_are_marked_where_cut(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        ["for i in range(50):\n    print('x' * 1_000_000)", "print('after')"],
        limits={"cell_output_max_bytes": 2_000_000, "log_max_bytes": 5_000_000},
    )
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()[-2000:]
    outputs = attempt.notebook()["cells"][0]["outputs"]
    assert "[output cut: this cell has put out more than 2000000 bytes]" in "".join(outputs[-1]["text"])
    assert (attempt.spool / "notebook.ipynb").stat().st_size < 3_000_000
    assert "".join(attempt.notebook()["cells"][1]["outputs"][0]["text"]) == "after\n"
    assert (attempt.spool / "log.jsonl").stat().st_size < 6_000_000


def test_fifty_megabytes_stay_whole_within_the_limits(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        ["for i in range(50):\n    print('x' * 1_000_000)"],
        limits={"cell_output_max_bytes": 60_000_000, "log_max_bytes": 60_000_000},
    )
    assert attempt.run().outcome == "success"
    text = "".join("".join(output["text"]) for output in attempt.notebook()["cells"][0]["outputs"])
    assert text.count("x") == 50_000_000


@pytest.mark.parametrize("attempts", ["cold", "waiting"], indirect=True)
def test_a_value_arrives_through_an_output_storm(attempts: Attempts) -> None:
    storm = """
        from jupyter_flow_helper import *
        from IPython.display import display
        for i in range(3_000):
            display({'text/plain': 'storm %d' % i}, raw=True)
            if i == 1_500:
                xcom_push('k', 1)
        xcom_push('last', 2)
    """
    attempt = attempts.notebook([storm])
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert list(report.xcoms) == [{"key": "k", "value": 1}, {"key": "last", "value": 2}]


def test_many_small_messages_arrive_while_the_notebook_is_ahead(attempts: Attempts) -> None:
    attempt = attempts.notebook(["for number in range(4_000):\n    print(number, flush=True)"])
    assert attempt.run().outcome == "success"
    assert text_of_first_cell(attempt).splitlines() == [str(number) for number in range(4_000)]


@pytest.mark.parametrize("attempts", ["cold"], indirect=True)
def test_messages_that_nobody_could_take_in_are_told_of(attempts: Attempts) -> None:
    storm = """
        import os, signal
        os.kill(os.getppid(), signal.SIGSTOP)  # nobody reads
        for number in range(4_000):
            print(number, flush=True)
        os.kill(os.getppid(), signal.SIGCONT)
    """
    attempt = attempts.notebook([storm, "print('on')"])
    assert attempt.run().outcome == "success"
    lines = text_of_first_cell(attempt).splitlines()
    kept = sum(line.isdigit() for line in lines)
    (told,) = [line for line in lines if "output lost" in line]
    assert kept + int(told.split()[-4]) >= 4_000 > kept
    assert told in attempt.log_text("stderr")


@EACH_SOURCE
def test_a_cell_whose_last_sign_is_lost_ends_all_the_same(attempts: Attempts) -> None:
    deaf = """
        session = get_ipython().kernel.session
        send = session.send
        def lose(stream, kind, content=None, *rest, **named):
            if kind == "status" and content["execution_state"] == "idle":
                session.send = send  # the next one arrives
                return None
            return send(stream, kind, content, *rest, **named)
        session.send = lose
        print("said")
    """
    attempt = attempts.notebook([deaf, "print('on')"])
    assert attempt.run().outcome == "success", attempt.log_text()
    assert "cell 1: outputs were lost in a storm" in attempt.log_text("log")
    assert text_of_first_cell(attempt) == "said\n"
    assert attempt.cell_states() == ["completed", "completed"]


def text_of_first_cell(attempt: AttemptUnderTest) -> str:
    return "".join("".join(output["text"]) for output in attempt.notebook()["cells"][0]["outputs"])


def test_a_cell_over_its_timeout_is_interrupted(attempts: Attempts) -> None:
    attempt = attempts.notebook(["import time", "time.sleep(600)", "print('never')"], arguments={"cell_timeout": 3.0})
    report = attempt.run()
    assert str(report.reason) == "timeout: cell 2 not finished after 3 s"
    assert report.failing_cell == 1
    assert attempt.cell_states() == ["completed", "failed", "pending"]
    assert attempt.events()[-1]["event"] == "interrupted"


@EACH_SOURCE
def test_swallowed_interrupts_do_not_save_a_cell_over_the_timeout(attempts: Attempts) -> None:
    swallow = """
        import time, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            try:
                time.sleep(600)
            except KeyboardInterrupt:
                print('swallowed', flush=True)
    """
    limits = {"kill_grace": 0.5}
    attempt = attempts.notebook([swallow, "print('never')"], arguments={"cell_timeout": 3.0}, limits=limits)
    report = attempt.run()
    assert report.outcome == "failed"
    assert str(report.reason) == "timeout: cell 1 not finished after 3 s"
    assert "swallowed" in attempt.log_text("stdout")
    assert attempt.cell_states() == ["failed", "pending"]


@EACH_SOURCE
def test_a_notebook_over_the_execution_timeout_is_interrupted(attempts: Attempts) -> None:
    attempt = attempts.notebook(["import time; time.sleep(600)", "print('never')"], execution_timeout=8.0)
    report = attempt.run()
    assert report.outcome == "failed"
    assert str(report.reason) == "timeout: not finished after 8 s"
    assert attempt.log_text("stdout") == ""


@EACH_SOURCE
def test_cancel_ends_the_kernel_and_all_it_started(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        [
            "import subprocess\nsubprocess.Popen(['sleep', '601'])\nsubprocess.Popen(['setsid', 'sleep', '602'])",
            "print('ready', flush=True)\nimport time; time.sleep(600)",
        ]
    ).start()
    attempt.wait_for_event("output", 1)
    assert len(attempt.processes()) >= 4
    attempt.cancel()
    report = attempt.finish()
    assert report.outcome == "cancelled"
    assert attempt.cell_states() == ["completed", "failed"]
    assert wait_until_gone(f"JUPYTER_FLOW_ATTEMPT={attempt.workload.attempt_id}", timeout=30) == []


@EACH_SOURCE
def test_a_killed_runner_takes_its_kernel_along(attempts: Attempts) -> None:
    attempt = attempts.notebook(["print('ready', flush=True)\nimport re; re.match('(a+)+$', 'a' * 60 + 'b')"]).start()
    attempt.wait_for_event("started", 0)
    wait_for(lambda: len(attempt.processes()) == 2, "runner and kernel")
    assert attempt.process is not None
    attempt.process.kill()
    attempt.process.wait()
    assert wait_until_gone(f"JUPYTER_FLOW_ATTEMPT={attempt.workload.attempt_id}", timeout=30) == []


@EACH_SOURCE
def test_a_process_that_left_the_kernel_s_session_ends_with_the_attempt(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        [
            "import subprocess\nchild = subprocess.Popen(['setsid', 'sleep', '606'])",
            "from pathlib import Path\nwhile b'sleep' not in Path(f'/proc/{child.pid}/cmdline').read_bytes()[:6]: pass",
        ]
    )
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert "1 processes that the task left running were ended" in attempt.log_text("log")
    assert attempt.processes() == []


@EACH_SOURCE
def test_what_the_kernel_s_process_itself_prints_is_logged(attempts: Attempts) -> None:
    attempt = attempts.notebook(
        ["import os\nos.write(1, b'raw one\\n')\nos.write(2, b'raw two\\n')\nassert not os.system('echo from a shell')"]
    )
    assert attempt.run().outcome == "success", attempt.log_text()
    assert "raw one" in attempt.log_text("stdout")
    assert "from a shell" in attempt.log_text("stdout")
    assert "raw two" in attempt.log_text("stderr")


@pytest.mark.parametrize("attempts", ["forked", "waiting"], indirect=True)
def test_a_kernel_is_forked_or_has_waited(attempts: Attempts, request: pytest.FixtureRequest) -> None:
    cell = "from jupyter_flow_helper import *\nimport os\n"
    cell += "xcom_push('seen', [open('/proc/self/cmdline').read(), os.getppid(), os.getpid()])"
    pool = request.getfixturevalue("kernel_pool")
    waiting = [found.pid for found in census("JUPYTER_FLOW_ATTEMPT=" + "0" * 32) if found.ppid == pool.pid]
    report = attempts.notebook([cell]).run()
    command, parent, pid = report.xcoms[0]["value"]
    assert "kernel_forkserver.py" in command
    assert parent == pool.pid
    assert (pid in waiting) == (request.node.callspec.params["attempts"] == "waiting")


def test_a_no_op_python_task_imports_nothing_heavy(attempts: Attempts) -> None:
    heavy = {"papermill", "jinja2", "nbformat", "IPython", "zmq", "nbclient", "sqlalchemy"}
    attempt = attempts.python(f"import sys\nreturn sorted({heavy} & set(sys.modules))")
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert list(report.xcoms) == [{"key": "return_value", "value": []}]


def test_what_a_python_task_prints_is_logged_in_order(attempts: Attempts) -> None:
    attempt = attempts.python(
        "import logging, os, sys\nprint('one')\nos.system('echo two')\n"
        "sys.stderr.write('three\\n')\nlogging.getLogger('mine').warning('four')"
    )
    assert attempt.run().outcome == "success"
    assert attempt.log_text("stdout") == "one\ntwo"
    assert attempt.log_text("stderr") == "three"
    assert ("mine: four", "warning") in [(line["text"], line["level"]) for line in attempt.log()]
    assert [line["seq"] for line in attempt.log()] == list(range(1, len(attempt.log()) + 1))


def test_a_log_over_its_limit_is_cut_and_says_so(attempts: Attempts) -> None:
    attempt = attempts.python("for i in range(20_000): print('line', i)", limits={"log_max_bytes": 10_000})
    assert attempt.run().outcome == "success"
    assert "longer than 10000 bytes" in attempt.log_text("log")
    assert len(attempt.log_text("stdout")) <= 10_000


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [
        ("raise ValueError('bad')", "failed", "ValueError: bad"),
        ("import sys; sys.exit(0)", "failed", "SystemExit: the task called sys.exit(0)"),
        (
            "from jupyter_flow import FlowSkipException; raise FlowSkipException('no data')",
            "skipped",
            "skipped: no data",
        ),
        (
            "return object()",
            "failed",
            "XCom 'return_value': an object cannot be an XCom: push plain values, a dataclass, or the path of a file",
        ),
        (
            "return 'x' * 300_000",
            "failed",
            "XCom 'return_value' has 300002 bytes, more than 262144: write a file and push its path",
        ),
    ],
)
def test_how_a_python_task_ends(attempts: Attempts, body: str, outcome: str, reason: str) -> None:
    report = attempts.python(body).run()
    assert (report.outcome, str(report.reason)) == (outcome, reason)


def test_fail_exception_forbids_another_try(attempts: Attempts) -> None:
    report = attempts.python("from jupyter_flow import FlowFailException; raise FlowFailException('never again')").run()
    assert report.outcome == "failed"
    assert report.no_retry


def test_a_python_task_that_swallows_its_timeout_is_killed(attempts: Attempts) -> None:
    loop = "    try:\n        time.sleep(600)\n    except BaseException:\n        print('swallowed', flush=True)"
    body = f"import time\nwhile True:\n{loop}"
    for seconds in (1.0, 20.0):
        # an interrupt that comes a whole grace too late is left out
        attempt = attempts.python(body, execution_timeout=seconds, limits={"kill_grace": 2.0})
        assert str(attempt.run().reason) == f"timeout: not finished after {seconds:g} s"
        if "swallowed" in attempt.log_text("stdout"):  # else the machine was too slow to begin within the time
            break
    assert attempt.log_text("stdout").count("swallowed") == 2


def test_a_python_task_that_holds_the_interpreter_is_killed_and_reported(attempts: Attempts) -> None:
    attempt = attempts.python(
        "import re; re.match('(a+)+$', 'a' * 60 + 'b')", execution_timeout=0.5, limits={"kill_grace": 0.3}
    )
    report = attempt.run()
    assert str(report.reason) == "timeout: not finished after 0.5 s"


def test_cancel_ends_a_command_and_its_children(attempts: Attempts) -> None:
    attempt = attempts.bash("setsid sleep 603 & sleep 604 & echo ready; wait").start()
    wait_for(lambda: "ready" in attempt.log_text(), "the command's output")
    before = time.monotonic()
    attempt.cancel()
    assert attempt.finish().outcome == "cancelled"
    assert time.monotonic() - before < 20
    assert wait_until_gone(f"JUPYTER_FLOW_ATTEMPT={attempt.workload.attempt_id}", timeout=30) == []


def test_a_command_leaves_nothing_running_behind(attempts: Attempts) -> None:
    attempt = attempts.bash("setsid sleep 605 & until [ $(ps -o sid= -p $!) = $! ]; do sleep 0.05; done; echo done")
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert list(report.xcoms) == [{"key": "return_value", "value": "done"}]
    assert "left running" in attempt.log_text("log")


def test_the_exit_code_of_a_command_is_reported(attempts: Attempts) -> None:
    report = attempts.bash("exit 7").run()
    assert (report.outcome, report.exit_code) == ("failed", 7)
    assert str(report.reason) == "the command ended with exit code 7"


def test_a_spool_without_a_workload_is_one_line(attempts: Attempts) -> None:
    attempt = attempts.bash("true")
    attempt.spool.mkdir(parents=True)
    (attempt.spool / "spec.json").write_text(json.dumps({"attempt_id": "x"}))
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "jupyter_flow.runner.attempt", str(attempt.spool)],
        input="token\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "is not a workload" in done.stderr
