"""What a mapped task (or task group) is mapped over, and which values each of its instances gets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .exceptions import DagError
from .jsonable import to_jsonable
from .xcom_arg import XComArg, find_xcom_args, from_data
from .xcom_sequences import elements

if TYPE_CHECKING:
    from .context import Context
    from .node import Node

PRODUCT = "product"
KWARGS = "kwargs"


@dataclass(frozen=True)
class Expansion:
    """``kind`` ``product``: ``inputs`` are argument -> list, dict or output of a task; the rightmost changes fastest.

    ``kwargs``: one input, named "", of dicts of arguments. ``strict``: these may not name what is constant.
    """

    kind: str
    inputs: Mapping[str, Any]
    strict: bool = True

    @property
    def sources(self) -> Sequence[Node]:
        """The tasks whose outputs are mapped over."""
        found = (task for item in find_xcom_args(self.inputs) for task in item.sources)
        return tuple({id(task): task for task in found}.values())

    @property
    def needs_dag_file(self) -> bool:
        """Whether an input holds a function of the author."""
        return any(item.needs_dag_file for item in find_xcom_args(self.inputs))

    def xcoms(self) -> Iterator[tuple[str, str]]:
        """Yield the ``(task id, key)`` pairs that the instances read and that travel with their workloads.

        An output of a mapped task is none of them: each instance asks for what it needs of it.
        """
        for argument in find_xcom_args(self.inputs):
            for item in argument.plain_args():
                if item.operator is None or not _is_mapped(item.operator):
                    yield from item.xcoms()

    @property
    def literal_length(self) -> int | None:
        """How many instances there will be, if the DAG file says it all."""
        if any(isinstance(value, XComArg) for value in self.inputs.values()):
            return None
        return math.prod(len(value) for value in self.inputs.values())

    def to_spec(self) -> dict[str, Any]:
        """Return ``expand`` of the spec: lengths only. ``order``: of the inputs, where there are several."""
        made: dict[str, Any] = {
            "kind": self.kind,
            "inputs": {name: _length(value) for name, value in self.inputs.items()},
        }
        if len(self.inputs) > 1:
            made["order"] = list(self.inputs)
        if not self.strict:
            made["strict"] = False
        return made

    def only(self, name: str) -> Expansion:
        """Return what the value of one argument needs; the other inputs keep their names only."""
        if self.kind == KWARGS:
            return self
        return Expansion(self.kind, {key: value if key == name else () for key, value in self.inputs.items()})

    def to_data(self) -> dict[str, Any]:
        """Return this as JSON data, values included."""
        inputs = [[name, input_data(value, f"expand: {name or 'kwargs'}")] for name, value in self.inputs.items()]
        return {"kind": self.kind, "inputs": inputs, "strict": self.strict}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Expansion:
        """Rebuild what :meth:`to_data` wrote."""
        inputs = {name: from_data(value) for name, value in data["inputs"]}
        return cls(data["kind"], inputs, data.get("strict", True))

    def values(self, index: int, lengths: Mapping[str, int], context: Context | None) -> tuple[dict[str, Any], Any]:
        """Return the arguments of the instance ``index``, and those of them that came from outputs of tasks.

        ``lengths``: of each input, as the house counted them. Raises TypeError for elements that cannot be arguments.
        """
        if self.kind == KWARGS:
            found = self._element("", index, context)
            if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
                raise TypeError(f"expand_kwargs: element {index} must be a dict of arguments, not {found!r:.200}")
            return dict(found), ([] if self._is_literal("") else [*found.values()])
        made = {name: self._element(name, at, context) for name, at in self._indexes(index, lengths).items()}
        return made, [value for name, value in made.items() if not self._is_literal(name)]

    def value(self, name: str, index: int, lengths: Mapping[str, int], context: Context | None) -> tuple[Any, bool]:
        """Return one argument of the instance ``index``, and whether it came from an output of a task."""
        if self.kind == PRODUCT:
            return self._element(name, self._indexes(index, lengths)[name], context), not self._is_literal(name)
        values, _ = self.values(index, lengths, context)
        if name not in values:
            raise TypeError(f"expand_kwargs: element {index} has no {name!r}")
        return values[name], not self._is_literal("")

    def _is_literal(self, name: str) -> bool:
        return not isinstance(self.inputs[name], XComArg)

    def _indexes(self, index: int, lengths: Mapping[str, int]) -> dict[str, int]:
        found = {}
        for name in reversed(list(self.inputs)):
            index, found[name] = divmod(index, max(lengths[name], 1))
        return {name: found[name] for name in self.inputs}

    def _element(self, name: str, index: int, context: Context | None) -> Any:
        value = self.inputs[name]
        if not isinstance(value, XComArg):
            return elements(value, None)[index]
        assert context is not None  # noqa: S101 - only literal inputs are looked at in the DAG file
        try:
            return value.element(index, context)
        except IndexError:
            raise LookupError(f"{value.in_words()} has no element {index}: it became shorter meanwhile") from None


def input_data(value: Any, what: str) -> Any:
    """Return what is mapped over as JSON; the items of a dict as pairs, because specs do not keep their order."""
    return to_jsonable(list(value.items()) if isinstance(value, Mapping) else value, what)


def product(where: str, inputs: Mapping[str, Any]) -> Expansion:
    """Return what ``expand(**inputs)`` means. Raises :class:`DagError` for inputs that nothing maps over."""
    if not inputs:
        raise DagError(f"{where}: expand() needs arguments to map over, e.g. expand(x=[1, 2])")
    for name, value in inputs.items():
        if not _is_mappable(value, Mapping):
            raise DagError(f"{where}: expand({name}=…) {_unmappable(value)}")
    return Expansion(PRODUCT, dict(inputs))


def kwargs(where: str, value: Any, strict: bool) -> Expansion:
    """Return what ``expand_kwargs(value)`` means. Raises :class:`DagError`."""
    if not _is_mappable(value):
        raise DagError(f"{where}: expand_kwargs() {_unmappable(value, 'dicts')}")
    if not isinstance(value, XComArg):
        for index, item in enumerate(value):
            if isinstance(item, XComArg):
                continue
            if not isinstance(item, Mapping) or not all(isinstance(name, str) for name in item):
                raise DagError(
                    f"{where}: expand_kwargs(): element {index} must be a dict of arguments, not {item!r:.100}"
                )
    return Expansion(KWARGS, {"": value}, strict)


def _is_mappable(value: Any, *more: type) -> bool:
    if isinstance(value, XComArg):
        return value.is_sequence
    return isinstance(value, (Sequence, *more)) and not isinstance(value, (str, bytes))


def _unmappable(value: Any, of: str = "") -> str:
    if isinstance(value, XComArg):
        return f"cannot map over {value.in_words()}: let a task return it"
    what = f"a list of {of}" if of else "a list, a dict"
    return f"takes {what} or the output of a task, not {value!r:.100} (a {type(value).__name__})"


def _length(value: Any) -> dict[str, Any]:
    return value.length_data() if isinstance(value, XComArg) else {"const": len(value)}


def _is_mapped(task: Any) -> bool:
    group = task.task_group
    while group is not None and group.expand_input is None:
        group = group.parent_group
    return group is not None or task.expansion_spec() is not None
