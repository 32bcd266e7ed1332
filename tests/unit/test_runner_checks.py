"""What is refused before a notebook starts, and how a task's end is read."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_flow.authoring.exceptions import FlowFailException, FlowSkipException, TaskFailure
from jupyter_flow.model.reason import Reason
from jupyter_flow.runner import notebook_helper
from jupyter_flow.runner.interrupts import Interrupted
from jupyter_flow.runner.notebook_task import check_parameters, check_values, load
from jupyter_flow.runner.verdict import of_exception
from jupyter_flow.wire.environment import without_secrets


@pytest.mark.parametrize("name", ["1a", "a b", "x = 1; import os", "a\nb", "class", "", "é\u200b", "naïve"])
def test_parameter_names_that_are_code_are_refused(name: str) -> None:
    with pytest.raises(TaskFailure, match="is no identifier"):
        check_parameters({name: 1})


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"bytes"])
def test_parameter_values_must_be_json(value: Any) -> None:
    with pytest.raises(TaskFailure, match="is not JSON"):
        check_parameters({"name": value})


def test_usual_parameters_pass() -> None:
    check_parameters({"a": 1, "_b": [1.5, None, {"x": "y"}], "C9": "text with $ and \n"})


@pytest.mark.parametrize(("language", "refused"), [("julia", True), ("python", False), ("bash", False), ("R", False)])
def test_text_that_a_language_would_run_is_refused(language: str, refused: bool) -> None:
    if refused:
        with pytest.raises(TaskFailure, match="cannot be handed to julia safely"):
            check_values({"a": ["$(run(`id`))"]}, language)
    else:
        check_values({"a": ["$(run(`id`))"]}, language)


@pytest.mark.parametrize("source", [b"", b"{", b"[]", b"{}", b'{"nbformat": 4}', b"\xff\xfe"])
def test_what_is_no_notebook_is_one_line(source: bytes) -> None:
    with pytest.raises(TaskFailure) as caught:
        load(source, "a.ipynb")
    assert caught.value.reason.code == "notebook"
    assert "\n" not in str(caught.value)


def test_old_notebooks_are_read_as_format_4() -> None:
    old = (
        b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [], "metadata": {}}]}'
    )
    assert load(old, "a.ipynb").nbformat == 4


@pytest.mark.parametrize(
    ("error", "outcome", "text", "no_retry"),
    [
        (FlowSkipException("no data"), "skipped", "skipped: no data", False),
        (FlowFailException("stop"), "failed", "FlowFailException: stop", True),
        (TaskFailure(Reason("exit_code", {"exit_code": 3})), "failed", "the command ended with exit code 3", False),
        (Interrupted("cancel"), "cancelled", "cancelled by a request", False),
        (Interrupted("timeout"), "failed", "timeout: not finished after 5 s", False),
        (SystemExit(0), "failed", "SystemExit: the task called sys.exit(0)", False),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt", False),
        (ValueError("bad"), "failed", "ValueError: bad", False),
    ],
)
def test_how_an_end_is_read(error: BaseException, outcome: str, text: str, no_retry: bool) -> None:
    verdict = of_exception(error, 5.0)
    assert (verdict.outcome, str(verdict.reason), verdict.no_retry) == (outcome, text, no_retry)


def test_by_hand_the_helper_shows_what_it_would_do(capsys: pytest.CaptureFixture[str]) -> None:
    notebook_helper.xcom_push("k", [1, 2])
    notebook_helper.log_metric("loss", 0.5)
    notebook_helper.progress(0.25, "loading")
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "[not in a task] xcom_push k = [1, 2]",
        "[not in a task] loss = 0.5",
        "[not in a task] 25% loading",
    ]
    assert notebook_helper.xcom_pull("a", default=3) == 3
    assert notebook_helper.xcom_pull(["a", "b"], default=3) == [3, 3]
    with pytest.raises(LookupError, match="does not run as a task"):
        notebook_helper.xcom_pull("a")


@pytest.mark.parametrize(("key", "value"), [("k", object()), ("k", {1: object()}), ("", 1), (5, 1)])
def test_the_helper_refuses_what_is_no_xcom(key: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="xcom_push"):
        notebook_helper.xcom_push(key, value)


def test_secrets_leave_the_environment() -> None:
    given = {"JUPYTER_TOKEN": "1", "JUPYTERHUB_API_TOKEN": "2", "JPY_PARENT_PID": "3", "HOME": "/", "JUPYTER_PATH": "p"}
    assert without_secrets(given) == {"HOME": "/", "JUPYTER_PATH": "p"}
