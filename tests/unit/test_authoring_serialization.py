"""Values as JSON and back; the type hints of who receives them."""

from __future__ import annotations

import io
import json
import math
import sys
from collections import Counter, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_flow.authoring.serialization import SerializationError, deserialize, serialize
from jupyter_flow.authoring.type_hints import convert, convert_arguments, hints_of
from jupyter_flow.model.typed_values import MARK, mappable_length, type_name

BERLIN = ZoneInfo("Europe/Berlin")


class Colour(Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "yes"


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True)
class Path2:
    name: str
    points: list[Point]
    day: date
    length: int = field(default=0, init=False)


Pair = namedtuple("Pair", "left right")


class Model:
    """What pydantic 2 gives a model, as far as we use it."""

    model_fields: ClassVar[dict[str, Any]] = {"a": None}

    def __init__(self, a: int) -> None:
        self.a = a

    @classmethod
    def model_validate(cls, data: dict[str, Any]) -> Model:
        return cls(int(data["a"]))

    def __repr__(self) -> str:
        return f"Model({self.a})"

    def model_dump(self) -> dict[str, Any]:
        return {"a": self.a}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.a == self.a


class MemoryFiles:
    """Files of XComs in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def create(self, suffix: str) -> tuple[str, BinaryIO]:
        reference = f"memory://{len(self.kept)}{suffix}"
        kept = self.kept

        class Handle(io.BytesIO):
            def close(self) -> None:
                kept[reference] = self.getvalue()
                super().close()

        self.kept[reference] = b""
        return reference, Handle()

    def open(self, reference: str) -> BinaryIO:
        return io.BytesIO(self.kept[reference])


VALUES = [
    None,
    True,
    5,
    2.5,
    "text",
    [1, [2, None]],
    {"a": {"b": [1]}},
    {1: "one", (2, 3): "pair"},
    {MARK: "not ours", "value": 1},
    (1, (2, [3])),
    {3, 1},
    frozenset({"a"}),
    b"\x00\xff",
    Decimal("1.10"),
    UUID(int=7),
    Path("/data/in.csv"),
    date(2026, 3, 1),
    time(2, 30),
    timedelta(days=-1, microseconds=1),
    datetime(2026, 3, 1, 2, 30),
    datetime(2026, 3, 1, 2, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    math.inf,
    Colour.RED,
    Colour.PAIR,
    Level.HIGH,
    Word.YES,
    Point(1.5),
    Path2("p", [Point(1, 2), Point(3)], date(2026, 1, 1)),
    Pair(1, (2,)),
    Model(4),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_were(value: Any) -> None:
    data = json.loads(json.dumps(serialize(value), allow_nan=False))
    back = deserialize(data)
    assert back == value
    assert type(back) is type(value) or isinstance(value, Path)


def test_zones_stay_zones() -> None:
    back = deserialize(serialize(datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)))
    assert (str(back.tzinfo), back.fold, back.utcoffset()) == ("Europe/Berlin", 1, timedelta(hours=1))
    unknown = {**serialize(datetime(2026, 1, 1, tzinfo=BERLIN)), "zone": "Nowhere/Land"}
    assert deserialize(unknown) == datetime(2026, 1, 1, tzinfo=BERLIN)


def test_what_is_not_a_number_stays_it() -> None:
    assert math.isnan(deserialize(serialize(math.nan)))
    assert serialize(numpy.float64(2.5)) == 2.5
    assert serialize([numpy.int64(3), numpy.bool_(True)]) == [3, True]
    assert serialize(Counter("aab")) == {"a": 2, "b": 1}


_atoms = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates()
    | st.datetimes(timezones=st.none() | st.sampled_from([UTC, BERLIN])) | st.timedeltas()
    | st.decimals(allow_nan=False)
)  # fmt: skip
_values = st.recursive(
    _atoms,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.integers(), inner)
    ),
)


@settings(deadline=None)
@given(_values)
def test_any_value_comes_back(value: Any) -> None:
    assert deserialize(json.loads(json.dumps(serialize(value), allow_nan=False))) == value


def test_a_refusal_names_the_place_and_what_to_do() -> None:
    cases = {
        "value['a'][1]: an object cannot be an XCom: push plain values, a dataclass, or the path of a file": {
            "a": [1, object()]
        },
        "value: a range cannot be an XCom: push list(…) of it": range(3),
        "value: NaT cannot be an XCom: push None": pandas.NaT,
        "value: there is no place for the file of a ndarray here": numpy.arange(3),
    }
    for message, value in cases.items():
        with pytest.raises(SerializationError) as caught:
            serialize(value)
        assert str(caught.value) == message

    @dataclass
    class Local:
        a: int

    with pytest.raises(SerializationError, match="class Local is defined within a function: define it at the top"):
        serialize(Local(1))
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(SerializationError, match="nested deeper than 60 levels"):
        serialize(deep)


def test_classes_are_taken_from_loaded_modules_only(monkeypatch: pytest.MonkeyPatch) -> None:
    data = {MARK: "dataclass", "class": "wave:Wave_read", "value": {"f": 1}}
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with pytest.raises(SerializationError, match="a Wave_read of wave, which is not loaded here: import it in the DAG"):
        deserialize(data)
    assert "wave" not in sys.modules
    assert deserialize(data, strict=False) == {"f": 1}
    with pytest.raises(SerializationError, match="which has no such dataclass now"):
        deserialize(data, allowed=["wave.*"])
    for name in ("subprocess:Popen", "os:system", "builtins:dict", f"{__name__}:Gone", f"{__name__}:Model"):
        with pytest.raises(SerializationError, match="which has no such dataclass now"):
            deserialize({MARK: "dataclass", "class": name, "value": {}})


def test_damaged_typed_values_are_refused_in_a_sentence() -> None:
    with pytest.raises(SerializationError, match="the XCom is no datetime: ValueError: Invalid isoformat"):
        deserialize({MARK: "datetime", "value": "soon"})
    with pytest.raises(SerializationError, match="of a type 'future' that this version does not know"):
        deserialize({MARK: "future", "value": 1})
    with pytest.raises(SerializationError, match="Point has no field 'z'"):
        deserialize({MARK: "dataclass", "class": f"{__name__}:Point", "value": {"z": 1}})


# by reference


def test_arrays_and_frames_go_by_reference() -> None:
    files = MemoryFiles()
    array = numpy.arange(6, dtype="float32").reshape(2, 3)
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]}, index=pandas.Index([5, 6, 7], name="i"))
    series = pandas.Series([0.5, 1.5], name="loss", index=["a", "b"])
    data = serialize({"array": array, "frame": frame, "series": series, "scalar": numpy.array(3)}, files=files)
    assert json.loads(json.dumps(data)) == data
    assert data["array"] == {
        MARK: "ndarray", "reference": "memory://0.npy", "length": 2, "shape": [2, 3], "dtype": "float32"
    }  # fmt: skip
    assert [type_name(item) for item in data.values()] == ["ndarray", "dataframe", "series", "int"]
    back = deserialize(data, files=files)
    assert (back["array"] == array).all()
    assert back["array"].dtype == array.dtype
    pandas.testing.assert_frame_equal(back["frame"], frame)
    pandas.testing.assert_series_equal(back["series"], series)


def test_no_pickle_within_files() -> None:
    files = MemoryFiles()
    with pytest.raises(SerializationError, match="this ndarray cannot be written: its elements are Python objects"):
        serialize(numpy.array([object()]), files=files)
    with pytest.raises(SerializationError, match="value: this dataframe cannot be written"):
        serialize(pandas.DataFrame({"a": [object(), 1]}), files=files)
    handle = io.BytesIO()
    numpy.save(handle, numpy.array([{}]), allow_pickle=True)
    files.kept["memory://evil.npy"] = handle.getvalue()
    with pytest.raises(SerializationError, match="Object arrays cannot be loaded when allow_pickle=False"):
        deserialize({MARK: "ndarray", "reference": "memory://evil.npy"}, files=files)


# lengths


def test_lengths_are_those_of_what_can_be_mapped_over() -> None:
    def length(value: Any) -> int | None:
        return mappable_length(serialize(value, files=MemoryFiles()))

    assert [length(value) for value in ([1, 2], (1,), {1, 2, 3}, {"a": 1}, {1: 2}, [])] == [2, 1, 3, 1, 1, 0]
    assert [length(value) for value in ("text", 5, None, datetime(2026, 1, 1), Point(1), b"ab")] == [None] * 6
    assert length(numpy.zeros((4, 2))) == 4
    assert length(pandas.DataFrame({"a": [1, 2]})) == 2
    assert mappable_length({MARK: "ndarray", "length": -3}) is None
    assert [type_name(serialize(value)) for value in (None, 1, "a", (1,), Point(1), Colour.RED)] == [
        "null", "int", "str", "tuple", "Point", "Colour"
    ]  # fmt: skip


# type hints


def test_hints_make_of_plain_values_what_they_say() -> None:
    day = date(2026, 1, 2)
    assert convert({"x": 1, "y": 2}, Point) == Point(1, 2)
    assert convert({"name": "n", "points": [{"x": 1}], "day": "2026-01-02"}, Path2) == Path2("n", [Point(1)], day)
    assert convert([{"x": 1}], list[Point]) == [Point(1)]
    assert convert({"a": {"x": 1}}, dict[str, Point]) == {"a": Point(1)}
    assert convert(["2026-01-02"], tuple[date, ...]) == (day,)
    assert convert([1, "2026-01-02"], tuple[int, date]) == (1, day)
    assert convert([1, 1], set) == {1}
    assert convert("2026-01-02T03:00:00+00:00", datetime) == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert convert("2026-01-02T03:00:00+00:00", date) == day
    assert convert(90, timedelta) == timedelta(seconds=90)
    assert convert("red", Colour) is Colour.RED
    assert convert("1.5", Decimal) == Decimal("1.5")
    assert convert("/a", Path) == Path("/a")
    assert convert({"a": "3"}, Model) == Model(3)
    assert convert([1, 2], Pair) == Pair(1, 2)
    assert (convert([1, 2], numpy.ndarray) == numpy.array([1, 2])).all()
    assert convert("2026-01-02", date | None) == day
    assert convert({"x": 1}, Point | None) == Point(1)
    assert convert("2026-01-02", str | date) == "2026-01-02"
    assert convert("red", Annotated[Colour, "note"]) is Colour.RED


def test_hints_leave_alone_what_fits_or_is_not_theirs() -> None:
    same: list[Any] = [1]
    assert convert(same, list[int]) is same
    assert convert("3", int) == "3"
    assert convert("3", float) == "3"
    assert convert(None, Point) is None
    point = Point(1)
    assert convert(point, Point) is point


def test_arguments_of_a_call() -> None:
    def takes(first: Point, *rest: date, mode: Colour = Colour.RED, missing: Nowhere = 1, **more: Path) -> None: ...  # type: ignore[name-defined] # noqa: F821

    args, kwargs = convert_arguments(takes, [{"x": 1}, "2026-01-02"], {"mode": "red", "missing": 2, "other": "/p"})
    assert args == [Point(1), date(2026, 1, 2)]
    assert kwargs == {"mode": Colour.RED, "missing": 2, "other": Path("/p")}
    assert hints_of(print) == {}
    with pytest.raises(
        TypeError, match=r"argument 'mode' of takes\(\) does not become what its type hint says: 'blue'"
    ):
        convert_arguments(takes, [], {"mode": "blue"})
