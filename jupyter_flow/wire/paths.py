"""Where a house keeps its state and its sockets, from its home folder alone."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

HOME_VARIABLE = "JUPYTER_FLOW_HOME"
DAGS_VARIABLE = "JUPYTER_FLOW_DAGS"


def default_home() -> Path:
    """Return the home that every door uses when none is named: ``$JUPYTER_FLOW_HOME``, else ``flow`` under
    Jupyter's data folder (made absolute, not created).
    """
    given = os.environ.get(HOME_VARIABLE)
    return (Path(given).expanduser() if given else jupyter_data_dir() / "flow").absolute()


def jupyter_data_dir() -> Path:
    """Return what ``jupyter_core.paths.jupyter_data_dir()`` returns, without importing a third-party library."""
    if given := os.environ.get("JUPYTER_DATA_DIR"):
        return Path(given)
    home = Path("~").expanduser().resolve()
    platform_dirs = os.environ.get("JUPYTER_PLATFORM_DIRS", "no").lower() not in ("n", "no", "off", "0", "0.0", "false")
    if sys.platform == "darwin":
        return home / "Library" / ("Application Support/Jupyter" if platform_dirs else "Jupyter")
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "jupyter"


def default_dag_folders() -> tuple[Path, ...]:
    """Return the folders named by ``$JUPYTER_FLOW_DAGS`` (separated like ``$PATH``), absolute; empty if unset."""
    names = os.environ.get(DAGS_VARIABLE, "").split(os.pathsep)
    return tuple(Path(name).expanduser().absolute() for name in names if name)


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


def report_bell(home: Path) -> Path:
    """Return the path of the named pipe on which runners say that their result is written: one line, the attempt id."""
    return runtime_dir(home) / "reports"


def attempt_folder(home: Path, attempt_id: str) -> Path:
    """Return the folder for sockets of one attempt (not created). It goes with the attempt's end."""
    return runtime_dir(home) / f"a{attempt_id[:8]}"


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


def private_opener(path: str, flags: int) -> int:
    """Open a file of the home for ``open(..., opener=private_opener)``: 0600, whatever the umask; no link."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    if os.fstat(descriptor).st_mode & 0o077:
        os.fchmod(descriptor, 0o600)
    return descriptor
