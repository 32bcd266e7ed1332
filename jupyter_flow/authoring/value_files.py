"""XComs that go by reference: numpy arrays as ``.npy``, pandas frames and series as ``.parquet``. Never pickle."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..model.typed_values import MARK

if TYPE_CHECKING:
    from .serialization import ValueFiles

_CLASSES = {"ndarray": ("numpy", "ndarray"), "dataframe": ("pandas", "DataFrame"), "series": ("pandas", "Series")}
KINDS = tuple(_CLASSES)
_COLUMN = "value"


def is_scalar(value: Any) -> bool:
    """Tell whether ``value`` is one number (or text) of numpy."""
    return hasattr(value, "dtype") and getattr(value, "shape", None) == () and callable(getattr(value, "item", None))


def kind_of(value: Any) -> str | None:
    """Return the kind of an array or frame, None for everything else. Imports nothing."""
    for kind, (module, name) in _CLASSES.items():
        loaded = sys.modules.get(module)
        if loaded is not None and isinstance(value, getattr(loaded, name)):
            return kind
    return None


def write(kind: str, value: Any, files: ValueFiles) -> dict[str, Any]:
    """Write ``value`` to a new file and return the typed value that names it."""
    if kind == "ndarray":
        return _write_array(value, files)
    frame = value if kind == "dataframe" else value.to_frame(_COLUMN)
    reference, handle = files.create(".parquet")
    with handle:
        frame.to_parquet(handle, engine="pyarrow")
    written = {MARK: kind, "reference": reference, "length": len(value), "shape": list(value.shape)}
    return {**written, "name": _plain_name(value.name)} if kind == "series" else written


def _write_array(value: Any, files: ValueFiles) -> dict[str, Any]:
    numpy = sys.modules["numpy"]
    if value.dtype.hasobject:
        raise ValueError("its elements are Python objects: convert it to numbers or text, or push a list")
    reference, handle = files.create(".npy")
    with handle:
        numpy.save(handle, value, allow_pickle=False)
    shape = list(value.shape)
    return {MARK: "ndarray", "reference": reference, "length": shape[0], "shape": shape, "dtype": str(value.dtype)}


def read(kind: str, data: Mapping[str, Any], files: ValueFiles) -> Any:
    """Return the array or frame that the typed value ``data`` names."""
    library = importlib.import_module(_CLASSES[kind][0])
    with files.open(str(data["reference"])) as handle:
        if kind == "ndarray":
            return library.load(handle, allow_pickle=False)
        frame = library.read_parquet(handle, engine="pyarrow")
    return frame if kind == "dataframe" else frame[_COLUMN].rename(data.get("name"))


def _plain_name(name: Any) -> Any:
    if name is None or isinstance(name, (str, int, float, bool)):
        return name
    raise ValueError(f"its name {name!r} is not text")
