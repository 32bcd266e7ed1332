"""Calls one function in an interpreter that has nothing of this package: ``python foreign_call.py CALL ANSWER``.

CALL is a JSON file: ``script`` (a Python file), ``function`` (its name), ``args``, ``kwargs``, ``string_args``. ANSWER
gets ``{"value": …}`` or ``{"error": {"type", "message"}}``. Values that are not JSON cross as typed values, as in
``authoring.serialization``. Standard library only, for Python 3.8 and later.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import importlib.util
import inspect
import json
import math
import os
import pathlib
import sys
import traceback
import uuid

MARK = "__jupyter_flow__"


def encode(value, place="value"):
    """Return ``value`` as JSON. Raises TypeError naming the place of what cannot be."""
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {MARK: "float", "value": repr(value)}
    if isinstance(value, list):
        return [encode(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, (tuple, set, frozenset)):
        kind = next(cls for cls in (tuple, frozenset, set) if isinstance(value, cls)).__name__
        items = value if kind == "tuple" else sorted(value, key=lambda item: (type(item).__name__, repr(item)))
        return {MARK: kind, "value": [encode(item, place) for item in items]}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value) and MARK not in value:
            return {key: encode(item, f"{place}[{key!r}]") for key, item in value.items()}
        return {MARK: "dict", "value": [[encode(key, place), encode(item, place)] for key, item in value.items()]}
    if isinstance(value, datetime.datetime):
        name = getattr(value.tzinfo, "key", None)
        return {MARK: "datetime", "value": value.isoformat(), **({"zone": name} if isinstance(name, str) else {})}
    for cls, kind, write in _WRITERS:
        if isinstance(value, cls):
            return {MARK: kind, "value": write(value)}
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return encode(value.item(), place)
    raise TypeError(f"{place}: a {type(value).__name__} cannot leave this interpreter: return plain values or a path")


def decode(data):
    """Return the value that JSON ``data`` stands for."""
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    kind, value = data.get(MARK), data.get("value")
    if kind is None:
        return {key: decode(item) for key, item in data.items()}
    if kind == "dict":
        return {decode(key): decode(item) for key, item in value}
    if kind in _COLLECTIONS:
        return _COLLECTIONS[kind](decode(item) for item in value)
    if kind == "datetime":
        return _zoned(datetime.datetime.fromisoformat(value), data.get("zone"))
    if kind in _READERS:
        return _READERS[kind](value)
    if kind in ("namedtuple", "dataclass", "pydantic", "enum"):
        return decode(value)
    raise TypeError(f"an argument is a {kind}, which has no place in this interpreter: pass plain values or a path")


def _zoned(value, name):
    if name is None or value.tzinfo is None:
        return value
    try:
        from zoneinfo import ZoneInfo

        return value.astimezone(ZoneInfo(name))
    except (ImportError, KeyError, ValueError, OSError):
        return value


_WRITERS = (
    (datetime.date, "date", datetime.date.isoformat),
    (datetime.time, "time", datetime.time.isoformat),
    (datetime.timedelta, "timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    (decimal.Decimal, "decimal", str),
    (uuid.UUID, "uuid", str),
    (pathlib.PurePath, "path", str),
    (bytes, "bytes", lambda value: base64.b64encode(value).decode()),
)
_READERS = {
    "float": float,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda value: datetime.timedelta(*value),
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "path": pathlib.Path,
    "bytes": base64.b64decode,
}
_COLLECTIONS = {"tuple": tuple, "set": set, "frozenset": frozenset}


def call(request):
    """Load the script of ``request`` and return what its function returns."""
    spec = importlib.util.spec_from_file_location("task_function", request["script"])
    module = importlib.util.module_from_spec(spec)
    module.virtualenv_string_args = request["string_args"]
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function = getattr(module, request["function"])
    result = function(*decode(request["args"]), **decode(request["kwargs"]))
    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    return encode(result, "the return value")


def main(arguments):
    """Make the call and write the answer. Returns the exit code."""
    with open(arguments[0], encoding="utf-8") as file:
        request = json.load(file)
    sys.dont_write_bytecode = True
    sys.path.pop(0)  # the folder of this file
    code = 0
    try:
        answer = {"value": call(request)}
    except Exception as error:
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames or error.__traceback__)
        answer = {"error": {"type": type(error).__name__, "message": str(error)[:2000]}}
        code = 1
    with open(arguments[1] + ".part", "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.replace(arguments[1] + ".part", arguments[1])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
