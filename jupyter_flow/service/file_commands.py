"""Commands that write into the DAG folders: save a DAG file, delete one. Each is written at once or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from ..model.errors import Conflict, InvalidInput, NotFound
from ..model.faultpoint import faultpoint
from ..model.records import Actor
from .commanding import command
from .documents import Document
from .file_names import digest_of, place_of, read_text
from .house import House


def save_file(
    house: House, actor: Actor, name: str, text: str, replaces: str | None = None, folder: str | None = None
) -> Document:
    """Write ``text`` into a DAG file, which is parsed then.

    ``replaces``: the digest of the text that the author has seen; None: there is no such file yet.
    Raises :class:`Conflict` if it is another one by now.
    """
    if not isinstance(text, str):
        raise InvalidInput("text must be the text of the DAG file")
    arguments = {"name": name, "replaces": replaces, "sha256": digest_of(text)}
    with command(house, actor, "files.save", "edit", arguments=arguments):
        base, path = place_of(house.config, folder, name)
        _check_replaced(path, name, replaces)
        _write(path, text)
    house.effects.reload(False)
    return {"folder": str(base), "name": name, "text": text, "sha256": digest_of(text)}


def delete_file(house: House, actor: Actor, name: str, folder: str | None = None) -> Document:
    """Delete a DAG file. Its DAGs become inactive; their runs stay, and its pinned versions can be restored."""
    with command(house, actor, "files.delete", "delete", arguments={"name": name}):
        _, path = place_of(house.config, folder, name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise NotFound(f"there is no DAG file {path}") from None
        except OSError as error:
            raise InvalidInput(f"{path} cannot be deleted: {error.strerror or error}") from None
    house.effects.reload(False)
    return {}


def _check_replaced(path: Path, name: str, replaces: str | None) -> None:
    if not path.exists():
        if replaces is not None:
            raise Conflict(f"{name} is gone meanwhile: save it as a new file")
        return
    if replaces is None:
        raise Conflict(f"there is a DAG file {name} already")
    if digest_of(read_text(path)) != replaces:
        raise Conflict(f"{name} was changed meanwhile: look at it again first")


def _write(path: Path, text: str) -> None:
    """Write beside the file and rename: a parse never sees half of it."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("the text is not UTF-8: it holds half of a surrogate pair") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.parent / f".{uuid.uuid4().hex}.new"
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            if path.exists():
                scratch.chmod(path.stat().st_mode & 0o777)
            faultpoint("dag_file.before_rename")
            os.replace(scratch, path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror or error}") from None
