"""``resources=`` of a task: what it asks for, in our names; Airflow's are understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .exceptions import DagError

_AIRFLOW = {"cpus": "CPU", "cpu": "CPU", "gpus": "GPU", "gpu": "GPU", "mem": "memory"}
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def check_resources(where: str, name: str, value: Any) -> dict[str, float]:
    """Return ``{"memory": bytes, "CPU": cores, "GPU": devices, …}``.

    ``memory`` may be text such as ``"8 GB"``; Airflow's ``ram`` is in MB. Raises :class:`DagError`.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DagError(f"{where}: {name} must be a mapping such as {{'memory': '8 GB', 'GPU': 1}}, not {value!r}")
    found: dict[str, float] = {}
    for key, amount in value.items():
        unit = 10**6 if key == "ram" else 1
        known = "memory" if key == "ram" else _AIRFLOW.get(key, key)
        if known == "memory" and isinstance(amount, str):
            amount = _size(where, name, amount)
        if not isinstance(known, str) or isinstance(amount, bool) or not isinstance(amount, int | float) or amount < 0:
            raise DagError(f"{where}: {name}[{key!r}] must be a number from 0 on, not {amount!r}")
        found[known] = float(amount * unit)
    return found


def _size(where: str, name: str, text: str) -> float:
    found = _SIZE.fullmatch(text)
    if found is None or found[2].upper() not in _UNITS:
        raise DagError(f"{where}: {name}['memory'] {text!r} is no size: write a number of bytes, or '8 GB'")
    return float(found[1]) * _UNITS[found[2].upper()]
