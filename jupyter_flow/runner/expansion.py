"""From a mapped task to the operator of one of its instances: its elements are fetched, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..authoring.expansion import Expansion
from ..authoring.mapped import MappedOperator
from ..authoring.operator import BaseOperator
from ..authoring.placeholders import Literal, MappedArgument
from ..authoring.template_names import is_template
from ..authoring.xcom_arg import from_data, map_nested
from ..model.records import Workload
from ..model.spec import TaskSpec


def rebuild_mapped(cls: type[BaseOperator], task: TaskSpec) -> MappedOperator:
    """Return the mapped task that ``task`` describes, of the operator ``cls``, made of data alone."""
    expand = task.expand or {}
    arguments = from_data(task.arguments)
    inputs = {name: arguments.pop(name) for name in expand.get("order", expand["inputs"])}
    over = Expansion(expand["kind"], inputs, expand.get("strict", True))
    return MappedOperator(
        task.task_id,
        mapped_class=cls,
        cwd=arguments.pop("cwd", None),
        mapped_arguments=arguments,
        mapped_over=over,
        env=None if task.env is None else from_data(task.env),
        do_xcom_push=task.do_xcom_push,
        params=dict(task.params),
    )


def instance_of(operator: BaseOperator, workload: Workload, context: Mapping[str, Any]) -> BaseOperator:
    """Return the operator of the instance that ``workload`` is for: ``operator`` itself unless it is mapped.

    What the author's ``.map`` functions raise comes through: a skip skips the instance.
    """
    place = workload.expand
    if place is None:
        return operator
    index, lengths = int(place["index"]), place["lengths"]
    if isinstance(operator, MappedOperator):
        values, foreign = operator.mapped_over.values(index, lengths, context)
        made = operator.unmap(values)
        _protect(made, foreign)
        return made
    endings = tuple(operator.template_ext)

    def bind(value: Any) -> Any:
        if not isinstance(value, MappedArgument):
            return value
        found, is_foreign = value.in_instance(index, lengths, context)
        return Literal(found) if is_foreign and any(_texts(found, endings)) else found

    for name in operator.template_fields:
        setattr(operator, name, map_nested(getattr(operator, name), bind))
    return operator


def _protect(operator: BaseOperator, foreign: list[Any]) -> None:
    """Keep texts that came from other tasks from being rendered as templates or read as template files."""
    texts = {id(text) for text in _texts(foreign, tuple(operator.template_ext))}
    if not texts:
        return
    for name in operator.template_fields:
        value = getattr(operator, name)
        setattr(operator, name, map_nested(value, lambda item: Literal(item) if id(item) in texts else item))


def _texts(value: Any, endings: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts in ``value`` that rendering would change."""
    if isinstance(value, str):
        if is_template(value) or (endings and value.endswith(endings)):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, endings)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _texts(item, endings)
