"""Views of DAG files: which there are, and what stands in them now and earlier."""

from __future__ import annotations

from collections import defaultdict

from ..model.errors import NotFound
from ..model.instants import to_iso
from ..model.records import Actor
from ..parsing.bundles import beneath
from ..storage import file_rows
from .authorize import authorize, readable
from .documents import Document
from .file_names import check_file_name, dag_folder, digest_of, place_of, read_text
from .house import House
from .page_limit import check_limit
from .pinned_files import bundle_folder

MOST_FILES = 500
MOST_VERSIONS = 100


def list_files(house: House, actor: Actor, limit: int = 100, after: str | None = None) -> Document:
    """DAG files by name with their DAGs; ``next`` is the ``after`` of the following page."""
    authorize(house.policy, actor, "read")
    check_limit(limit, MOST_FILES)
    with house.reading() as connection:
        rows, cursor = file_rows.page_of_files(connection, limit, after)
        names = [row.dag_file for row in rows]
        dags = defaultdict(list)
        for dag in readable(house.policy, actor, file_rows.dags_of_files(connection, names)):
            dags[dag.dag_folder, dag.dag_file].append({"dag_id": dag.dag_id, "is_paused": dag.is_paused})
        counts = file_rows.problem_counts(connection, names)
    files = [
        {
            "folder": row.dag_folder,
            "name": row.dag_file,
            "size": row.size,
            "sha256": row.sha256,
            "parsed_at": to_iso(row.parsed_at),
            "dags": dags[row.dag_folder, row.dag_file],
            "errors": counts.get((row.dag_folder, row.dag_file, "error"), 0),
            "warnings": counts.get((row.dag_folder, row.dag_file, "warning"), 0),
        }
        for row in rows
    ]
    folders = [str(folder.resolve()) for folder in house.config.dag_folders]
    return {"folders": folders, "files": files, "next": cursor}


def show_file(house: House, actor: Actor, name: str, folder: str | None = None) -> Document:
    """What stands in a DAG file now."""
    authorize(house.policy, actor, "read")
    base, path = place_of(house.config, folder, name)
    return _text_document(str(base), name, read_text(path))


def list_file_versions(
    house: House, actor: Actor, name: str, folder: str | None = None, limit: int = MOST_VERSIONS
) -> Document:
    """What stood in a DAG file when versions of its DAGs were made, newest first; each text once."""
    authorize(house.policy, actor, "read")
    check_limit(limit, MOST_VERSIONS)
    base = str(dag_folder(house.config, folder))
    check_file_name(name)
    with house.reading() as connection:
        versions = readable(house.policy, actor, file_rows.pinned_versions(connection, base, name, limit))
        folders = {item.bundle_hash: bundle_folder(house, connection, item.bundle_hash) for item in versions}
    found: dict[str, Document] = {}
    for version in versions:
        pinned = folders[version.bundle_hash]
        path = beneath(pinned, name) if pinned is not None else None
        if path is None:
            continue  # pruned, or on another machine
        digest = digest_of(read_text(path))
        item = found.setdefault(
            digest,
            {"bundle": version.bundle_hash, "sha256": digest, "created_at": to_iso(version.created_at), "dags": []},
        )
        item["dags"].append({"dag_id": version.dag_id, "version": version.number})
    return {"versions": list(found.values())}


def show_file_version(house: House, actor: Actor, name: str, bundle: str, folder: str | None = None) -> Document:
    """The text of a DAG file in one of the bundles that its versions name."""
    authorize(house.policy, actor, "read")
    base = str(dag_folder(house.config, folder))
    check_file_name(name)
    with house.reading() as connection:
        versions = readable(house.policy, actor, file_rows.pinned_versions(connection, base, name, MOST_VERSIONS))
        is_known = any(item.bundle_hash == bundle for item in versions)
        pinned = bundle_folder(house, connection, bundle) if is_known else None
    path = beneath(pinned, name) if pinned is not None else None
    if path is None:
        raise NotFound(f"no version of {name} is kept in a bundle of this name")
    return _text_document(base, name, read_text(path))


def _text_document(folder: str, name: str, text: str) -> Document:
    return {"folder": folder, "name": name, "text": text, "sha256": digest_of(text)}
