"""What an attempt does around ``execute``: hooks, the execute callback, a mapped task's label, the retry policy."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ..authoring.exceptions import FlowFailException, FlowSensorTimeout, TaskFailure
from ..authoring.operator import BaseOperator
from ..model.reason import Reason
from ..model.records import LONGEST_DELAY, Workload
from .interrupts import Interrupted
from .verdict import Verdict

LONGEST_LABEL = 250
"""Characters of a mapped task instance's name."""


def carry_out(operator: BaseOperator, context: Mapping[str, Any]) -> None:
    """Execute the task: before it ``pre_execute`` and the execute callbacks, after it ``post_execute``, then XComs."""
    for hook in (getattr(operator, "_pre_execute_hook", None), operator.pre_execute):
        if hook is not None:
            hook(context)
    for callback in callbacks_of(operator, "on_execute_callback"):
        _called(callback, context)
    try:
        result = operator.execute(context)
    except Interrupted:
        _cleaned_up(operator)
        raise
    for hook in (getattr(operator, "_post_execute_hook", None), operator.post_execute):
        if hook is not None:
            hook(context, result)
    operator.finish(context, result)


def enter(folder: str) -> None:
    """Make ``folder`` the working folder. Raises TaskFailure if it is none."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise TaskFailure(Reason("cwd", {"path": folder, "message": error.strerror or str(error)})) from None


def callbacks_of(owner: Any, name: str) -> list[Callable[..., Any]]:
    """Return the callbacks that ``owner`` has under ``name``: none, one or several."""
    found = getattr(owner, name, None)
    if found is None:
        return []
    return list(found) if isinstance(found, (list, tuple)) else [found]


def label_of(workload: Workload, context: Mapping[str, Any] | None) -> str | None:
    """Return the rendered ``map_index_template``; None without one, or if it cannot be rendered (which is said).

    Names that the task has put into its context (``get_current_context()["name"] = …``) can be used in it.
    """
    template = workload.task.map_index_template
    if template is None or context is None:
        return None
    from .templating import Renderer

    names = {**context, **getattr(context, "for_templates", {})}
    names.pop("runtime", None)
    try:
        return str(Renderer(names).render(template, "map_index_template"))[:LONGEST_LABEL]
    except TaskFailure as error:
        sys.stderr.write(f"{error}\n")
        return None


def after_policy(
    verdict: Verdict,
    error: BaseException,
    operator: BaseOperator | None,
    workload: Workload,
    context: Mapping[str, Any] | None,
) -> Verdict:
    """Return ``verdict`` as the task's ``retry_policy`` wants it. It is not asked when another try is out already."""
    policy = getattr(operator, "retry_policy", None)
    if policy is None or verdict.outcome != "failed" or verdict.no_retry:
        return verdict
    if isinstance(error, (FlowFailException, FlowSensorTimeout)):
        return verdict
    try:
        decision = policy.evaluate(
            exception=error, try_number=workload.try_number, max_tries=workload.max_tries, context=context
        )
        action = str(getattr(decision.action, "value", decision.action))
        delay = decision.retry_delay
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
        if seconds is not None and not 0 <= seconds < LONGEST_DELAY:
            raise ValueError(f"retry_delay {delay!r} must be from 0 s to a year")
    except Exception as problem:
        sys.stderr.write("the retry_policy failed: the task's own retries count\n")
        traceback.print_exception(problem)
        return verdict
    if action == "default":
        return verdict
    if decision.reason:
        sys.stderr.write(f"retry_policy: {action}: {decision.reason}\n")
    if action == "fail":
        return replace(verdict, no_retry=True)
    return replace(verdict, retry_delay=seconds)


def _cleaned_up(operator: BaseOperator) -> None:
    """Let an operator that is interrupted clean up; what its ``on_kill`` raises is shown."""
    try:
        operator.on_kill()
    except Exception as error:
        sys.stderr.write("on_kill failed\n")
        traceback.print_exception(error)


def _called(callback: Callable[..., Any], context: Mapping[str, Any]) -> None:
    """Call an execute callback; what it raises is shown and keeps nothing from going on."""
    try:
        callback(context)
    except Exception as error:
        sys.stderr.write("on_execute_callback failed: the task goes on\n")
        traceback.print_exception(error)
