"""Views of the code that runs used: the versions of a DAG, and the files of each as they were."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..model.errors import InvalidInput, NotFound
from ..model.instants import iso_or_none
from ..model.records import Actor
from ..parsing.bundles import beneath
from ..storage import dag_versions, dags
from .authorize import authorize
from .documents import Document
from .house import House
from .page_limit import check_limit
from .pinned_files import bundle_folder

MOST_VERSIONS = 500
MOST_BYTES = 2_000_000
"""As much of a file as is shown: nobody reads more."""
_LARGEST = 2**31 - 1


def list_versions(house: House, actor: Actor, dag_id: str, limit: int = 100, before: int | None = None) -> Document:
    """The versions of a DAG, newest first; ``next`` is the ``before`` of the following page.

    Versions with the same ``files_hash`` were made of the same files, and came out different for another reason.
    """
    authorize(house.policy, actor, "read", dag_id)
    check_limit(limit, MOST_VERSIONS)
    with house.reading() as connection:
        latest = dags.get_dag(connection, dag_id).version_number
        found, cursor = dag_versions.page_of_versions(connection, dag_id, limit, before)
    versions = [
        {
            "number": version.number,
            "created_at": iso_or_none(version.created_at),
            "files_hash": version.bundle_hash,
            "runs": version.runs,
            "last_run_after": iso_or_none(version.last_run_after),
        }
        for version in found
    ]
    return {"dag_id": dag_id, "latest": latest, "versions": versions, "next": cursor}


def version_source(house: House, actor: Actor, dag_id: str, number: int, file: str | None = None) -> Document:
    """One file of a version as it was (the DAG file if none is named), and all its ``files`` by name and digest.

    ``source`` is null for a file that is no text; ``is_cut`` if it is longer than what is shown.
    """
    authorize(house.policy, actor, "read", dag_id)
    if type(number) is not int or not 0 < number <= _LARGEST:
        raise InvalidInput(f"version {number!r} must be a number from 1 on")
    with house.reading() as connection:
        dag_file = dags.get_dag(connection, dag_id).dag_file
        bundle_hash = dag_versions.bundle_hash_of(connection, dag_id, number)
        files = dag_versions.bundle_files(connection, bundle_hash)
        folder = bundle_folder(house, connection, bundle_hash)
    if folder is None:
        raise NotFound(f"the files of version {number} of DAG {dag_id!r} are not kept on this machine")
    if file is None:
        file = dag_file if dag_file in files else next(iter(files), dag_file)
    path = beneath(folder, file) if file in files else None
    if path is None:
        raise NotFound(f"version {number} of DAG {dag_id!r} has no file {file!r}")
    source, is_cut = _text(path)
    return {
        "dag_id": dag_id,
        "number": number,
        "files_hash": bundle_hash,
        "files": [found for name in files if (found := _file(folder, name)) is not None],
        "file": file,
        "source": source,
        "is_cut": is_cut,
    }


def _file(folder: Path, name: str) -> Document | None:
    path = beneath(folder, name)
    if path is None:
        return None
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"path": name, "size": path.stat().st_size, "sha256": digest}


def _text(path: Path) -> tuple[str | None, bool]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotFound(f"file {path.name!r} cannot be read: {error.strerror or error}") from None
    is_cut = len(content) > MOST_BYTES
    try:
        return content[:MOST_BYTES].decode("utf-8", errors="ignore" if is_cut else "strict"), is_cut
    except UnicodeDecodeError:
        return None, is_cut
