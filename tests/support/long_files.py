"""The order of test files: the longest begin first.

Then no ring ends with a tail in which one process works and the others have nothing left to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest


def put_first(items: list[pytest.Item], folder: Path, names: Sequence[str]) -> None:
    """Sort ``items`` in place: those of the files ``names`` (without ``.py``) below ``folder`` first, in that order."""
    lost = [name for name in names if not list(folder.rglob(f"{name}.py"))]
    if lost:
        raise pytest.UsageError(f"there are no such long files in {folder.name}: {', '.join(lost)}")
    places = {name: place for place, name in enumerate(names)}
    items.sort(key=lambda item: places.get(item.path.stem, len(names)))
