"""Which boards there are, and what one of them gave."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Board:
    """A line of the table. ``smoke``: the scale in ``make test``, None for never. Limits in seconds."""

    name: str
    title: str
    target: str
    scale: float
    smoke: float | None
    limit: float
    long_limit: float
    run: Callable[[float, int, Path], dict[str, Any]]


@dataclass(frozen=True)
class Result:
    """What one board gave, as it goes into the table. ``sound``: right, if perhaps too slow for the target."""

    name: str
    scale: float
    seed: int
    passed: bool
    detail: str
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)
    sound: bool = False


def names() -> list[str]:
    """Return ``R1``, ``R2``, … of the boards that are there, in this order."""
    return [f"R{number}" for number in sorted(int(path.stem[7:]) for path in HERE.glob("board_r[0-9]*.py"))]


def load(name: str) -> Board:
    """Return the board ``name`` (``R1``)."""
    module: ModuleType = importlib.import_module(f"chaos.board_r{int(name[1:]):02d}")
    return Board(
        name,
        module.TITLE,
        module.TARGET,
        getattr(module, "SCALE", 0.1),
        getattr(module, "SMOKE", 0.01),
        getattr(module, "LIMIT", 300.0),
        getattr(module, "LONG_LIMIT", 14_400.0),
        module.run,
    )


def play(board: Board, scale: float, seed: int, folder: Path) -> Result:
    """Run ``board``; what it raises is a result too."""
    begun = time.monotonic()
    folder.mkdir(parents=True)
    try:
        found = dict(board.run(scale, seed, folder))
        passed, detail = bool(found.pop("passed")), str(found.pop("detail"))
        sound = bool(found.pop("sound", passed))
    except Exception as error:
        found, passed, sound, detail = {}, False, False, f"{type(error).__name__}: {error}"
    return Result(board.name, scale, seed, passed, detail, round(time.monotonic() - begun, 1), found, sound)
