"""Which names a DAG file may have, and where it lies: nothing outside of the DAG folders is ever touched."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..model.config import FlowConfig
from ..model.errors import InvalidInput, NotFound
from ..parsing.scan import MAX_READ, SKIPPED_FOLDERS, is_text

SUFFIXES = (".py", ".ipynb")
MOST_LETTERS = 250


def dag_folder(config: FlowConfig, folder: str | None) -> Path:
    """Return the DAG folder of this name, the first one for None. Raises :class:`InvalidInput` for any other."""
    folders = [path.resolve() for path in config.dag_folders]
    if folder is None and folders:
        return folders[0]
    for path in folders:
        if str(path) == folder:
            return path
    raise InvalidInput(f"{folder!r} is none of the DAG folders: {', '.join(map(str, folders))}")


def place_of(config: FlowConfig, folder: str | None, name: object) -> tuple[Path, Path]:
    """Return the DAG folder and the path of the DAG file ``name`` in it; it need not exist.

    Raises :class:`InvalidInput` for a name that no DAG file may have, or that a link leads out of the folder.
    """
    base = dag_folder(config, folder)
    text = check_file_name(name)
    path = base / text
    if path.is_symlink() or not path.parent.resolve().is_relative_to(base):
        raise InvalidInput(f"{text} is a link, or lies in a folder that a link leads to: change it where it lies")
    return base, path


def check_file_name(name: object) -> str:
    """Return ``name`` if it is a usable path beneath a DAG folder. Raises :class:`InvalidInput`."""
    if not isinstance(name, str) or not 0 < len(name) <= MOST_LETTERS or not is_text(name) or not name.isprintable():
        raise InvalidInput(f"a DAG file has a name of 1 to {MOST_LETTERS} printable characters")
    parts = name.split("/")
    if any(not part or part.startswith(".") or part in SKIPPED_FOLDERS for part in parts) or "\\" in name:
        raise InvalidInput(f"{name!r} is not usable: no hidden or empty parts, no .., no backslash, no cache folders")
    if not name.endswith(SUFFIXES):
        raise InvalidInput(f"{name!r} is no DAG file: its name must end with .py or .ipynb")
    return name


def read_text(path: Path) -> str:
    """Return the text of a DAG file. Raises :class:`NotFound` or :class:`InvalidInput`."""
    try:
        if path.stat().st_size > MAX_READ:
            raise InvalidInput(f"{path.name} is larger than {MAX_READ} bytes")
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no DAG file {path}") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8 text") from None


def digest_of(text: str) -> str:
    """Return what a DAG file with this text is known by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
