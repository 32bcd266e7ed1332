"""Reading what children left, with suspicion: they run user code and may have written anything."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

from ..model.records import Report
from .executor import Problem

RESULT_FILE = "result.json"
RESULT_MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32


class BadResult(ValueError):
    """A file of a child that cannot be trusted; the message is one line."""


def read_json(folder: Path, name: str, max_bytes: int = RESULT_MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Return the JSON value in file ``name`` of a child's ``folder``.

    Follows no link, accepts only a regular file of our own user, within size and depth. Raises FileNotFoundError
    if there is none, :class:`BadResult` if it is not acceptable.
    """
    data = read_file(folder, name, max_bytes)
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except RecursionError:
        raise BadResult(f"{name} is nested more than {max_depth} deep") from None
    except ValueError as error:
        raise BadResult(f"{name} is not JSON: {error}") from None
    if _is_deeper(value, max_depth):
        raise BadResult(f"{name} is nested more than {max_depth} deep")
    return value


def read_file(folder: Path, name: str, max_bytes: int) -> bytes:
    """Return the content of file ``name`` of a child's ``folder``; raises as :func:`read_json` does."""
    try:
        parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadResult(f"the spool folder cannot be opened: {error.strerror}") from None
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadResult(f"{name} cannot be opened: {error.strerror}") from None
    finally:
        os.close(parent)
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid():
        os.close(descriptor)
        kind = "is not a regular file" if not stat.S_ISREG(info.st_mode) else f"belongs to user {info.st_uid}"
        raise BadResult(f"{name} {kind}")
    with open(descriptor, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise BadResult(f"{name} has more than {max_bytes} bytes")
    return data


def read_report(folder: Path, attempt_id: str) -> Report | Problem:
    """Return the report of an attempt, or why there is none."""
    try:
        value = read_json(folder, RESULT_FILE)
        if not isinstance(value, dict):
            raise BadResult(f"{RESULT_FILE} is not an object")
        report = Report.from_json(value)
    except FileNotFoundError:
        return Problem("missing", f"it left no {RESULT_FILE}")
    except (ValueError, AttributeError) as error:
        return Problem("bad", str(error))
    if report.attempt_id != attempt_id:
        return Problem("bad", f"{RESULT_FILE} is of another attempt")
    return report


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _is_deeper(value: Any, limit: int) -> bool:
    """Tell whether ``value`` is nested deeper than ``limit`` (a number has depth 0, ``[]`` depth 1)."""
    level, depth = [value], 0
    while level:
        containers = [item for item in level if isinstance(item, dict | list)]
        depth += bool(containers)
        if depth > limit:
            return True
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    return False
