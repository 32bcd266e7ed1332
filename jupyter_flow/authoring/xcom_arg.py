"""XComArg: the output of one task as an argument of another; using it makes the dependency."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from ..model.typed_values import REFERENCE as MARK
from .edges import DependencyMixin
from .exceptions import DagError, XComNotFound

if TYPE_CHECKING:
    from .context import Context
    from .node import Node
    from .operator import BaseOperator

RETURN_VALUE = "return_value"


class XComArg(DependencyMixin):
    """The XCom ``key`` of the task ``task_id``. ``operator`` is None when it was rebuilt from data.

    Other values that exist only in a running task derive from it: sequences made by :meth:`map`, :meth:`zip` and
    :meth:`concat`, params of the run, arguments of a mapped task group.
    """

    is_sequence = True
    """Whether a task may be mapped over it."""
    needs_dag_file = False
    """Whether only the DAG file can resolve it, because it holds a function of the author."""

    def __init__(self, operator: BaseOperator | None, key: str = RETURN_VALUE, *, task_id: str | None = None) -> None:
        if operator is None and task_id is None:
            raise ValueError("an XComArg needs an operator or a task_id")
        self.operator = operator
        self.key = key
        self.task_id = task_id if operator is None else operator.task_id

    def __getitem__(self, key: str) -> XComArg:
        if not isinstance(key, str):
            raise DagError(f"XCom keys are text, not {key!r}: the value itself exists only while the task runs")
        return XComArg(self.operator, key, task_id=self.task_id)

    def __iter__(self) -> Iterator[Any]:
        raise DagError(f"{self.in_words()} cannot be iterated in the DAG file: it exists only later")

    def in_words(self) -> str:
        """Return what this is, for the sentence of a refusal."""
        part = "" if self.key == RETURN_VALUE else f" (key {self.key!r})"
        return f"the output of task {self.task_id!r}{part}"

    def map(self, function: Callable[[Any], Any]) -> XComArg:
        """Return the sequence with what ``function`` makes of each element; called in the task that gets it."""
        from .xcom_sequences import MapXComArg

        return MapXComArg([self], function)

    def zip(self, *others: Any, **fill: Any) -> XComArg:
        """Return the sequence of tuples of one element of each; with ``fillvalue`` as long as the longest."""
        from .xcom_sequences import ZipXComArg

        return ZipXComArg([self, *others], **fill)

    def concat(self, *others: Any) -> XComArg:
        """Return the sequence of the elements of each, one after the other."""
        from .xcom_sequences import ConcatXComArg

        return ConcatXComArg([self, *others])

    def __str__(self) -> str:
        return f"{{{{ ti.xcom_pull(task_ids={self.task_id!r}, key={self.key!r}) }}}}"

    def __repr__(self) -> str:
        return f"XComArg({self.task_id!r}, key={self.key!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, XComArg) and (self.task_id, self.key) == (other.task_id, other.key)

    def __hash__(self) -> int:
        return hash((self.task_id, self.key))

    def resolve(self, context: Context) -> Any:
        """Return the value. A missing ``return_value`` is None, another missing key raises XComNotFound."""
        missing = object()
        value = context["ti"].xcom_pull(task_ids=self.task_id, key=self.key, default=missing)
        if value is not missing:
            return value
        if self.key == RETURN_VALUE:
            return None
        raise XComNotFound(f"task {self.task_id!r} pushed no XCom {self.key!r}")

    def element(self, index: int, context: Context) -> Any:
        """Return one element of the value. Raises TypeError if it has none, IndexError if it has fewer."""
        from .xcom_sequences import elements

        return elements(self.resolve(context), self)[index]

    def length_data(self) -> dict[str, Any]:
        """Return how the house finds the number of elements (see ``TaskSpec.expand``)."""
        return {"xcom": [self.task_id, self.key]}

    @property
    def sources(self) -> Sequence[Node]:
        """The tasks whose outputs the value needs."""
        return () if self.operator is None else (self.operator,)

    def plain_args(self) -> Iterator[XComArg]:
        """Yield the outputs of single tasks that the value is made of."""
        yield self

    def xcoms(self) -> Iterator[tuple[str, str]]:
        """Yield the ``(task id, key)`` pairs that the value needs."""
        yield str(self.task_id), self.key

    def to_data(self) -> dict[str, Any]:
        """Return this reference as JSON data for the spec."""
        return {MARK: [self.task_id, self.key]}

    def _node(self) -> BaseOperator:
        if self.operator is None:
            raise DagError(f"{self!r} is a plain reference: it has no place in a graph")
        return self.operator

    @property
    def node_id(self) -> str:
        """The id of the task behind this value."""
        return self._node().task_id

    @property
    def roots(self) -> list[Node]:
        """The task behind this value."""
        return [self._node()]

    @property
    def leaves(self) -> list[Node]:
        """The task behind this value."""
        return [self._node()]

    def as_setup(self) -> Self:
        """:meth:`Node.as_setup` of the task behind this value."""
        self._node().as_setup()
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None) -> Self:
        """:meth:`Node.as_teardown` of the task behind this value."""
        self._node().as_teardown(setups=setups, on_failure_fail_dagrun=on_failure_fail_dagrun)
        return self

    def __enter__(self) -> Any:
        return self._node().__enter__()

    def __exit__(self, *exc: Any) -> None:
        self._node().__exit__(*exc)


def find_xcom_args(value: Any) -> Iterator[XComArg]:
    """Yield the XComArgs within nested dicts, lists, tuples and sets."""
    if isinstance(value, XComArg):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from find_xcom_args(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from find_xcom_args(item)
    else:
        for name in templated_attributes(value):
            yield from find_xcom_args(getattr(value, name, None))


def templated_attributes(value: Any) -> Sequence[str]:
    """Return the names of the attributes of an author's object (within a template field) that are templates too."""
    found = getattr(value, "template_fields", ())
    return found if isinstance(found, (list, tuple)) and not isinstance(value, type) else ()


def from_data(value: Any) -> Any:
    """Return ``value`` with the references that :meth:`XComArg.to_data` wrote as XComArgs again."""
    if isinstance(value, Mapping):
        if set(value) == {MARK}:
            return _read_reference(value[MARK])
        return {key: from_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [from_data(item) for item in value]
    return value


def _read_reference(data: Any) -> XComArg:
    if isinstance(data, Mapping):
        from . import placeholders, xcom_sequences

        return placeholders.from_parts(data) if data["kind"] in placeholders.KINDS else xcom_sequences.from_parts(data)
    task_id, key = data
    return XComArg(None, key, task_id=task_id)


def map_nested(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return ``value`` with ``change`` applied to everything that is no dict, list, tuple or set."""
    if isinstance(value, Mapping):
        return {key: map_nested(item, change) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_nested(item, change) for item in value))
    if isinstance(value, (list, tuple, set)):
        return type(value)(map_nested(item, change) for item in value)
    return change(value)
