"""XComArg: the output of one task as an argument of another; using it makes the dependency."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from .edges import DependencyMixin
from .exceptions import DagError, XComNotFound
from .literal import MARK as LITERAL
from .literal import LiteralValue

if TYPE_CHECKING:
    from .context import Context
    from .node import Node
    from .operator import BaseOperator

RETURN_VALUE = "return_value"
_MARK = "__jupyter_flow_xcom__"


class XComArg(DependencyMixin):
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
    elif fields := templated_attributes(value):
        for name in fields:
            yield from find_xcom_args(getattr(value, name, None))


def templated_attributes(value: Any) -> Sequence[str]:
    """Return the names of the attributes of an author's object (within a template field) that are templates too."""
    found = getattr(value, "template_fields", ())
    return found if isinstance(found, (list, tuple)) and not isinstance(value, type) else ()


def from_data(value: Any) -> Any:
    """Return ``value`` with the references that :meth:`XComArg.to_data` wrote as XComArgs again."""
    if isinstance(value, Mapping):
        if set(value) == {_MARK}:
            task_id, key = value[_MARK]
            return XComArg(None, key, task_id=task_id)
        if set(value) == {LITERAL}:
            return LiteralValue(value[LITERAL])
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
