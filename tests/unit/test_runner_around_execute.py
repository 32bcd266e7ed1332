"""What happens around ``execute``: hooks, callbacks, labels, retry policies, and ends that are no failures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from support.workloads import workload as make_workload

from jupyter_flow.authoring.exceptions import (
    FlowFailException,
    FlowRescheduleException,
    FlowSensorTimeout,
    FlowTaskTimeout,
)
from jupyter_flow.authoring.operator import BaseOperator
from jupyter_flow.model.reason import Reason
from jupyter_flow.runner.around_execute import after_policy, callbacks_of, carry_out, label_of
from jupyter_flow.runner.interrupts import Interrupted, TimeIsUp
from jupyter_flow.runner.task_channel import TaskChannel
from jupyter_flow.runner.verdict import Verdict, of_exception


class Steps(BaseOperator):
    """Writes down what is called."""

    def __init__(self, task_id: str = "steps", **more: Any) -> None:
        super().__init__(task_id, **more)
        self.steps: list[str] = []

    def pre_execute(self, context: Any) -> None:
        self.steps.append("pre_execute")

    def execute(self, context: Any) -> Any:
        self.steps.append("execute")
        return "result"

    def post_execute(self, context: Any, result: Any = None) -> None:
        self.steps.append(f"post_execute {result}")

    def finish(self, context: Any, result: Any) -> None:
        self.steps.append(f"finish {result}")


def test_the_order_of_hooks_and_callbacks(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Steps()

    def failing(context: Any) -> None:
        raise ValueError("no")

    operator.on_execute_callback = [failing, lambda context: operator.steps.append("callback")]
    operator._pre_execute_hook = lambda context: operator.steps.append("pre hook")
    operator._post_execute_hook = lambda context, result: operator.steps.append(f"post hook {result}")
    carry_out(operator, {})
    assert operator.steps == [
        "pre hook",
        "pre_execute",
        "callback",
        "execute",
        "post hook result",
        "post_execute result",
        "finish result",
    ]
    assert "on_execute_callback failed: the task goes on" in capsys.readouterr().err


def test_callbacks_are_none_one_or_several() -> None:
    assert callbacks_of(SimpleNamespace(), "on_execute_callback") == []
    assert callbacks_of(SimpleNamespace(on_execute_callback=print), "on_execute_callback") == [print]
    assert callbacks_of(SimpleNamespace(on_execute_callback=[print, repr]), "on_execute_callback") == [print, repr]


def test_a_label_uses_what_the_task_put_into_its_context(capsys: pytest.CaptureFixture[str]) -> None:
    workload = make_workload()
    assert label_of(workload, {"ds": "2026-01-01"}) is None
    named = replace(workload, task=replace(workload.task, map_index_template="{{ town }} of {{ ds }}"))
    assert label_of(named, {"ds": "2026-01-01", "town": "Bonn"}) == "Bonn of 2026-01-01"
    assert label_of(named, {"ds": "2026-01-01"}) is None
    assert "'town' is undefined" in capsys.readouterr().err


def test_a_reschedule_is_an_end_of_its_own() -> None:
    verdict = of_exception(FlowRescheduleException(datetime(2026, 1, 1, 12)), None)
    assert (verdict.outcome, verdict.reschedule_at) == ("up_for_reschedule", "2026-01-01T12:00:00+00:00")
    assert str(verdict.reason) == "to be started again at 2026-01-01T12:00:00+00:00"
    with pytest.raises(TypeError, match="must be a datetime, not 'soon'"):
        FlowRescheduleException("soon")  # type: ignore[arg-type]


def test_a_sensor_that_waited_too_long_is_not_tried_again() -> None:
    assert of_exception(FlowSensorTimeout("nothing came"), None).no_retry


def test_the_end_of_execution_timeout_can_be_caught_by_its_name() -> None:
    assert issubclass(TimeIsUp, FlowTaskTimeout)
    assert issubclass(TimeIsUp, Interrupted)
    assert not issubclass(FlowTaskTimeout, Exception)
    assert TimeIsUp().cause == "timeout"


@dataclass
class Decision:
    action: Any
    retry_delay: Any = None
    reason: str | None = None


@pytest.mark.parametrize(
    ("decision", "no_retry", "delay"),
    [
        (Decision("default"), False, None),
        (Decision("fail", reason="no use"), True, None),
        (Decision("retry", timedelta(minutes=2)), False, 120.0),
        (Decision("retry"), False, None),
        (Decision("retry", timedelta(days=-1)), False, None),
        (None, False, None),
    ],
)
def test_a_retry_policy_may_fail_early_or_change_the_delay(decision: Any, no_retry: bool, delay: float | None) -> None:
    asked: list[Any] = []

    class Policy:
        def evaluate(self, exception: Any, try_number: int, max_tries: int, context: Any = None) -> Any:
            asked.append((exception, try_number, max_tries))
            return decision

    operator = Steps()
    operator.retry_policy = Policy()
    error = ValueError("no")
    failed = Verdict("failed", Reason("exception"))
    workload = replace(make_workload(), try_number=2, max_tries=4)
    after = after_policy(failed, error, operator, workload, None)
    assert (after.outcome, after.no_retry, after.retry_delay) == ("failed", no_retry, delay)
    assert asked == [(error, 2, 4)]
    for final in (FlowFailException("x"), FlowSensorTimeout("x")):
        after_policy(of_exception(final, None), final, operator, workload, None)
    after_policy(Verdict("skipped", Reason("skip")), error, operator, workload, None)
    assert len(asked) == 1


def test_what_a_branch_follows_is_checked() -> None:
    channel = TaskChannel(make_workload())
    channel.follow({"branch": ("a", "b")})
    assert channel.followed == {"branch": ["a", "b"]}
    channel.follow({"short_circuit": "direct"})
    assert channel.followed == {"short_circuit": "direct"}
    for wrong in ({"branch": "a"}, {"short_circuit": "some"}, {}, {"branch": [1]}):
        with pytest.raises(ValueError, match="follow"):
            channel.follow(wrong)
