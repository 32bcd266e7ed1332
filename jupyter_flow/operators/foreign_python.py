"""Functions that run in another interpreter: one that is there, or a virtual environment made for them.

Values cross as JSON and typed values, never as pickle; the function crosses as its source.
"""

from __future__ import annotations

import inspect
import json
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError, FlowSkipException, TaskFailure
from ..authoring.location import warn
from ..authoring.serialization import SerializationError, deserialize, serialize
from ..model.reason import Reason
from .process import environment, run
from .python import PythonOperator, call_arguments

CONTEXT = frozenset(
    {
        *("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "run_id", "task_instance_key_str", "params"),
        *("dag_id", "task_id", "map_index", "try_number", "test_mode", "expanded_ti_count", "task_reschedule_count"),
        *("logical_date", "data_interval_start", "data_interval_end", "partition_key"),
        *("prev_data_interval_start_success", "prev_data_interval_end_success"),
        *("prev_start_date_success", "prev_end_date_success", "execution_date", "next_execution_date"),
        *("next_ds", "next_ds_nodash", "prev_ds", "prev_ds_nodash", "yesterday_ds", "yesterday_ds_nodash"),
        *("tomorrow_ds", "tomorrow_ds_nodash", "prev_execution_date", "prev_execution_date_success", "templates_dict"),
    }
)
"""Names of the context that can go along: plain values and instants."""
_SCRIPT = Path(__file__).with_name("foreign_call.py")
_SKIPS = frozenset({"FlowSkipException", "AirflowSkipException"})
_FAILS = frozenset({"FlowFailException", "AirflowFailException"})


class ForeignPythonOperator(PythonOperator):
    """Base of operators that call ``python_callable`` in another interpreter.

    The function must be complete in itself: it imports what it uses. Arguments and result are plain values (JSON),
    dates, times, sets, tuples, bytes, decimals, UUIDs or paths. Context values that are plain are passed by name.
    ``string_args``: text that the function finds as ``virtualenv_string_args``. ``skip_on_exit_code``: exit codes
    that skip the task. ``env_vars``: environment variables, besides ours or alone (``inherit_env=False``).

    Raises :class:`DagError` for a function that uses names of the file around it.
    """

    spec_fields: ClassVar[Sequence[str]] = (*PythonOperator.spec_fields, "string_args")

    def __init__(
        self,
        task_id: str,
        python_callable: Callable[..., Any],
        *,
        serializer: str | None = None,
        use_dill: bool | None = None,
        string_args: Iterable[str] | None = None,
        expect_airflow: bool = True,
        expect_pendulum: bool = False,
        skip_on_exit_code: int | Iterable[int] | None = None,
        env_vars: Mapping[str, str] | None = None,
        inherit_env: bool = True,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, python_callable, **operator_args)
        where = f"task {task_id!r}"
        _check_serializer(where, serializer, use_dill)
        self.source = _source(where, python_callable)
        self.string_args = [str(item) for item in string_args or ()]
        # what they ask to look for is not looked for: nothing of either crosses
        self.expect_airflow, self.expect_pendulum = bool(expect_airflow), bool(expect_pendulum)
        codes = [] if skip_on_exit_code is None else skip_on_exit_code
        self.skip_on_exit_code = [
            checks.whole(where, "skip_on_exit_code", code) for code in ([codes] if isinstance(codes, int) else codes)
        ]
        self.env_vars = checks.environment(where, env_vars)
        self.inherit_env = bool(inherit_env)

    @abstractmethod
    def interpreter(self, context: Context) -> Path:
        """Return the interpreter that is to call the function."""

    def execute(self, context: Context) -> Any:
        """Call the function over there and return what it returns."""
        import tempfile  # late, as what it imports would make every runner larger

        kwargs = self._arguments(context)
        python = self.interpreter(context)
        with tempfile.TemporaryDirectory(prefix="jupyter-flow-call-") as folder:
            script, request, answer = (Path(folder, name) for name in ("script.py", "call.json", "answer.json"))
            script.write_text(self.source, encoding="utf-8")
            try:
                values = {"args": serialize(self.op_args), "kwargs": serialize(kwargs)}
            except SerializationError as error:
                raise TaskFailure(
                    Reason("interpreter", {"message": f"an argument cannot go along: {error}"}), no_retry=True
                ) from None
            facts = {"script": str(script), "function": self.callable_name, "string_args": self.string_args}
            request.write_text(json.dumps({**facts, **values}), encoding="utf-8")
            command = [str(python), str(_SCRIPT), str(request), str(answer)]
            code = run(command, env=self._environment())
            return self._result(code, answer)

    def _arguments(self, context: Context) -> dict[str, Any]:
        known = {name: value for name, value in context.items() if name in CONTEXT and _is_plain(value)}
        known["templates_dict"] = self.templates_dict
        kwargs = call_arguments(self.python_callable, self.op_args, self.op_kwargs, known)
        try:
            inspect.signature(self.python_callable).bind(*self.op_args, **kwargs)
        except TypeError as error:
            message = f"{self.callable_name}(): {error}; of the context only plain values go along, not ti, dag or task"
            raise TaskFailure(Reason("interpreter", {"message": message}), no_retry=True) from None
        return kwargs

    def _environment(self) -> dict[str, str]:
        given = dict(self.env_vars or {})
        env = environment(given, append=self.inherit_env) or {}
        folder = os.path.dirname(self.python_callable.__code__.co_filename)
        if os.path.isdir(folder):  # modules beside the DAG file can be imported there too
            env["PYTHONPATH"] = os.pathsep.join(item for item in (env.get("PYTHONPATH"), folder) if item)
        return env

    def _result(self, code: int, answer: Path) -> Any:
        if code in self.skip_on_exit_code:
            raise FlowSkipException(f"the function ended with exit code {code}")
        if not answer.exists():
            if code < 0:
                raise TaskFailure(Reason("signal", {"signal": -code}))
            raise TaskFailure(Reason("exit_code", {"exit_code": code}))
        found = json.loads(answer.read_text(encoding="utf-8"))
        if (error := found.get("error")) is not None:
            if error["type"] in _SKIPS:
                raise FlowSkipException(error["message"])
            raise TaskFailure(Reason("exception", error), no_retry=error["type"] in _FAILS)
        return deserialize(found["value"])


def _source(where: str, function: Any) -> str:
    from .function_source import source_of

    return source_of(where, function)


def _check_serializer(where: str, serializer: Any, use_dill: Any) -> None:
    if use_dill or serializer in ("dill", "cloudpickle"):
        name = "dill" if use_dill else serializer
        raise DagError(f"{where}: values cross as JSON here, not by {name}: pass plain values or the path of a file")
    if serializer == "pickle":
        warn(f"{where}: values cross as JSON here, not by pickle: leave out serializer")
    elif serializer not in (None, "json"):
        raise DagError(f"{where}: serializer {serializer!r} is unknown: values cross as JSON, leave it out")


def _is_plain(value: Any) -> bool:
    if isinstance(value, datetime):
        return True
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
