"""The shipped examples, copied so that a test may run them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in EXAMPLES.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
TRAINING_TASKS = ("ingest", "validate", "features", "train", "evaluate", "register")
RETRAINING_TASKS = (
    *("take_delivery", "validate", "features", "drift", "has_it_drifted", "train", "evaluate", "register"),
    *("keep_champion", "checked"),
)


def copy_example(name: str, folder: Path) -> Path:
    """Copy the example ``name`` (``training``, ``etl``), without what runs left there, into ``folder``; return it."""
    target = folder / name
    shutil.copytree(EXAMPLES / name, target, ignore=shutil.ignore_patterns("data", ".ipynb_checkpoints", "__pycache__"))
    return target


def without_schedule(folder: Path) -> Path:
    """Take the clock out of the copied example, so that unpausing it starts no run by itself; return ``folder``."""
    for path in (*folder.glob("*.py"), *folder.glob("*_dag.ipynb")):
        text = path.read_text(encoding="utf-8")
        if "schedule=[" in text:
            continue  # by assets
        plain = re.sub(r'schedule="[^"]*"', "schedule=None", text).replace(" --schedule @daily", "")
        assert plain != text, f"{path.name} has no schedule"
        path.write_text(plain, encoding="utf-8")
    return folder
