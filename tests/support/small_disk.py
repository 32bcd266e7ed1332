"""A small disk of one's own: mounted where the system lets us, else ``None``."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MB = 1024 * 1024


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Mount a disk of ``size`` bytes at ``folder``; gives False, with nothing mounted, where that is not allowed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


class Filler:
    """A file that takes the room of a disk, except ``leave`` bytes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "filler"

    def fill(self, leave: int = 0) -> None:
        """Take all the room but ``leave`` bytes."""
        import os

        piece = b"\0" * (256 * 1024)
        with self._path.open("ab", buffering=0) as file:
            while True:
                facts = os.statvfs(self._path)
                room = facts.f_bfree * facts.f_frsize - leave
                if room <= 0:
                    return
                try:
                    file.write(piece[: min(len(piece), room)])
                except OSError:
                    return

    def free(self) -> None:
        """Give the room back."""
        self._path.unlink(missing_ok=True)
