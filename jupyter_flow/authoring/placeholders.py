"""Values that no task makes: params of the run, arguments of mapped task groups, and literals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..model.typed_values import REFERENCE as MARK
from .exceptions import DagError
from .jsonable import to_jsonable
from .xcom_arg import XComArg

if TYPE_CHECKING:
    from .context import Context
    from .expansion import Expansion
    from .node import Node

KINDS = ("param", "argument", "literal")


class _Placeholder(XComArg):
    """A value that no task of the DAG makes."""

    is_sequence = False

    def __init__(self, name: str) -> None:
        self.operator = None
        self.name = name

    @property
    def sources(self) -> Sequence[Node]:
        """No task."""
        return ()

    def xcoms(self) -> Iterator[tuple[str, str]]:
        """Yield nothing."""
        return iter(())

    def length_data(self) -> dict[str, Any]:
        """Refuse: nothing says how long it will be."""
        raise DagError(f"nothing can be mapped over {self.in_words()}: let a task return it")

    def __getitem__(self, key: str) -> XComArg:
        raise DagError(f"{self.in_words()} cannot be looked into in the DAG file: let a task do it")

    def map(self, function: Any) -> XComArg:
        """Refuse: it is no sequence."""
        raise DagError(f"nothing can be mapped over {self.in_words()}: let a task return it")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class Literal(_Placeholder):
    """A value that is handed on as it is: not rendered, and a path of a template file stays a path."""

    def __init__(self, value: Any) -> None:
        super().__init__("literal")
        self.value = value

    def resolve(self, context: Context) -> Any:
        """Return the value."""
        return self.value

    def to_data(self) -> dict[str, Any]:
        """Return the value as JSON data."""
        return {MARK: {"kind": "literal", "value": to_jsonable(self.value, "literal()")}}

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"literal({self.value!r})"

    def in_words(self) -> str:
        """Return what this is, for the sentence of a refusal."""
        return repr(self)


def literal(value: Any) -> Literal:
    """Return ``value`` so that it is not rendered as a template: ``bash_command=literal("echo {{ raw }}")``."""
    return Literal(value)


class DagParam(_Placeholder):
    """A param of the run: an argument of a ``@dag`` function, or what ``dag.param(name)`` gives."""

    def resolve(self, context: Context) -> Any:
        """Return the value that the run has for the param."""
        return context["params"][self.name]

    def to_data(self) -> dict[str, Any]:
        """Return this reference as JSON data."""
        return {MARK: {"kind": "param", "name": self.name}}

    def __str__(self) -> str:
        return f"{{{{ params.{self.name} }}}}" if self.name.isidentifier() else f"{{{{ params[{self.name!r}] }}}}"

    def __index__(self) -> int:
        raise DagError(f"{self.in_words()} is no number in the DAG file: its value is chosen when a run begins")

    def __repr__(self) -> str:
        return f"DagParam({self.name!r})"

    def in_words(self) -> str:
        """Return what this is, for the sentence of a refusal."""
        return f"the param {self.name!r}"


class MappedArgument(_Placeholder):
    """An argument of a mapped task group, within its function: in each instance of the group its own element."""

    def __init__(self, name: str, expansion: Expansion) -> None:
        super().__init__(name)
        self.expansion = expansion

    @property
    def sources(self) -> Sequence[Node]:
        """The tasks whose outputs the group is mapped over."""
        return self.expansion.sources

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Whether what the group is mapped over holds a function of the author."""
        return self.expansion.needs_dag_file

    def xcoms(self) -> Iterator[tuple[str, str]]:
        """Yield the ``(task id, key)`` pairs that its value needs."""
        return self.expansion.only(self.name).xcoms()

    def in_instance(self, index: int, lengths: Mapping[str, int], context: Context) -> tuple[Any, bool]:
        """Return the value in the instance ``index`` of the group, and whether it came from an output of a task."""
        return self.expansion.value(self.name, index, lengths, context)

    def to_data(self) -> dict[str, Any]:
        """Return this reference as JSON data."""
        return {MARK: {"kind": "argument", "name": self.name, "expand": self.expansion.only(self.name).to_data()}}

    def __str__(self) -> str:
        raise DagError(f"{self.in_words()} cannot be part of a text in the DAG file: give it to a task as an argument")

    def __repr__(self) -> str:
        return f"MappedArgument({self.name!r})"

    def in_words(self) -> str:
        """Return what this is, for the sentence of a refusal."""
        return f"the mapped argument {self.name!r}"


def from_parts(data: Mapping[str, Any]) -> XComArg:
    """Rebuild what ``to_data`` of a class of this file wrote."""
    if data["kind"] == "param":
        return DagParam(data["name"])
    if data["kind"] == "literal":
        return Literal(data["value"])
    from .expansion import Expansion

    return MappedArgument(data["name"], Expansion.from_data(data["expand"]))
