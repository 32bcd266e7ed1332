"""Virtual environments for tasks: made once for each set of requirements, kept, and shared."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from .process import run

COMPLETE = "jupyter-flow-complete.json"
"""File that tells a finished environment from a piece of one; its time is that of the last use."""

KEPT = 30 * 86_400.0
"""Seconds after its last use that an environment is kept."""


@dataclass(frozen=True)
class Venv:
    """What an environment is made of. ``requirements``: lines as pip reads them, sorted."""

    requirements: tuple[str, ...] = ()
    python_version: str | None = None
    system_site_packages: bool = True
    pip_install_options: tuple[str, ...] = ()
    index_urls: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The environments of one key are alike."""
        return hashlib.sha256(_text(self, interpreter(self.python_version)).encode()).hexdigest()[:16]

    def python(self, folder: Path) -> Path:
        """Return the interpreter of this environment in ``folder``, made now if it is not there.

        Several tasks may ask at once: one makes it, the others wait. Raises TaskFailure if it cannot be made.
        """
        from filelock import FileLock

        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        base = interpreter(self.python_version)
        place = folder / f"venv-{self.key}"
        marker = place / COMPLETE
        with FileLock(f"{place}.lock"):
            if marker.exists():
                os.utime(marker)
            else:
                shutil.rmtree(place, ignore_errors=True)
                print(f"making a virtual environment in {place}", flush=True)  # noqa: T201 - the task's log
                try:
                    self._make(base, place)
                except BaseException:
                    shutil.rmtree(place, ignore_errors=True)
                    raise
                marker.write_text(_text(self, base))
                _forget_old(folder, marker)
        return place / "bin" / "python"

    def _make(self, base: str, place: Path) -> None:
        system = ["--system-site-packages"] if self.system_site_packages else []
        uv = shutil.which("uv")
        if uv is not None:
            _checked([uv, "venv", "--quiet", "--python", base, *system, str(place)])
        else:
            _checked([base, "-m", "venv", *([] if self._needs_own_pip else ["--without-pip"]), *system, str(place)])
        if not self.requirements:
            return
        listed = place / "requirements.txt"
        listed.write_text("".join(f"{line}\n" for line in self.requirements))
        python = str(place / "bin" / "python")
        if uv is not None:
            command = [uv, "pip", "install", "--python", python]
        elif self._needs_own_pip:
            command = [python, "-m", "pip", "install", "--disable-pip-version-check"]
        else:  # ours can install there, which spares the environment one of its own
            command = [sys.executable, "-m", "pip", "--python", python, "install", "--disable-pip-version-check"]
        indexes = [part for url in self.index_urls[1:] for part in ("--extra-index-url", url)]
        if self.index_urls:
            indexes = ["--index-url", self.index_urls[0], *indexes]
        _checked([*command, *self.pip_install_options, *indexes, "-r", str(listed)])

    @property
    def _needs_own_pip(self) -> bool:
        return bool(self.requirements) and importlib.util.find_spec("pip") is None


def _forget_old(folder: Path, newest: Path) -> None:
    """Remove environments that no task has used for long."""
    before = newest.stat().st_mtime - KEPT
    for marker in folder.glob(f"venv-*/{COMPLETE}"):
        try:
            if marker.stat().st_mtime < before:
                shutil.rmtree(marker.parent, ignore_errors=True)
        except FileNotFoundError:
            continue  # another task has removed it


def interpreter(version: str | None) -> str:
    """Return the path of a Python of that version (``3.12``; None: ours). Raises TaskFailure if there is none."""
    if version is None or version in (
        f"{sys.version_info.major}.{sys.version_info.minor}",
        str(sys.version_info.major),
    ):
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        uv = shutil.which("uv")
        if uv is not None:
            found = subprocess.run([uv, "python", "find", version], capture_output=True, text=True).stdout.strip()
    if not found:
        message = f"python{version} is not on the PATH: install it or take another python_version"
        raise TaskFailure(Reason("interpreter", {"message": message}), no_retry=True)
    return found


def lines_of(requirements: str | Sequence[str]) -> tuple[str, ...]:
    """Return the lines of requirements, given as the text of a file or as a list, without comments and sorted."""
    items = requirements.splitlines() if isinstance(requirements, str) else [str(item) for item in requirements]
    lines = (line.strip() for item in items for line in item.splitlines())
    return tuple(sorted({line for line in lines if line and not line.startswith("#")}))


def _text(venv: Venv, base: str) -> str:
    return json.dumps({**asdict(venv), "base": os.path.realpath(base)}, sort_keys=True)


def _checked(command: list[str]) -> None:
    last: list[str] = []
    if run(command, line=last.append) != 0:
        problem = next((line for line in reversed(last) if line.strip()), "no message")
        raise TaskFailure(Reason("interpreter", {"message": f"the virtual environment was not made: {problem}"}))
