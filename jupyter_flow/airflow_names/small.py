"""Small things of Airflow that nothing else here needs."""

from __future__ import annotations

import importlib.util
import json
import logging
import random as _random
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import dateutil  # type: ignore[import-untyped]
import yaml  # type: ignore[import-untyped]

from ..authoring.connection import Connection
from ..timetables.assets import AssetOrTimeSchedule

__all__ = ["BaseHook", "DatasetOrTimeSchedule", "LoggingMixin", "ParamsDict", "apply_defaults", "dateutil"]
__all__ += ["datetime", "is_venv_installed", "json", "random", "time", "timedelta", "uuid", "vocabulary", "yaml"]

_F = TypeVar("_F", bound=Callable[..., Any])
vocabulary = "3.1.0"
"""``airflow.__version__``: the version whose names are answered, so that files that ask take today's paths."""
ParamsDict = dict
random = _random.random


class LoggingMixin:
    """Gives an object ``log``, a logger with the name of its class."""

    @property
    def log(self) -> logging.Logger:
        """The logger."""
        return logging.getLogger(f"{type(self).__module__}.{type(self).__name__}")


class BaseHook(LoggingMixin):
    """Base of authors' own hooks: finds connections."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """Return a connection. Raises :class:`.connection.ConnectionNotFound`."""
        return Connection.get(conn_id)

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: Any = None) -> Any:
        """Refuse: there are no hooks for kinds of connections."""
        raise NotImplementedError(
            f"get_hook({conn_id!r}): there are no hooks here: use the library itself with BaseHook.get_connection(…)"
        )

    def get_conn(self) -> Any:
        """Return the open connection. Hooks define this."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_conn()")


class DatasetOrTimeSchedule(AssetOrTimeSchedule):
    """The old name of :class:`AssetOrTimeSchedule`, with ``datasets`` for ``assets``."""

    def __init__(self, *, timetable: Any, datasets: Any) -> None:
        super().__init__(timetable=timetable, assets=datasets)


def apply_defaults(function: _F) -> _F:
    """Return ``function``: every operator takes ``default_args`` by itself."""
    return function


def is_venv_installed() -> bool:
    """Tell whether tasks can get virtual environments."""
    return importlib.util.find_spec("venv") is not None
