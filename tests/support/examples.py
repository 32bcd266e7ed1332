"""The shipped examples, copied so that a test may run them."""

from __future__ import annotations

import shutil
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in EXAMPLES.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
TRAINING_TASKS = ("ingest", "validate", "features", "train", "evaluate", "register")


def copy_example(name: str, folder: Path) -> Path:
    """Copy the example ``name`` (``training``, ``etl``), without what runs left there, into ``folder``; return it."""
    target = folder / name
    shutil.copytree(EXAMPLES / name, target, ignore=shutil.ignore_patterns("data", ".ipynb_checkpoints", "__pycache__"))
    return target
