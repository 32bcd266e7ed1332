"""Values of tasks as JSON and back, without pickle.

JSON values stand for themselves. Everything else is a typed value (``model.typed_values``): date and time types with
their zones, collections, ``bytes``, ``Decimal``, ``UUID``, paths, enums, dataclasses, pydantic models. Arrays and
frames are written to a file and go by reference.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..model.typed_values import MARK, typed
from . import value_classes, value_files

MAX_DEPTH = 60


class SerializationError(TypeError):
    """A value that cannot be an XCom, or an XCom that cannot become a value: one sentence with the place in it."""


class ValueFiles(Protocol):
    """Where arrays and frames of XComs are kept."""

    def create(self, suffix: str) -> tuple[str, BinaryIO]:
        """Return a new reference and its file, open for writing; the writer closes it."""

    def open(self, reference: str) -> BinaryIO:
        """Return the file behind ``reference``, open for reading."""


def serialize(value: Any, *, files: ValueFiles | None = None, place: str = "value") -> Any:
    """Return ``value`` as JSON. ``files``: where arrays and frames go; without it they are refused.

    Raises :class:`SerializationError`.
    """
    return _Writer(files).write(value, place, 0)


def deserialize(
    data: Any,
    hint: Any = None,
    *,
    files: ValueFiles | None = None,
    strict: bool = True,
    allowed: Iterable[str] = (),
) -> Any:
    """Return the value that the JSON ``data`` stands for, as the type ``hint`` says if one is given.

    Classes (enums, dataclasses, models) are taken from modules that are loaded; ``allowed`` are patterns
    (``mypackage.*``) of ``module.Class`` names whose module may be imported. ``strict``: a class that is not there is
    an error; else its plain fields are handed out.

    Raises :class:`SerializationError`.
    """
    value = _Reader(files, strict, tuple(allowed)).read(data)
    if hint is None:
        return value
    from .type_hints import convert

    return convert(value, hint)


class _Writer:
    def __init__(self, files: ValueFiles | None) -> None:
        self._files = files

    def write(self, value: Any, place: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise SerializationError(f"{place[:80]}: nested deeper than {MAX_DEPTH} levels")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, Enum):
            inner = self.write(value.value, place, depth + 1)
            return typed("enum", inner, **{"class": value_classes.reference(type(value), place)})
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else typed("float", repr(float(value)))
        if isinstance(value, Mapping):
            return self._mapping(value, place, depth)
        if isinstance(value, list):
            return self._items(value, place, depth)
        if isinstance(value, tuple):
            return self._tuple(value, place, depth)
        if isinstance(value, (set, frozenset)):
            kind = "frozenset" if isinstance(value, frozenset) else "set"
            return typed(kind, self._items(_in_order(value), place, depth))
        return self._other(value, place, depth)

    def _items(self, values: Iterable[Any], place: str, depth: int) -> list[Any]:
        return [self.write(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(values)]

    def _mapping(self, value: Mapping[Any, Any], place: str, depth: int) -> Any:
        if all(type(key) is str for key in value) and MARK not in value:
            return {key: self.write(item, f"{place}[{key!r}]", depth + 1) for key, item in value.items()}
        pairs = [
            [self.write(key, f"{place} key", depth + 1), self.write(item, f"{place}[{key!r}]", depth + 1)]
            for key, item in value.items()
        ]
        return typed("dict", pairs)

    def _tuple(self, value: tuple[Any, ...], place: str, depth: int) -> Any:
        items = self._items(value, place, depth)
        if not hasattr(value, "_fields"):
            return typed("tuple", items)
        fields = dict(zip(value._fields, items, strict=True))
        return typed("namedtuple", fields, **{"class": value_classes.reference(type(value), place)})

    def _other(self, value: Any, place: str, depth: int) -> Any:
        if isinstance(value, datetime):
            return _datetime(value, place)
        for cls, name, write in _SCALARS:
            if isinstance(value, cls):
                return typed(name, write(value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
            return self._object("dataclass", value, fields, place, depth)
        if value_classes.is_model(type(value)):
            return self._object("pydantic", value, value.model_dump(), place, depth)
        if value_files.is_scalar(value):
            return self.write(value.item(), place, depth + 1)
        if (kind := value_files.kind_of(value)) is not None:
            if self._files is None:
                raise SerializationError(f"{place}: there is no place for the file of a {kind} here")
            try:
                return value_files.write(kind, value, self._files)
            except (ValueError, TypeError, ImportError) as error:
                line = " ".join(str(error).split())
                raise SerializationError(f"{place}: this {kind} cannot be written: {line}") from None
        raise SerializationError(f"{place}: {_article(type(value).__name__)} cannot be an XCom{_advice(value)}")

    def _object(self, kind: str, value: Any, fields: Mapping[str, Any], place: str, depth: int) -> Any:
        reference = value_classes.reference(type(value), place)
        written = {name: self.write(item, f"{place}.{name}", depth + 1) for name, item in fields.items()}
        return typed(kind, written, **{"class": reference})


class _Reader:
    def __init__(self, files: ValueFiles | None, strict: bool, allowed: tuple[str, ...]) -> None:
        self._files = files
        self._strict = strict
        self._allowed = allowed

    def read(self, data: Any) -> Any:
        if isinstance(data, list):
            return [self.read(item) for item in data]
        if not isinstance(data, dict):
            return data
        kind = data.get(MARK)
        if kind is None:
            return {key: self.read(item) for key, item in data.items()}
        try:
            return self._typed(kind, data)
        except SerializationError:
            raise
        except Exception as error:
            line = " ".join(str(error).split())
            raise SerializationError(f"the XCom is no {kind}: {type(error).__name__}: {line}") from None

    def _typed(self, kind: Any, data: Mapping[str, Any]) -> Any:
        if kind in _READERS:
            return _READERS[kind](data["value"])
        if kind in ("tuple", "set", "frozenset"):
            return _COLLECTIONS[kind](self.read(item) for item in data["value"])
        if kind == "dict":
            return {self.read(key): self.read(item) for key, item in data["value"]}
        if kind == "datetime":
            return _read_datetime(data)
        if kind in value_classes.KINDS:
            value = self.read(data["value"])
            cls = value_classes.find(str(data["class"]), kind, self._allowed, strict=self._strict)
            return value if cls is None else value_classes.build(kind, cls, value)
        if kind in value_files.KINDS:
            if self._files is None:
                raise SerializationError(f"there is no place to read the file of a {kind} from here")
            return value_files.read(kind, data, self._files)
        raise SerializationError(f"the XCom is of a type {kind!r} that this version does not know")


def _datetime(value: datetime, place: str) -> dict[str, Any]:
    if value != value:  # pandas.NaT calls itself a datetime
        raise SerializationError(f"{place}: NaT cannot be an XCom: push None")
    zone = value.tzinfo
    # zoneinfo, pytz and pendulum each have a word of their own for the name of a zone
    names = (getattr(zone, word, None) for word in ("key", "zone", "name"))
    name = next((item for item in names if isinstance(item, str)), None)
    written = typed("datetime", value.isoformat())
    return written if name is None else {**written, "zone": name}


def _read_datetime(data: Mapping[str, Any]) -> datetime:
    value = datetime.fromisoformat(data["value"])
    name = data.get("zone")
    if not isinstance(name, str) or value.tzinfo is None:
        return value
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return value  # a zone that is not known here: the instant and its offset are right all the same
    for fold in (0, 1):  # wall times that no clock shows come back as they were
        local = value.replace(tzinfo=zone, fold=fold)
        if local.utcoffset() == value.utcoffset():
            return local
    return value.astimezone(zone)


def _in_order(values: Iterable[Any]) -> list[Any]:
    """The same set gives the same JSON every time."""
    return sorted(values, key=lambda item: (type(item).__name__, repr(item)))


def _article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _advice(value: Any) -> str:
    if isinstance(value, (range, Iterable)) and not hasattr(value, "read"):
        return ": push list(…) of it"
    return ": push plain values, a dataclass, or the path of a file"


_SCALARS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (date, "date", date.isoformat),
    (time, "time", time.isoformat),
    (timedelta, "timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    (Decimal, "decimal", str),
    (UUID, "uuid", str),
    (PurePath, "path", str),
    (bytes, "bytes", lambda value: base64.b64encode(value).decode()),
)
_READERS: dict[Any, Callable[[Any], Any]] = {
    "float": float,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda value: timedelta(*value),
    "decimal": Decimal,
    "uuid": UUID,
    "path": Path,
    "bytes": base64.b64decode,
}
_COLLECTIONS: dict[Any, Callable[[Iterable[Any]], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
