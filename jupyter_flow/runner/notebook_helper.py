"""The helper that a notebook's Python kernel gets: module ``jupyter_flow_helper``.

This file is sent to the kernel as text and runs there, in an environment that need not have jupyter_flow:
standard library only, and IPython where it is there. ``from jupyter_flow import flow`` uses it too.
What is pushed travels as display messages; a copy stays here, so that the runner can fetch what was lost.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

XCOM = "application/vnd.jupyter-flow.xcom+json"
METRIC = "application/vnd.jupyter-flow.metric+json"
PROGRESS = "application/vnd.jupyter-flow.progress+json"
ASK = "jupyter-flow-ask:"

context: dict[str, Any] = {}
_sent: list[tuple[str, dict[str, Any]]] = []
_in_task = False
_limit: int | None = None
_given: dict[tuple[str, str], Any] = {}


def xcom_push(key: str, value: Any) -> None:
    """Hand ``value`` (JSON) to the other tasks of the DAG run, under ``key``.

    Raises TypeError if it is not JSON, ValueError if it is too big. Outside a task it prints what it would push.
    """
    if not isinstance(key, str) or not key:
        raise TypeError(f"xcom_push: the key must be a text, not {key!r}")
    try:
        text = json.dumps(value, allow_nan=False, default=_scalar)
    except (TypeError, ValueError, RecursionError):
        name = type(value).__name__
        raise TypeError(
            f"xcom_push({key!r}): a value of type {name} is not JSON: push plain values or a path"
        ) from None
    size = len(json.dumps(value, ensure_ascii=False, default=_scalar).encode("utf-8", "surrogatepass"))
    if _limit is not None and size > _limit:
        raise ValueError(f"xcom_push({key!r}): {size} bytes are more than {_limit}: write a file and push its path")
    _send(XCOM, {"key": key, "value": json.loads(text)}, f"xcom_push {key} = {text[:500]}")


def xcom_pull(task_ids: Any, key: str = "return_value", default: Any = None) -> Any:
    """Return what the task ``task_ids`` pushed under ``key`` (a list of tasks gives a list), else ``default``.

    Outside a task it returns ``default``; without one it raises LookupError.
    """
    if not isinstance(task_ids, str):
        return [xcom_pull(task_id, key, default) for task_id in task_ids]
    if not _in_task:
        if default is None:
            where = f"xcom_pull({task_ids!r}, {key!r})"
            raise LookupError(f"{where}: this notebook does not run as a task; give default= to work by hand")
        return default
    if (task_ids, key) not in _given:
        found, value = _ask("xcom_pull", task_id=task_ids, key=key)
        if not found:
            return default
        _given[task_ids, key] = value
    return _given[task_ids, key]


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """Record the number ``value`` of the metric ``name``, at ``step`` if given."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"log_metric({name!r}): {value!r} is not a finite number")
    _send(METRIC, {"name": str(name), "value": number, "step": step}, f"{name} = {value}")


def progress(fraction: float, text: str = "") -> None:
    """Say how far the notebook is: ``fraction`` from 0 to 1."""
    number = min(max(float(fraction), 0.0), 1.0)
    _send(PROGRESS, {"fraction": number, "text": str(text)}, f"{number:.0%} {text}")


def _send(mime: str, data: dict[str, Any], words: str) -> None:
    if not _in_task:
        print("[not in a task]", words)  # noqa: T201 - a notebook run by hand shows what it would do
        return
    data["n"] = len(_sent) + 1
    _sent.append((mime, data))
    from IPython.display import display

    display({mime: data, "text/plain": words}, raw=True)


def _scalar(value: Any) -> Any:
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return value.item()
    raise TypeError(type(value).__name__)


def _ask(op: str, **arguments: Any) -> Any:
    from IPython import get_ipython

    kernel = get_ipython().kernel
    allowed = kernel._allow_stdin
    kernel._allow_stdin = True
    try:
        answer = json.loads(kernel.raw_input(ASK + json.dumps({"op": op, "args": arguments})))
    finally:
        kernel._allow_stdin = allowed
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["ok"]


def _start(snapshot: str) -> None:
    """Called once by the runner: ``snapshot`` is the JSON text of the context, the XComs and the limit."""
    global _in_task, _limit
    data = json.loads(snapshot)
    context.update(data["context"])
    _given.update({(item["task_id"], item["key"]): item["value"] for item in data["xcoms"]})
    _limit = data["limit"]
    _in_task = True


def _summary() -> str:
    """Called by the runner at the end: how many messages were sent, and their digest."""
    digest = hashlib.sha256()
    for _, data in _sent:
        digest.update(json.dumps(data, sort_keys=True).encode())
    return json.dumps({"count": len(_sent), "digest": digest.hexdigest()})


def _all_sent() -> str:
    """Called by the runner when messages were lost: all of them."""
    return json.dumps(_sent)
