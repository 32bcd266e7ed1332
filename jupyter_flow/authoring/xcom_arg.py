"""XComArg: the output of one task as an argument of another; using it makes the dependency."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .exceptions import DagError, XComNotFound

if TYPE_CHECKING:
    from .context import Context
    from .operator import BaseOperator

RETURN_VALUE = "return_value"
_MARK = "__jupyter_flow_xcom__"


class XComArg:
    """The XCom ``key`` of the task ``task_id``. ``operator`` is None when it was rebuilt from data."""

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
        raise DagError(f"the output of task {self.task_id!r} cannot be iterated in the DAG file: it exists only later")

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

    def to_data(self) -> dict[str, Any]:
        """Return this reference as JSON data for the spec."""
        return {_MARK: [self.task_id, self.key]}

    def _node(self) -> BaseOperator:
        if self.operator is None:
            raise DagError(f"{self!r} is a plain reference: it has no place in a graph")
        return self.operator

    def __rshift__(self, other: Any) -> Any:
        self._node().set_downstream(other)
        return other

    def __lshift__(self, other: Any) -> Any:
        self._node().set_upstream(other)
        return other

    def __rrshift__(self, other: Any) -> XComArg:
        self._node().set_upstream(other)
        return self

    def __rlshift__(self, other: Any) -> XComArg:
        self._node().set_downstream(other)
        return self

    def set_upstream(self, other: Any) -> None:
        """:meth:`BaseOperator.set_upstream` of the task behind this value."""
        self._node().set_upstream(other)

    def set_downstream(self, other: Any) -> None:
        """:meth:`BaseOperator.set_downstream` of the task behind this value."""
        self._node().set_downstream(other)


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


def from_data(value: Any) -> Any:
    """Return ``value`` with the references that :meth:`XComArg.to_data` wrote as XComArgs again."""
    if isinstance(value, Mapping):
        if set(value) == {_MARK}:
            task_id, key = value[_MARK]
            return XComArg(None, key, task_id=task_id)
        return {key: from_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [from_data(item) for item in value]
    return value


def map_nested(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return ``value`` with ``change`` applied to everything that is no dict, list, tuple or set."""
    if isinstance(value, Mapping):
        return {key: map_nested(item, change) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_nested(item, change) for item in value))
    if isinstance(value, (list, tuple, set)):
        return type(value)(map_nested(item, change) for item in value)
    return change(value)
