"""Importing a library without an optional part of it that costs more than it gives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_without(*modules: str) -> Iterator[None]:
    """While open, importing any of ``modules`` that is not loaded yet raises ImportError, as if not installed."""
    blocked = [name for name in modules if name not in sys.modules]
    for name in blocked:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own sign for "importing this fails"
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]


GRAMMAR_OF_IRIS = "rfc3987_syntax"
"""What jsonschema's format checks load when it is there: one second of processor time; formats are not checked."""
