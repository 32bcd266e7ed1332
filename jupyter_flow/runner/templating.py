"""Templates of tasks: sandboxed jinja2, rendered in the runner, bounded in time and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
from ..authoring.template_names import DATE_NAMES, EXTENSIONS, OLD_NAMES, is_template
from ..authoring.xcom_arg import templated_attributes
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
_OWN_SECONDS, _OWN_MEMORY = 30.0, 1 << 30
"""The bounds where the author's macros or filters take part: they are code like the task's."""


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


@dataclass(frozen=True)
class TemplateOptions:
    """What the author of a DAG set for its templates."""

    macros: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, Any] = field(default_factory=dict)
    undefined: type[Undefined] | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, dag: Any) -> TemplateOptions:
        """Return the options of ``dag`` (None: none)."""
        return cls(
            getattr(dag, "user_defined_macros", None) or {},
            getattr(dag, "user_defined_filters", None) or {},
            getattr(dag, "template_undefined", None),
            getattr(dag, "jinja_environment_kwargs", None) or {},
        )


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
    options = TemplateOptions.of(operator.dag)
    if isinstance(context, TaskContext):
        folders = context.template_folders
        _check_folders(folders, context.roots)
        renderer = Renderer(context.for_templates, native=native, folders=folders, options=options)
    else:
        renderer = Renderer(context, native=native, options=options)
    rendered: dict[str, Any] = {}
    for name in operator.template_fields:
        value = renderer.render(getattr(operator, name), name, operator.template_ext)
        setattr(operator, name, value)
        if name == "templates_dict" and isinstance(context, dict):
            context[name] = value
        if value is not None:
            rendered[name] = shown(value)
    return rendered


def _check_folders(folders: Sequence[str], roots: Sequence[str]) -> None:
    """Refuse to read templates of another place than the roots, whatever ``template_searchpath`` says."""
    for folder in folders[1::2]:  # the folders on disk; their pinned copies stand before them
        if not any(Path(folder).resolve().is_relative_to(Path(root).resolve()) for root in roots):
            raise _failure("template_searchpath", f"{folder} lies outside the root {roots[0]}")


class Renderer:
    """Renders values with one context. The bounds hold for all of its work together.

    ``folders``: where template files (``.sh`` …, ``{% include %}``) are looked for, in this order.
    """

    def __init__(
        self,
        context: Mapping[str, Any],
        *,
        native: bool = False,
        folders: Iterable[str] = (),
        options: TemplateOptions = TemplateOptions(),
    ) -> None:
        self._context = {**options.macros, **context}
        cls = _NativeSandbox if native else _Sandbox
        settings: dict[str, Any] = {
            "undefined": options.undefined or _undefined_type(self._context),
            "loader": FileSystemLoader(list(folders)),
            "autoescape": False,
            "extensions": EXTENSIONS,
            "cache_size": 0,
            "keep_trailing_newline": True,
        }
        try:
            self._environment = cls(**{**settings, **options.environment})
        except (TypeError, ImportError, ValueError, AssertionError) as error:
            raise _failure("jinja_environment_kwargs", f"{type(error).__name__}: {error}") from None
        self._environment.filters.update({**FILTERS, **options.filters})
        self._environment.globals.pop("lipsum", None)
        own = bool(options.macros or options.filters)
        self._left, self._memory = (_OWN_SECONDS, _OWN_MEMORY) if own else (MAX_SECONDS, MAX_MEMORY)
        self._seen: set[int] = set()

    def render(self, value: Any, field: str, extensions: Sequence[str] = ()) -> Any:
        """Return ``value`` with every text in it rendered and every XComArg resolved.

        Raises :class:`TaskFailure` with reason ``template`` that names ``field`` and the place in it.
        """
        if callable(getattr(value, "resolve", None)) and callable(getattr(value, "to_data", None)):
            # an XComArg, a literal …: what it reads may be large, and nothing of it is rendered
            return self._guarded(field, lambda: value.resolve(self._context), bounds=False)
        if isinstance(value, str):
            if extensions and is_template_file(value, extensions):
                return self._guarded(field, lambda: self._text(self._environment.get_template(_posix(value))))
            if not is_template(value):
                return value
            return self._guarded(field, lambda: self._text(self._environment.from_string(value)))
        if isinstance(value, Mapping):
            endings = extensions if field == "templates_dict" else ()
            return {key: self.render(item, f"{field}[{key!r}]", endings) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.render(item, f"{field}[{index}]") for index, item in enumerate(value)))
        if isinstance(value, (list, tuple)):
            return type(value)(self.render(item, f"{field}[{index}]") for index, item in enumerate(value))
        if isinstance(value, set):
            return {self.render(item, field) for item in value}
        if fields := templated_attributes(value):
            self._render_attributes(value, field, fields)
        return value

    def _render_attributes(self, value: Any, field: str, names: Sequence[str]) -> None:
        """Render attributes of an author's object in place, once."""
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        for name in names:
            if hasattr(value, name):
                setattr(value, name, self.render(getattr(value, name), f"{field}.{name}"))

    def _text(self, template: Any) -> Any:
        result = template.render(self._context)
        if isinstance(result, (str, bytes, list, dict)) and len(result) > MAX_TEXT:
            raise _Refused(f"the result is longer than {MAX_TEXT}")
        return result

    def _guarded(self, field: str, work: Any, *, bounds: bool = True) -> Any:
        started = time.process_time()
        try:
            if not bounds:
                return work()
            with bounded(self._left, self._memory):
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
            places = "beside the DAG file or in the folders of template_searchpath"
            raise _failure(field, f"there is no template file {error.name!r} {places}") from None
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
    return " ".join(text.split())[:1000]


def _failure(field: str, message: str) -> TaskFailure:
    return TaskFailure(Reason("template", {"field": field, "message": _line(message)}), no_retry=True)


def _undefined_type(context: Mapping[str, Any]) -> type[Undefined]:
    names = sorted(context)
    current = [name for name in names if name not in OLD_NAMES]

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
            if "ds" not in names and name in DATE_NAMES:
                return f"{name!r} is undefined: this run has no logical date"
            return f"{name!r} is undefined{suggestion(str(name), names)}; there are: {', '.join(current)}"

        def _missing_part(self, name: str) -> str:
            owner = self._undefined_obj
            known = owner if isinstance(owner, Mapping) else () if type(owner).__module__ == "builtins" else dir(owner)
            parts = sorted(str(item) for item in known if not str(item).startswith("_"))
            what = min((key for key in names if context[key] is owner), key=len, default=f"this {type(owner).__name__}")
            there = f"; there are: {', '.join(parts[:50])}" if parts else ""
            return f"{name!r} is not in {what}{suggestion(name, parts)}{there}"

    return Unknown
