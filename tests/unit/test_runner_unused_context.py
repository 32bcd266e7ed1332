"""The context of a task is made when somebody looks into it, and is a dict like any other to whoever does."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from support.workloads import workload

from jupyter_flow.authoring.template_names import CONTEXT_NAMES
from jupyter_flow.operators.python import call, call_arguments
from jupyter_flow.runner import task_context
from jupyter_flow.runner.task_context import TaskChannel, TaskContext, build_context

LOOKS: dict[str, Callable[[Any], Any]] = {
    "an item": lambda context: context["ti"],
    "get": lambda context: context.get("ti"),
    "in": lambda context: "ti" in context,
    "iteration": lambda context: "ti" in set(context),
    "items": lambda context: dict(context.items())["ti"],
    "keys": lambda context: "ti" in context.keys(),  # noqa: SIM118
    "values": lambda context: len(context.values()),
    "length": len,
    "a copy": lambda context: context.copy()["ti"],
    "copy.copy": lambda context: copy.copy(context)["ti"],
    "dict": lambda context: dict(context)["ti"],
    "**": lambda context: {**context}["ti"],
    "keyword arguments": lambda context: (lambda **names: names["ti"])(**context),
    "|": lambda context: (context | {})["ti"],
    "| from the left": lambda context: ({} | context)["ti"],
    "update of another": lambda context: _updated(context)["ti"],
    "pop": lambda context: context.pop("ti"),
    "setdefault": lambda context: context.setdefault("ti", None),
    "comparison": lambda context: context != {},
    "repr": lambda context: "ti" in repr(context),
    "JSON": lambda context: "map_index" in json.dumps(context, default=str),
    "bool": bool,
}


def _updated(context: Any) -> dict[str, Any]:
    other: dict[str, Any] = {}
    other.update(context)
    return other


def fresh() -> TaskContext:
    work = workload()
    return build_context(work, TaskChannel(work))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that the values of a context are made."""
    times: list[str] = []
    inner = task_context._values_of

    def counted(*args: Any) -> dict[str, Any]:
        times.append("made")
        return inner(*args)

    monkeypatch.setattr(task_context, "_values_of", counted)
    return times


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_whole_for_whoever_looks(look: str, made: list[str]) -> None:
    context = fresh()
    assert not made
    assert LOOKS[look](context)
    assert made == ["made"]
    assert type(context) is TaskContext


def test_what_is_set_first_stays(made: list[str]) -> None:
    context = fresh()
    context["ti"] = "mine"
    assert (context["ti"], context["run_id"]) == ("mine", context["dag_run"].run_id)
    assert made == ["made"]


def test_a_function_that_asks_for_nothing_costs_no_context(made: list[str]) -> None:
    context = fresh()
    assert call(lambda number, *, more: number + more, [1], {"more": 2}, context, context) == 3
    assert not made
    assert call(lambda run_id: run_id, [], {}, context, context) == context["run_id"]
    assert call(lambda context: context, [], {}, {}, context) is context


def test_arguments_by_the_code_are_those_by_the_signature() -> None:
    context = dict.fromkeys(CONTEXT_NAMES, "value")

    def only_positional(ds: str, /, ti: Any, *, params: Any, **rest: Any) -> None: ...
    def without_rest(ds: str, /, ti: Any, run_id: Any, *args: Any, params: Any, other: Any = 1) -> None: ...

    functions: tuple[Any, ...] = (only_positional, without_rest)
    for function in functions:
        for args in ([], ["a"], ["a", "b"]):
            found = call_arguments(function, args, {"params": 1}, context)
            function.by_signature = True  # a function that is not plain: inspect is asked
            assert call_arguments(function, args, {"params": 1}, context) == found
            vars(function).clear()
    assert set(call_arguments(without_rest, ["a", "b"], {}, context)) == {"run_id", "params"}
