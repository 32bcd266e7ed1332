"""Templates of tasks: sandboxed jinja2, rendered in the runner, bounded in time and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.nativetypes import NativeEnvironment
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from ..authoring.checks import suggestion
from ..authoring.exceptions import FlowException, TaskFailure, XComNotFound
from ..authoring.operator import BaseOperator, is_template_file
from ..authoring.template_names import is_template
from ..authoring.xcom_arg import XComArg
from ..model.reason import Reason
from .bounds import TimeUp, bounded
from .macros import FILTERS
from .task_context import TaskContext

MAX_SECONDS = 0.5
"""Processor time for all templates of a task."""
MAX_MEMORY = 40 * 1024 * 1024
MAX_TEXT = 1_000_000
"""Characters in one rendered text."""
SHOWN = 10_000
"""Characters of a rendered text that the record keeps."""
_REMOVED = {
    "prev_ds": "macros.ds_add(ds, -1) or prev_data_interval_start_success | ds",
    "prev_ds_nodash": "prev_data_interval_start_success | ds_nodash",
    "prev_execution_date": "prev_data_interval_start_success",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "conf": "dag_run.conf",
    "dag_conf": "dag_run.conf",
}


class _Refused(Exception):
    """A template asks for more than it may have."""


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply, but nothing that gets huge."""
        if operator == "**":
            if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_TEXT:
                raise _Refused(f"{left} ** {right} is too large")
        else:
            for one, many in ((left, right), (right, left)):
                if isinstance(one, (str, bytes, Sequence)) and isinstance(many, int) and len(one) * many > MAX_TEXT:
                    raise _Refused(f"the result of * is longer than {MAX_TEXT}")
        return super().call_binop(context, operator, left, right)


class _NativeSandbox(_Sandbox, NativeEnvironment):
    """Results of templates as Python values."""


def render(
    operator: BaseOperator,
    context: Mapping[str, Any],
    *,
    native: bool = False,
) -> dict[str, Any]:
    """Render the template fields of ``operator`` in place and return them as JSON for the record.

    ``context``: as from ``task_context.build_context``. ``native``: a field that is one expression keeps its type.

    Raises :class:`TaskFailure` with reason ``template``.
    """
    if isinstance(context, TaskContext):
        renderer = Renderer(context.for_templates, native=native, folders=context.template_folders)
    else:
        renderer = Renderer(context, native=native)
    rendered: dict[str, Any] = {}
    for field in operator.template_fields:
        value = renderer.render(getattr(operator, field), field, operator.template_ext)
        setattr(operator, field, value)
        if value is not None:
            rendered[field] = shown(value)
    return rendered


class Renderer:
    """Renders values with one context. The bounds hold for all of its work together.

    ``folders``: where template files (``.sh`` …, ``{% include %}``) are looked for, in this order.
    """

    def __init__(self, context: Mapping[str, Any], *, native: bool = False, folders: Iterable[str] = ()) -> None:
        self._context = context
        cls = _NativeSandbox if native else _Sandbox
        self._environment = cls(
            undefined=_undefined_type(context),
            loader=FileSystemLoader(list(folders)),
            autoescape=False,
            cache_size=0,
            keep_trailing_newline=True,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.pop("lipsum", None)
        self._left = MAX_SECONDS

    def render(self, value: Any, field: str, extensions: Sequence[str] = ()) -> Any:
        """Return ``value`` with every text in it rendered and every XComArg resolved.

        Raises :class:`TaskFailure` with reason ``template`` that names ``field`` and the place in it.
        """
        if isinstance(value, XComArg):
            return self._guarded(field, lambda: value.resolve(self._context))
        if isinstance(value, str):
            if extensions and is_template_file(value, extensions):
                return self._guarded(field, lambda: self._text(self._environment.get_template(_posix(value))))
            if not is_template(value):
                return value
            return self._guarded(field, lambda: self._text(self._environment.from_string(value)))
        if isinstance(value, Mapping):
            return {key: self.render(item, f"{field}[{key!r}]") for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.render(item, f"{field}[{index}]") for index, item in enumerate(value)))
        if isinstance(value, (list, tuple)):
            return type(value)(self.render(item, f"{field}[{index}]") for index, item in enumerate(value))
        if isinstance(value, set):
            return {self.render(item, field) for item in value}
        return value

    def _text(self, template: Any) -> Any:
        result = template.render(self._context)
        if isinstance(result, (str, bytes, list, dict)) and len(result) > MAX_TEXT:
            raise _Refused(f"the result is longer than {MAX_TEXT}")
        return result

    def _guarded(self, field: str, work: Any) -> Any:
        started = time.process_time()
        try:
            with bounded(self._left, MAX_MEMORY):
                result = work()
            self._left = max(self._left - (time.process_time() - started), 0.01)
            return result
        except TimeUp:
            raise _failure(field, "takes too long: a template is for short texts") from None
        except MemoryError:
            raise _failure(field, "needs too much memory: a template is for short texts") from None
        except (_Refused, OverflowError) as error:
            raise _failure(field, str(error)) from None
        except SecurityError as error:
            raise _failure(field, f"not allowed in a template: {error}") from None
        except UndefinedError as error:
            raise _failure(field, str(error.message)) from None
        except TemplateNotFound as error:
            raise _failure(field, f"there is no template file {error.name!r} in the folder of the DAG file") from None
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            raise _failure(field, f"line {line}: {error.message}" if line else str(error.message)) from None
        except RecursionError:
            raise _failure(field, "nested too deeply") from None
        except XComNotFound as error:
            raise TaskFailure(Reason("template", {"field": field, "message": str(error)})) from None
        except FlowException:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise TaskFailure(Reason("template", {"field": field, "message": _line(text)})) from error


def shown(value: Any) -> Any:
    """Return a rendered value as JSON for the record: long texts cut, other objects as text."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, str):
        return value if len(value) <= SHOWN else f"{value[:SHOWN]}… ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {str(key): shown(item) for key, item in list(value.items())[:1000]}
    if isinstance(value, (list, tuple, set)):
        return [shown(item) for item in list(value)[:1000]]
    return shown(str(value))


def _posix(path: str) -> str:
    return os.path.normpath(path).replace(os.sep, "/")


def _line(text: str) -> str:
    return " ".join(text.split())[:500]


def _failure(field: str, message: str) -> TaskFailure:
    return TaskFailure(Reason("template", {"field": field, "message": _line(message)}), no_retry=True)


def _undefined_type(context: Mapping[str, Any]) -> type[Undefined]:
    names = sorted(context)

    class Unknown(StrictUndefined):
        """Any use of a name that is not there is an error that lists what is."""

        __slots__ = ()

        @property
        def _undefined_message(self) -> str:
            name = self._undefined_name
            if self._undefined_hint:
                return self._undefined_hint
            if self._undefined_obj is not missing:
                return self._missing_part(str(name))
            if name in _REMOVED:
                return f"{name!r} is not in a template any more: use {_REMOVED[name]}"
            if "ds" not in names and name in ("ds", "ds_nodash", "ts", "ts_nodash", "logical_date"):
                return f"{name!r} is undefined: this run has no logical date"
            return f"{name!r} is undefined{suggestion(str(name), names)}; there are: {', '.join(names)}"

        def _missing_part(self, name: str) -> str:
            owner = self._undefined_obj
            known = owner if isinstance(owner, Mapping) else getattr(owner, "__dict__", ())
            parts = sorted(str(item) for item in known if not str(item).startswith("_"))
            what = min((key for key in names if context[key] is owner), key=len, default=f"this {type(owner).__name__}")
            there = f"; there are: {', '.join(parts[:50])}" if parts else ""
            return f"{name!r} is not in {what}{suggestion(name, parts)}{there}"

    return Unknown
