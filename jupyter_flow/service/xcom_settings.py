"""Where XComs are kept outside the database: the settings, from the command line and the environment to the host."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import InvalidInput
from ..model.records import XComSettings

_NAMES = {"xcom_store": "store", "xcom_threshold": "threshold", "xcom_backend": "backend"}
_CLASSES = "xcom_allowed_classes"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line of a host take these settings."""
    try:
        given = from_environment()
    except InvalidInput as error:
        parser.error(str(error))
    for option, name in _NAMES.items():
        value = getattr(given, name)
        parser.add_argument(f"--{option.replace('_', '-')}", default=value, type=type(value))
    parser.add_argument("--xcom-allowed-class", dest=_CLASSES, action="append", default=list(given.allowed_classes))


def settings_of(given: argparse.Namespace, parser: argparse.ArgumentParser) -> XComSettings:
    """Return the settings that the command line gave; those that mean nothing end the process with one line."""
    try:
        return make({**{option: getattr(given, option) for option in _NAMES}, _CLASSES: getattr(given, _CLASSES)})
    except InvalidInput as error:
        parser.error(str(error))


def make(values: Mapping[str, Any]) -> XComSettings:
    """Return settings from ``xcom_store``, ``xcom_threshold`` …; raises :class:`InvalidInput` for unusable ones."""
    found = {name: values[option] for option, name in _NAMES.items() if option in values}
    settings = XComSettings(**found, allowed_classes=tuple(values.get(_CLASSES, ())))
    store = settings.store
    if store and ("://" not in store or (store.startswith("file:") and not store.startswith("file:///"))):
        raise InvalidInput(f"xcom_store {store!r} is no URL of a folder: write file:///folder or s3://bucket/folder")
    if settings.threshold < 0:
        raise InvalidInput(f"xcom_threshold {settings.threshold} must be a number of bytes")
    if settings.backend and not all(part for part in settings.backend.partition(":")):
        raise InvalidInput(f"xcom_backend {settings.backend!r} names no class: write module:Class")
    return settings


def options(config: FlowConfig) -> list[str]:
    """Return the words of a host's command line for ``config``: what differs from the defaults."""
    words, plain = [], XComSettings()
    for option, name in _NAMES.items():
        if (value := getattr(config.xcom, name)) != getattr(plain, name):
            words += [f"--{option.replace('_', '-')}", str(value)]
    for pattern in config.xcom.allowed_classes:
        words += ["--xcom-allowed-class", pattern]
    return words


def from_environment(environment: Mapping[str, str] = os.environ) -> XComSettings:
    """Return the settings that ``$JUPYTER_FLOW_XCOM_STORE`` … give. Raises :class:`InvalidInput`."""
    values: dict[str, Any] = {}
    for option in (*_NAMES, _CLASSES):
        if text := environment.get(f"JUPYTER_FLOW_{option.upper()}"):
            values[option] = text
    if not values.get("xcom_threshold", "0").isdigit():
        raise InvalidInput(f"$JUPYTER_FLOW_XCOM_THRESHOLD {values['xcom_threshold']!r} must be a number of bytes")
    if "xcom_threshold" in values:
        values["xcom_threshold"] = int(values["xcom_threshold"])
    values[_CLASSES] = [part.strip() for part in values.get(_CLASSES, "").split(",") if part.strip()]
    return make(values)
