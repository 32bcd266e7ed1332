"""``.map``, ``.zip`` and ``.concat``: sequences made of outputs of tasks, whose elements exist only in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from ..model.typed_values import REFERENCE as MARK
from .exceptions import DagError
from .jsonable import to_jsonable
from .xcom_arg import XComArg, find_xcom_args, from_data

if TYPE_CHECKING:
    from .context import Context
    from .node import Node

NOT_GIVEN: Any = type("_NotGiven", (), {"__repr__": lambda self: "<not given>"})()


class LiteralItems:
    """A list that is written in the DAG file, as a part of ``.zip`` or ``.concat``."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = list(values)

    def resolve(self, context: Context) -> list[Any]:
        """Return the list."""
        return [item.resolve(context) if isinstance(item, XComArg) else item for item in self.values]

    def length_data(self) -> dict[str, Any]:
        """Return the LENGTH of the list."""
        return {"const": len(self.values)}

    def to_data(self) -> Any:
        """Return the list as JSON data."""
        return to_jsonable(self.values, "a list to map over")

    def __repr__(self) -> str:
        return repr(self.values)


class _Combined(XComArg):
    """A sequence of several parts; it has no task of its own."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.operator = None
        self.parts = [_part(item) for item in parts]

    def plain_args(self) -> Iterator[XComArg]:
        """Yield the XComArgs that the parts are made of."""
        for part in self.parts:
            for item in find_xcom_args(part.values if isinstance(part, LiteralItems) else part):
                yield from item.plain_args()

    @property
    def sources(self) -> Sequence[Node]:
        """The tasks of all parts."""
        return tuple({id(task): task for part in self.plain_args() for task in part.sources}.values())

    @property
    def roots(self) -> list[Node]:
        """The tasks of all parts."""
        return list(self.sources)

    @property
    def leaves(self) -> list[Node]:
        """The tasks of all parts."""
        return list(self.sources)

    @property
    def node_id(self) -> None:  # type: ignore[override]
        """None: this is more than one task."""

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Whether a part holds a function of the author."""
        return any(part.needs_dag_file for part in self.plain_args())

    def xcoms(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs of all parts."""
        for part in self.plain_args():
            yield from part.xcoms()

    def __getitem__(self, key: str) -> XComArg:
        raise DagError(f"{self!r} has no keys: use .map(lambda item: item[…])")

    def __str__(self) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def in_words(self) -> str:
        """Return what this is, for the sentence of a refusal."""
        return repr(self)


class MapXComArg(_Combined):
    """``xcom_arg.map(function)``: each element is what the function makes of it."""

    needs_dag_file = True

    def __init__(self, parts: Sequence[Any], function: Callable[[Any], Any]) -> None:
        super().__init__(parts)
        if hasattr(function, "expand_kwargs") or isinstance(function, XComArg):
            raise DagError(".map() takes a plain function, not a task: the task that gets the element calls it")
        if not callable(function):
            raise DagError(f".map() takes a function, not {function!r}")
        self.function = function

    def resolve(self, context: Context) -> list[Any]:
        """Return all elements."""
        return [self.function(item) for item in elements(self.parts[0].resolve(context), self.parts[0])]

    def element(self, index: int, context: Context) -> Any:
        """Return one element; the function is called for it alone."""
        return self.function(self.parts[0].element(index, context))

    def length_data(self) -> dict[str, Any]:
        """Return the LENGTH of what is mapped."""
        length: dict[str, Any] = self.parts[0].length_data()
        return length

    def to_data(self) -> dict[str, Any]:
        """Return what can be shown: the function is in the DAG file."""
        return {MARK: {"kind": "map", "of": self.parts[0].to_data(), "function": _name(self.function)}}

    def __repr__(self) -> str:
        return f"{self.parts[0]!r}.map({_name(self.function)})"


class ZipXComArg(_Combined):
    """``xcom_arg.zip(other, …)``: tuples of one element of each; as long as the shortest, or the longest if filled."""

    def __init__(self, parts: Sequence[Any], fillvalue: Any = NOT_GIVEN) -> None:
        super().__init__(parts)
        self.fillvalue = fillvalue

    @property
    def is_filled(self) -> bool:
        """Whether shorter parts are filled up."""
        return self.fillvalue is not NOT_GIVEN

    def resolve(self, context: Context) -> list[Any]:
        """Return all tuples."""
        lists = [elements(part.resolve(context), part) for part in self.parts]
        count = (max if self.is_filled else min)(len(items) for items in lists)
        return [tuple(self._at(items, index) for items in lists) for index in range(count)]

    def _at(self, items: Sequence[Any], index: int) -> Any:
        return items[index] if index < len(items) else self.fillvalue

    def length_data(self) -> dict[str, Any]:
        """Return the LENGTH."""
        return {"zip": [part.length_data() for part in self.parts], "longest": self.is_filled}

    def to_data(self) -> dict[str, Any]:
        """Return this as JSON data."""
        data: dict[str, Any] = {"kind": "zip", "of": [part.to_data() for part in self.parts]}
        if self.is_filled:
            data["fillvalue"] = to_jsonable(self.fillvalue, ".zip(fillvalue=…)")
        return {MARK: data}

    def __repr__(self) -> str:
        first, *others = self.parts
        return f"{first!r}.zip({', '.join(map(repr, others))})"


class ConcatXComArg(_Combined):
    """``xcom_arg.concat(other, …)``: the elements of each, one after the other."""

    def resolve(self, context: Context) -> list[Any]:
        """Return all elements."""
        return [item for part in self.parts for item in elements(part.resolve(context), part)]

    def length_data(self) -> dict[str, Any]:
        """Return the LENGTH."""
        return {"concat": [part.length_data() for part in self.parts]}

    def to_data(self) -> dict[str, Any]:
        """Return this as JSON data."""
        return {MARK: {"kind": "concat", "of": [part.to_data() for part in self.parts]}}

    def __repr__(self) -> str:
        first, *others = self.parts
        return f"{first!r}.concat({', '.join(map(repr, others))})"


def from_parts(data: Mapping[str, Any]) -> XComArg:
    """Rebuild what ``to_data`` of a class of this file wrote."""
    parts = [from_data(item) for item in data["of"]]
    return ConcatXComArg(parts) if data["kind"] == "concat" else ZipXComArg(parts, data.get("fillvalue", NOT_GIVEN))


def elements(value: Any, of: Any) -> Sequence[Any]:
    """Return the elements of a value that is mapped over: of a dict its items as pairs, of a set in a fixed order.

    Raises TypeError for a value that has none.
    """
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, Set):
        return sorted(value, key=lambda item: (type(item).__name__, repr(item)))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return value
    if hasattr(value, "iloc"):  # a frame or series of pandas: its rows
        return _Rows(value)
    if getattr(value, "ndim", 0) > 0:
        found: Sequence[Any] = value
        return found
    name = of.in_words() if isinstance(of, XComArg) else "the value"
    raise TypeError(f"{name} is of type {type(value).__name__}: to map over it, it must be a list or a dict")


class _Rows(Sequence[Any]):
    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __len__(self) -> int:
        return len(self._frame)

    def __getitem__(self, index: Any) -> Any:
        return self._frame.iloc[index]


def _part(value: Any) -> Any:
    if isinstance(value, XComArg):
        value.length_data()  # refuses what has no length
        return value
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return LiteralItems(value)
    raise DagError(f".zip() and .concat() take outputs of tasks and lists, not {value!r}")


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
