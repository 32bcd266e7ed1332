"""How much room the disk of the home has, and when that is too little."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MB = 1024 * 1024
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors that say that nothing more can be written for now."""

Level = Literal["full", "low"]


@dataclass(frozen=True)
class Space:
    """Bytes ``free`` for us, of ``total``; ``no_files``: bytes may be free, but no more files can be made."""

    free: int
    total: int
    no_files: bool = False

    def __str__(self) -> str:
        if self.no_files:
            return "no more files can be made there"
        return f"{self.free // MB} of {self.total // MB} MB free"


def space_of(folder: Path) -> Space | None:
    """Return the room on the disk of ``folder``; None if the system does not say."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return None
    blocks = facts.f_bfree if os.geteuid() == 0 else facts.f_bavail
    files = facts.f_ffree if os.geteuid() == 0 else facts.f_favail
    if not facts.f_blocks:
        return None
    return Space(blocks * facts.f_frsize, facts.f_blocks * facts.f_frsize, facts.f_files > 0 and files <= 16)


def floor_of(total: int) -> int:
    """Return the bytes that running tasks are left to end with: below, nothing new starts."""
    return min(16 * MB, total // 20)


def low_below(total: int) -> int:
    """Return the free bytes below which the disk is almost full: 1 %, at least 50 MB, and never a lot."""
    return max(min(max(50 * MB, total // 100), 1024 * MB, total // 10), 2 * floor_of(total))


def level_of(space: Space, before: Level | None = None) -> Level | None:
    """Return how full a disk is. What was said ``before`` holds until there is a quarter more than its bound."""
    bounds: tuple[tuple[Level, int], ...] = (("full", floor_of(space.total)), ("low", low_below(space.total)))
    if space.no_files:
        return "full"
    for level, bound in bounds:
        if space.free < (bound * 5 // 4 if level == before or before == "full" else bound):
            return level
    return None
