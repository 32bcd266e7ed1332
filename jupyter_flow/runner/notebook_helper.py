"""The helper that a notebook's Python kernel gets: module ``jupyter_flow_helper``.

This file is sent to the kernel as text and runs there, in an environment that need not have jupyter_flow:
standard library only, IPython where it is there, and the package, if it is there, for values that are not plain JSON.
``from jupyter_flow import flow`` uses it too. What is pushed travels as display messages; a copy stays here, so that
the runner can fetch what was lost.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from datetime import datetime
from types import SimpleNamespace
from typing import Any

XCOM = "application/vnd.jupyter-flow.xcom+json"
METRIC = "application/vnd.jupyter-flow.metric+json"
PROGRESS = "application/vnd.jupyter-flow.progress+json"
ASK = "jupyter-flow-ask:"
SPOOL = "spool:"
MARK = "__jupyter_flow__"
DEFAULT = {"__jupyter_flow_default__": True}


class Context(dict[str, Any]):
    """The context of the task, as far as it is plain data."""

    def __missing__(self, key: str) -> Any:
        dated = "; this run has no logical date" if self and "logical_date" not in self else ""
        raise KeyError(f"the context has no {key!r}{dated}; there are: {', '.join(sorted(self))}")


context = Context()
_sent: list[tuple[str, dict[str, Any]]] = []
_sent_in_time: int | None = None
_in_task = False
_limit: int | None = None
_folder: str | None = None
_spills = False
_given: dict[tuple[str, str], Any] = {}


def xcom_push(key: str, value: Any) -> None:
    """Hand ``value`` to the other tasks of the DAG run, under ``key``.

    Raises TypeError if it cannot be an XCom, ValueError if it is too big. Outside a task it prints what it would push.
    """
    if not isinstance(key, str) or not key:
        raise TypeError(f"xcom_push: the key must be a text, not {key!r}")
    data = _to_json(key, value)
    text = json.dumps(data)
    size = len(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if _limit is not None and size > _limit:
        if not _spills:
            raise ValueError(f"xcom_push({key!r}): {size} bytes are more than {_limit}: write a file and push its path")
        reference, handle = _Files.create(".json")
        with handle:
            handle.write(text.encode())
        _send(XCOM, {"key": key, "value": None, "file": reference}, f"xcom_push {key}: {size} bytes")
        return
    _send(XCOM, {"key": key, "value": json.loads(text)}, f"xcom_push {key} = {text[:500]}")


def xcom_pull(task_ids: Any = None, key: Any = "return_value", default: Any = None, **more: Any) -> Any:
    """Return what the task ``task_ids`` pushed under ``key`` (a list of tasks gives a list), else ``default``.

    ``more``: ``dag_id``, ``run_id``, ``include_prior_dates``, ``map_indexes`` as for ``ti.xcom_pull``. Outside a task
    it returns ``default``; without one it raises LookupError.
    """
    one = task_ids is None or isinstance(task_ids, str)
    if not _in_task:
        if default is None:
            where = f"xcom_pull({task_ids!r}, {key!r})"
            raise LookupError(f"{where}: this notebook does not run as a task; give default= to work by hand")
        return default if one else [default for _ in task_ids]
    more = {name: value for name, value in more.items() if value}
    if not more and isinstance(task_ids, str) and (task_ids, key) in _given:
        return _from_json(_given[task_ids, key])
    if isinstance(more.get("map_indexes"), slice):
        cut = more["map_indexes"]
        more["map_indexes"] = {"slice": [cut.start, cut.stop, cut.step]}
    elif "map_indexes" in more and not isinstance(more["map_indexes"], int):
        more["map_indexes"] = list(more["map_indexes"])
    answer = _ask("xcom_pull", task_ids=task_ids if one else list(task_ids), key=key, default=DEFAULT, **more)
    if isinstance(answer, list):
        return [default if item == DEFAULT else _from_json(item) for item in answer]
    return default if answer == DEFAULT else _from_json(answer)


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


class TaskInstance(SimpleNamespace):
    """``ti``: what is known of the task instance, and its XComs."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Push an XCom."""
        xcom_push(key, value)

    def xcom_pull(
        self,
        task_ids: Any = None,
        dag_id: Any = None,
        key: Any = "return_value",
        include_prior_dates: bool = False,
        **more: Any,
    ) -> Any:
        """Return what ``task_ids`` pushed."""
        more.update(dag_id=dag_id, include_prior_dates=include_prior_dates)
        return xcom_pull(task_ids, key, more.pop("default", None), **more)

    def get_dagrun(self) -> Any:
        """Return the DAG run."""
        return context["dag_run"]


class Variables:
    """``var.value`` and ``var.json``: the runner is asked for them."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def get(self, key: str, default: Any = None) -> Any:
        """Return the variable ``key``, else ``default``."""
        found, text = _ask("variable_get", key=key)
        return default if not found else json.loads(text) if self._as_json else text

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        found = self.get(key, DEFAULT)
        if found is DEFAULT:
            raise LookupError(f"variable {key!r} is not set: set it with `jupyter flow variables set {key} VALUE`")
        return found

    __getitem__ = __getattr__


class _Files:
    """Files of this kernel's XComs: written to the attempt's folder, from where the runner takes them."""

    _count = 0

    @classmethod
    def create(cls, suffix: str) -> Any:
        """Return a new reference and its file, open for writing."""
        if _folder is None:
            raise TypeError("this notebook does not run as a task: there is no place for files")
        os.makedirs(_folder, mode=0o700, exist_ok=True)
        name = f"{cls._count}{suffix}"
        cls._count += 1
        return SPOOL + name, open(os.path.join(_folder, name), "xb")

    @staticmethod
    def open(reference: str) -> Any:
        """Return the file that the runner has put at this path."""
        return open(reference, "rb")


def _to_json(key: str, value: Any) -> Any:
    try:
        text = json.dumps(value, allow_nan=False)
        plain = json.loads(text)
        if plain == value and MARK not in text:
            return plain
    except (TypeError, ValueError, RecursionError):
        pass  # not plain JSON
    try:
        from jupyter_flow.authoring.serialization import serialize
    except ImportError:
        try:
            return json.loads(json.dumps(value, allow_nan=False, default=_scalar))
        except (TypeError, ValueError, RecursionError):
            name = type(value).__name__
            raise TypeError(
                f"xcom_push({key!r}): a value of type {name} is not JSON: push plain values or a path, "
                "or install jupyterlab-flow into the environment of this kernel"
            ) from None
    return serialize(value, files=_Files() if _in_task else None, place=f"xcom_push({key!r})")


def _from_json(data: Any) -> Any:
    if MARK not in json.dumps(data):
        return data
    try:
        from jupyter_flow.authoring.serialization import deserialize
    except ImportError:
        return data  # the typed value as JSON: this environment cannot make more of it
    return deserialize(data, files=_Files(), strict=False)


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


def _read(values: dict[str, Any]) -> Any:
    """Make of the snapshot's objects what they stand for: instants, and things with attributes."""
    if set(values) == {"$instant"}:
        return datetime.fromisoformat(values["$instant"])
    return SimpleNamespace(**values["$object"]) if set(values) == {"$object"} else values


def _start(snapshot: str) -> None:
    """Called once by the runner: ``snapshot`` is the JSON text of the context, the XComs and their limits."""
    global _in_task, _limit, _folder, _spills
    data = json.loads(snapshot)
    context.update(json.loads(json.dumps(data["context"]), object_hook=_read))
    context["ti"] = context["task_instance"] = TaskInstance(**vars(context["ti"]))
    context["var"] = SimpleNamespace(value=Variables(False), json=Variables(True))
    _given.update({(task_id, key): value for task_id, key, value in data["xcoms"]})
    _limit, _folder, _spills = data["limit"], data["folder"], data["spills"]
    _in_task = True


def _pause() -> str:
    """Called by the runner when a cell has failed and the kernel is kept: what is sent now is only tried out."""
    global _sent_in_time
    _sent_in_time = len(_sent)
    return ""


def _go_on(snapshot: str) -> None:
    """Called by the runner of the next attempt, which goes on with this kernel."""
    global _sent_in_time
    if _sent_in_time is not None:
        del _sent[_sent_in_time:]
    _sent_in_time = None
    _start(snapshot)


def _summary() -> str:
    """Called by the runner at the end: how many messages were sent, and their digest."""
    digest = hashlib.sha256()
    for _, data in _sent:
        digest.update(json.dumps(data, sort_keys=True).encode())
    return json.dumps({"count": len(_sent), "digest": digest.hexdigest()})


def _all_sent() -> str:
    """Called by the runner when messages were lost: all of them."""
    return json.dumps(_sent)
