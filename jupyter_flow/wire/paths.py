"""Where a house keeps its state and its sockets, from its home folder alone."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

HOME_VARIABLE = "JUPYTER_FLOW_HOME"


def runtime_dir(home: Path) -> Path:
    """Return the short, local, private folder for the sockets of the house at ``home`` (not created).

    Unix socket paths are limited to about 100 bytes and do not work on network file systems, so sockets never
    stand in ``home`` itself: ``$XDG_RUNTIME_DIR`` (or the temporary folder), our name with the uid, a digest
    of the resolved home.
    """
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    base = os.environ.get("XDG_RUNTIME_DIR")
    if not base or not os.access(base, os.W_OK) or len(base) > 60:
        base = tempfile.gettempdir()
    return Path(base) / f"jupyter-flow-{os.getuid()}" / digest


def house_socket(home: Path) -> Path:
    """Return the path of ``house.sock`` for ``home``."""
    return runtime_dir(home) / "house.sock"


def ensure_private_dir(path: Path) -> Path:
    """Create ``path`` (0700, parents too) and refuse one that is a link or belongs to somebody else.

    Raises PermissionError with a sentence.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = path.lstat()
    if not os.path.isdir(path) or os.path.islink(path) or info.st_uid != os.getuid():
        raise PermissionError(f"{path} is not a folder of yours: remove it or set {HOME_VARIABLE}")
    if info.st_mode & 0o077:
        path.chmod(0o700)
    return path
