"""Retry policies: which rule is about which failure, and what is refused."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

import pytest

from jupyter_flow import (
    DAG,
    EmptyOperator,
    ExceptionRetryPolicy,
    RetryAction,
    RetryDecision,
    RetryPolicy,
    RetryRule,
)
from jupyter_flow.authoring.exceptions import DagError, FlowException, FlowTaskTimeout, FlowWarning, TaskFailure
from jupyter_flow.model.reason import Reason


class Busy(ConnectionError):
    pass


def cell(name: str) -> TaskFailure:
    return TaskFailure(Reason("cell_error", {"type": name, "cell": 2, "message": "x"}))


@pytest.mark.parametrize(
    ("exception", "failure", "matches"),
    [
        (ConnectionError, Busy(), True),
        (Busy, ConnectionError(), False),
        ("builtins.ConnectionError", Busy(), True),
        ("ConnectionError", Busy(), True),
        (["builtins.KeyError", ValueError], ValueError(), True),
        (["builtins.KeyError", ValueError], OSError(), False),
        ("ZeroDivisionError", cell("ZeroDivisionError"), True),
        (ZeroDivisionError, cell("ZeroDivisionError"), True),
        (ArithmeticError, cell("ZeroDivisionError"), True),  # the kernel's builtin is ours
        ("requests.exceptions.HTTPError", cell("HTTPError"), True),
        ("HTTPError", cell("HTTPError"), True),
        (ValueError, cell("ZeroDivisionError"), False),
        ("KernelDied", TaskFailure(Reason("kernel_died", {"signal": 9, "cell": 1})), True),
        ("KernelDied", TaskFailure(Reason("kernel_died_exit", {"exit_code": 1, "cell": 1})), True),
        ("KernelDied", cell("KeyError"), False),
        ("Timeout", TaskFailure(Reason("timeout_cell", {"cell": 1, "seconds": 1})), True),
        ("Timeout", FlowTaskTimeout(), True),
        ("Timeout", TimeoutError(), False),
        (FlowException, TaskFailure(Reason("exit_code", {"exit_code": 1})), True),
    ],
)
def test_rules_match(exception: Any, failure: BaseException, matches: bool) -> None:
    assert RetryRule(exception).matches(failure) is matches


def test_subclasses_can_be_left_out() -> None:
    assert not RetryRule(ConnectionError, match_subclasses=False).matches(Busy())
    assert not RetryRule("ConnectionError", match_subclasses=False).matches(Busy())
    assert RetryRule("Busy", match_subclasses=False).matches(Busy())


def test_the_first_rule_that_matches_counts() -> None:
    soon = timedelta(seconds=3)
    policy = ExceptionRetryPolicy(
        rules=[
            RetryRule(Busy, RetryAction.RETRY, soon, "busy"),
            RetryRule(OSError, RetryAction.FAIL),
        ],
        default=RetryAction.RETRY,
    )
    assert policy.evaluate(Busy(), 1, 3) == RetryDecision(RetryAction.RETRY, soon, "busy")
    assert policy.evaluate(FileNotFoundError(), 1, 3) == RetryDecision.fail("rule for FileNotFoundError")
    assert policy.evaluate(KeyError(), 1, 3) == RetryDecision(RetryAction.RETRY)
    assert ExceptionRetryPolicy([]).evaluate(KeyError(), 1, 3) == RetryDecision.default()
    assert RetryDecision.retry(soon, "why") == RetryDecision(RetryAction.RETRY, soon, "why")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: RetryRule(7),  # type: ignore[arg-type]
            "RetryRule: exception must be an exception class or its name, e.g. 'ZeroDivisionError', not 7",
        ),
        (
            lambda: RetryRule("no such.name"),
            "RetryRule: exception must be an exception class or its name, e.g. 'ZeroDivisionError', not 'no such.name'",
        ),
        (lambda: RetryRule([]), "RetryRule: exception names nothing: give a class, a name or a list of them"),
        (
            lambda: RetryRule(KeyError, "again"),  # type: ignore[arg-type]
            "RetryRule: action 'again' must be one of RetryAction.RETRY, RetryAction.FAIL, RetryAction.DEFAULT",
        ),
        (
            lambda: RetryRule(KeyError, retry_delay="soon"),  # type: ignore[arg-type]
            "RetryRule: retry_delay must be a timedelta or seconds, not 'soon'",
        ),
        (
            lambda: ExceptionRetryPolicy([KeyError]),  # type: ignore[list-item]
            "ExceptionRetryPolicy: rules must be RetryRule objects, not <class 'KeyError'>",
        ),
    ],
)
def test_wrong_rules_are_refused(make: Any, message: str) -> None:
    with pytest.raises(DagError) as caught:
        make()
    assert str(caught.value) == message


def test_a_slip_of_the_pen_is_asked_about() -> None:
    with pytest.warns(FlowWarning, match="'ZeroDivisonError' is a name of the author's own, or is 'ZeroDivisionError'"):
        RetryRule("ZeroDivisonError")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RetryRule("HTTPError")
        RetryRule("KernelDied")


def test_a_task_takes_a_policy_and_nothing_else() -> None:
    class Own(RetryPolicy):
        def evaluate(self, exception: Any, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
            return RetryDecision.default()

    with DAG("d"):
        kept = EmptyOperator(task_id="kept", retry_policy=Own())
        with pytest.raises(DagError, match=r"task 'a_class': retry_policy is the class Own: give an object, Own\(…\)"):
            EmptyOperator(task_id="a_class", retry_policy=Own)
        with pytest.raises(DagError, match=r"retry_policy must be a RetryPolicy, e\.g\. Exc"):
            EmptyOperator(task_id="text", retry_policy="never")
    assert isinstance(kept.retry_policy, Own)
