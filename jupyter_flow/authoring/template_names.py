"""What templates name, found without rendering them: XComs, variables, and names that do not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from .exceptions import DagError
from .xcom_arg import RETURN_VALUE, XComArg, templated_attributes

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

OLD_DATE_NAMES = (
    *("END_DATE", "end_date", "execution_date", "latest_date", "next_ds", "next_ds_nodash", "next_execution_date"),
    *("prev_ds", "prev_ds_nodash", "prev_execution_date", "prev_execution_date_success"),
    *("tomorrow_ds", "tomorrow_ds_nodash", "yesterday_ds", "yesterday_ds_nodash"),
)
OLD_NAMES = (*OLD_DATE_NAMES, "conf", "tables")
"""Names that older documents teach. They go on working (those of dates in runs with a logical date)."""
DATE_NAMES = (
    *("data_interval_end", "data_interval_start", "ds", "ds_nodash", "logical_date"),
    *("prev_data_interval_end_success", "prev_data_interval_start_success", "ts", "ts_nodash", "ts_nodash_with_tz"),
    *OLD_DATE_NAMES,
)
"""Names that only a run with a logical date has."""
CONTEXT_NAMES = (
    *DATE_NAMES,
    *("conf", "conn", "dag", "dag_id", "dag_run", "expanded_ti_count", "inlet_events", "inlets", "macros", "map_index"),
    *("map_index_template", "outlet_events", "outlets", "params", "partition_date", "partition_key"),
    *("prev_end_date_success", "prev_start_date_success", "run_id", "tables", "task", "task_id", "task_instance"),
    *("task_instance_key_str", "task_reschedule_count", "templates_dict", "test_mode", "ti", "triggering_asset_events"),
    *("try_number", "var"),
)
"""The names that a template sees."""
FILTERS = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
"""Filters for dates, besides jinja2's own."""
EXTENSIONS = ("jinja2.ext.do",)
"""Of the language of templates, as in Airflow."""
_TASK_INSTANCE = ("ti", "task_instance")
_BUILT_IN = ("range", "dict", "namespace", "cycler", "joiner", "self", "loop", "caller", "varargs", "kwargs")


@dataclass
class TemplateNames:
    """What the templates of one task name. ``unknown``: names that no run has."""

    xcoms: set[tuple[str, str]] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


def is_template(text: str) -> bool:
    """Tell whether rendering could change ``text``."""
    return "{{" in text or "{%" in text or "{#" in text


def template_names(where: str, fields: Mapping[str, Any], filters: Iterable[str] = ()) -> TemplateNames:
    """Return what the values of template ``fields`` (nested, name -> value) name. ``filters``: the author's own.

    Raises :class:`DagError` for a template that is not valid.
    """
    found = TemplateNames()
    own = frozenset(filters)
    for name, value in fields.items():
        for item in _leaves(value):
            if isinstance(item, XComArg):
                found.xcoms.update(item.xcoms())
            elif is_template(item):
                try:
                    inner = _read(item, own)
                except _Broken as error:
                    raise DagError(f"{where}: template field {name!r}: {error}") from None
                found.xcoms |= inner.xcoms
                found.variables |= inner.variables
                found.unknown |= inner.unknown
    return found


def _leaves(value: Any) -> Iterator[str | XComArg]:
    if isinstance(value, (str, XComArg)):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _leaves(item)
    else:
        for name in templated_attributes(value):
            yield from _leaves(getattr(value, name, None))


@cache
def _environment(filters: frozenset[str]) -> Environment:
    from jinja2 import Environment  # 80 ms, only where a task has a template

    made = Environment(autoescape=False, extensions=EXTENSIONS)  # noqa: S701 - parses only, renders nothing
    made.filters.update(dict.fromkeys((*FILTERS, *filters), str))
    return made


class _Broken(Exception):
    """A template that is not valid."""


@lru_cache(2048)  # the tasks of a big DAG often share a few templates
def _read(text: str, filters: frozenset[str]) -> TemplateNames:
    """Return what one template names; nobody may change the answer."""
    from jinja2 import TemplateSyntaxError, meta, nodes

    try:
        tree = _environment(filters).parse(text)
        names = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        raise _Broken(f"line {error.lineno}: {str(error.message).rstrip('.')}: {_shortened(text)}") from None
    except RecursionError:
        raise _Broken("nested too deeply") from None
    found = TemplateNames()
    found.unknown.update(names - set(CONTEXT_NAMES) - set(_BUILT_IN))
    for call in tree.find_all(nodes.Call):
        if _is_pull(call.node):
            found.xcoms.update(_pulled(call))
        elif (key := _variable_getter(call)) is not None:
            found.variables.add(key)
    parts: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    for part in parts:
        key = _key(part)
        if key is not None and _is_accessor(part.node) and key != "get":
            found.variables.add(key)
    return found


def _is_pull(node: nodes.Node) -> bool:
    from jinja2 import nodes as n

    return (
        isinstance(node, n.Getattr)
        and node.attr == "xcom_pull"
        and isinstance(node.node, n.Name)
        and node.node.name in _TASK_INSTANCE
    )


def _pulled(call: nodes.Call) -> Iterator[tuple[str, str]]:
    given: dict[str, Any] = {}
    for name, node in zip(("task_ids", "dag_id", "key"), call.args, strict=False):
        given[name] = _constant(node)
    given.update({item.key: _constant(item.value) for item in call.kwargs})
    if any(given.get(name) for name in ("dag_id", "run_id", "include_prior_dates", "map_indexes")):
        return
    task_ids, key = given.get("task_ids"), given.get("key", RETURN_VALUE)
    ids = [task_ids] if isinstance(task_ids, str) else task_ids
    if isinstance(ids, (list, tuple)) and isinstance(key, str):
        yield from ((task_id, key) for task_id in ids if isinstance(task_id, str))


def _constant(node: nodes.Expr) -> Any:
    from jinja2 import nodes as n

    try:
        return node.as_const()
    except n.Impossible:
        return object()


def _is_accessor(node: nodes.Node) -> bool:
    """Whether ``node`` is ``var.value`` or ``var.json``."""
    from jinja2 import nodes as n

    return (
        isinstance(node, n.Getattr)
        and node.attr in ("value", "json")
        and isinstance(node.node, n.Name)
        and node.node.name == "var"
    )


def _variable_getter(call: nodes.Call) -> str | None:
    from jinja2 import nodes as n

    getter = call.node
    if isinstance(getter, n.Getattr) and getter.attr == "get" and _is_accessor(getter.node) and call.args:
        key = _constant(call.args[0])
        return key if isinstance(key, str) else None
    return None


def _key(node: nodes.Getattr | nodes.Getitem) -> str | None:
    from jinja2 import nodes as n

    if isinstance(node, n.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, n.Const) and isinstance(node.arg.value, str) else None


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 80 else line[:79] + "…")
