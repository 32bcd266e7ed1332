"""Which files the templates of a DAG read: those that tasks name, and what these include in turn."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

LARGEST = 1_000_000
"""Bytes of a template file that is looked into."""


def with_includes(files: Iterable[str], folders: Sequence[str]) -> set[str]:
    """Return ``files`` (absolute paths) and what they include, extend or import by a name that stands in the text.

    ``folders``: where such names are looked for. What is missing, is no template or cannot be read includes nothing.
    """
    found: set[str] = set()
    pending = list(files)
    while pending:
        path = pending.pop()
        if path in found:
            continue
        found.add(path)
        for name in _included(path):
            candidates = (os.path.normpath(os.path.join(folder, name)) for folder in folders)
            pending += (candidate for candidate in candidates if os.path.isfile(candidate))
    return found


def _included(path: str) -> list[str]:
    if path.endswith(".ipynb"):
        return []
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return []
    if "{%" not in text:
        return []
    from jinja2 import Environment, TemplateError, meta  # only where a template file has a statement

    try:
        tree = Environment(autoescape=False).parse(text)  # noqa: S701 - parses only, renders nothing
        return [name for name in meta.find_referenced_templates(tree) if name is not None]
    except (TemplateError, RecursionError):
        return []  # the task says so when it renders it
