"""Settings of queues and mapping on the way to a host: command line to configuration and back."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import InvalidInput


def read_queues(texts: Iterable[str]) -> dict[str, int]:
    """Read ``NAME=SLOTS`` texts. Raises :class:`InvalidInput`."""
    found: dict[str, int] = {}
    for text in texts:
        name, _, slots = text.rpartition("=")
        if not name or not slots.isdecimal():
            raise InvalidInput(f"queue {text!r} must be written NAME=SLOTS, e.g. gpu=2")
        found[name] = int(slots)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let a host's command line take these settings."""
    parser.add_argument("--queue", action="append", default=[], help="NAME=SLOTS of a queue it serves (repeatable)")
    parser.add_argument("--max-map-length", type=int, default=FlowConfig.max_map_length)


def settings_of(given: argparse.Namespace, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the fields of :class:`FlowConfig` that the command line says; unusable ones end the process."""
    try:
        return {"queues": read_queues(given.queue), "max_map_length": given.max_map_length}
    except InvalidInput as error:
        parser.error(str(error))


def options(config: FlowConfig) -> list[str]:
    """Return the words of the command line that say these settings."""
    words = ["--max-map-length", str(config.max_map_length)]
    for name, slots in config.queues.items():
        words += ["--queue", f"{name}={slots}"]
    return words
