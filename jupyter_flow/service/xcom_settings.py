"""Where XComs are kept outside the database: the settings, from the command line and the environment to the host."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import InvalidInput

_NAMES = ("xcom_store", "xcom_threshold", "xcom_backend")
_CLASSES = "xcom_allowed_classes"
_DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(FlowConfig) if item.name in (*_NAMES, _CLASSES)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line of a host take these settings."""
    try:
        given = from_environment()
    except InvalidInput as error:
        parser.error(str(error))
    for name in _NAMES:
        parser.add_argument(f"--{name.replace('_', '-')}", default=given[name], type=type(given[name]))
    parser.add_argument("--xcom-allowed-class", dest=_CLASSES, action="append", default=list(given[_CLASSES]))


def settings_of(given: argparse.Namespace, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the fields of a :class:`FlowConfig` that the command line gave; bad ones end the process with one line."""
    try:
        return checked({name: getattr(given, name) for name in _DEFAULTS})
    except InvalidInput as error:
        parser.error(str(error))


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``xcom_store``, ``xcom_threshold`` … as fields of a config; InvalidInput for what means nothing."""
    found = {**_DEFAULTS, **values}
    store, backend = found["xcom_store"], found["xcom_backend"]
    if store and ("://" not in store or (store.startswith("file:") and not store.startswith("file:///"))):
        raise InvalidInput(f"xcom_store {store!r} is no URL of a folder: write file:///folder or s3://bucket/folder")
    if found["xcom_threshold"] < 0:
        raise InvalidInput(f"xcom_threshold {found['xcom_threshold']} must be a number of bytes")
    if backend and not all(part for part in backend.partition(":")):
        raise InvalidInput(f"xcom_backend {backend!r} names no class: write module:Class")
    return {**found, _CLASSES: tuple(found[_CLASSES])}


def options(config: FlowConfig) -> list[str]:
    """Return the words of a host's command line for ``config``: what differs from the defaults."""
    words = []
    for name in _NAMES:
        if (value := getattr(config, name)) != _DEFAULTS[name]:
            words += [f"--{name.replace('_', '-')}", str(value)]
    for pattern in config.xcom_allowed_classes:
        words += ["--xcom-allowed-class", pattern]
    return words


def from_environment(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the fields of a config that ``$JUPYTER_FLOW_XCOM_STORE`` … give. Raises :class:`InvalidInput`."""
    values: dict[str, Any] = {}
    for name in _DEFAULTS:
        if text := environment.get(f"JUPYTER_FLOW_{name.upper()}"):
            values[name] = text
    if "xcom_threshold" in values:
        if not values["xcom_threshold"].isdigit():
            text = values["xcom_threshold"]
            raise InvalidInput(f"$JUPYTER_FLOW_XCOM_THRESHOLD {text!r} must be a number of bytes")
        values["xcom_threshold"] = int(values["xcom_threshold"])
    if _CLASSES in values:
        values[_CLASSES] = [part.strip() for part in values[_CLASSES].split(",") if part.strip()]
    return checked(values)
