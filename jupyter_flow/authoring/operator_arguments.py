"""Arguments of every operator that most tasks do not use: each with its check. What is not given costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import callbacks, checks
from .exceptions import DagError
from .resources import check_resources
from .retry_policy import check_retry_policy
from .schedule import instant
from .weight_rule import WeightRule

if TYPE_CHECKING:
    from .operator import BaseOperator

Check = Callable[[str, str, Any], Any]


def _limit(where: str, name: str, value: Any) -> int | None:
    return None if value is None else checks.whole(where, name, value, 1)


def _flag_or_none(where: str, name: str, value: Any) -> bool | None:
    return None if value is None else checks.flag(where, name, value)


def _weight_rule(where: str, name: str, value: Any) -> str:
    return checks.choice(
        where, name, WeightRule.DOWNSTREAM if value is None else value, [str(rule) for rule in WeightRule]
    )


def _assets(where: str, name: str, value: Any) -> list[Any]:
    items = [] if value is None else list(value) if isinstance(value, (list, tuple, set)) else [value]
    for item in items:
        if not callable(getattr(item, "to_data", None)) or hasattr(item, "operator"):
            raise DagError(f"{where}: {name} takes assets, e.g. Asset('s3://bucket/key'), not {item!r}")
    return items


def _policy(where: str, name: str, value: Any) -> Any:
    return check_retry_policy(where, value)


def _text(where: str, name: str, value: Any) -> str:
    return checks.text_or_none(where, name, value) or ""


def _email(where: str, name: str, value: Any) -> tuple[str, ...]:
    return callbacks.check_email(where, value)


CHECKS: dict[str, Check] = {
    "start_date": instant,
    "end_date": instant,
    "depends_on_past": checks.flag,
    "ignore_first_depends_on_past": checks.flag,
    "wait_for_past_depends_before_skipping": checks.flag,
    "wait_for_downstream": checks.flag,
    "weight_rule": _weight_rule,
    "max_active_tis_per_dag": _limit,
    "max_active_tis_per_dagrun": _limit,
    "map_index_template": checks.text_or_none,
    "task_display_name": checks.text_or_none,
    "logger_name": checks.text_or_none,
    "render_template_as_native_obj": _flag_or_none,
    "sla": checks.positive_seconds,
    "retry_policy": _policy,
    "pre_execute": checks.function_or_none,
    "post_execute": checks.function_or_none,
    "inlets": _assets,
    "outlets": _assets,
    "email": _email,
    "email_on_failure": checks.flag,
    "email_on_retry": checks.flag,
    "resource_group": _text,
    "resources": check_resources,
    **{callbacks.argument_name(event): callbacks.check_callbacks for event in callbacks.TASK_EVENTS},
}
"""Name of an argument -> what checks it and returns what the operator keeps."""
HOOKS = {"pre_execute": "_pre_execute_hook", "post_execute": "_post_execute_hook"}
"""Arguments that are kept under another name, because operators have methods of the same name."""
_AS_THEY_ARE = (
    "depends_on_past",
    "ignore_first_depends_on_past",
    "wait_for_past_depends_before_skipping",
    "wait_for_downstream",
    "weight_rule",
    "max_active_tis_per_dag",
    "max_active_tis_per_dagrun",
    "map_index_template",
    "render_template_as_native_obj",
    "sla",
    "resource_group",
    "resources",
)


def keep(task: BaseOperator, where: str, given: Mapping[str, Any]) -> None:
    """Check ``given`` (names of :data:`CHECKS`) and set them on ``task``."""
    for name, value in given.items():
        setattr(task, HOOKS.get(name, name), CHECKS[name](where, name, value))
    if task.wait_for_downstream:
        task.depends_on_past = True


def spec_fields(task: BaseOperator) -> dict[str, Any]:
    """Return the fields of a TaskSpec that come from these arguments (dates are the caller's: they need a zone)."""
    own = vars(task)
    if own.keys().isdisjoint(CHECKS):  # most tasks
        return {}
    fields = {name: own[name] for name in _AS_THEY_ARE if name in own}
    if task.task_display_name:
        fields["display_name"] = task.task_display_name
    if names := callbacks.task_events(task):
        fields["callbacks"] = names
    if task.email:
        fields |= {"email": task.email, "email_on": callbacks.email_events(task)}
    for name in ("inlets", "outlets"):
        if own.get(name):
            fields[name] = tuple(item.to_data() for item in own[name])
    return fields


def needs_dag_file(task: BaseOperator) -> bool:
    """Tell whether the attempt itself calls something that only the DAG file has."""
    own = vars(task)
    names = ("_pre_execute_hook", "_post_execute_hook", "on_execute_callback", "retry_policy")
    return any(own.get(name) for name in names)
