"""Descriptions of versions of DAGs and their files in the OpenAPI document."""

from __future__ import annotations

from .openapi_parts import BOOLEAN, INTEGER, TEXT, Operation, Schema, list_of, operation, record, ref

_INSTANT: Schema = {"type": "string", "format": "date-time"}
_INSTANT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
_FILES_HASH: Schema = {"type": "string", "description": "the same for versions that were made of the same files"}

SCHEMAS: dict[str, Schema] = {
    "DagVersion": record(
        number=INTEGER, created_at=_INSTANT, files_hash=_FILES_HASH, runs=INTEGER, last_run_after=_INSTANT_OR_NULL
    ),
    "DagVersions": record(
        dag_id=TEXT, latest=INTEGER, versions=list_of("DagVersion"), next={"type": ["integer", "null"]}
    ),
    "VersionFile": record(path=TEXT, size=INTEGER, sha256=TEXT),
    "VersionSource": record(
        dag_id=TEXT,
        number=INTEGER,
        files_hash=_FILES_HASH,
        files=list_of("VersionFile"),
        file=TEXT,
        source={"type": ["string", "null"], "description": "null: it is no text"},
        is_cut={**BOOLEAN, "description": "the file is longer than what is shown"},
    ),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/dags/{dag_id}/versions"): operation(
        "The versions of a DAG that runs used, and the latest one, newest first",
        ref("DagVersions"),
        limit=({"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "page size"),
        before=({"type": "integer", "minimum": 1}, "`next` of the page before"),
    ),
    ("get", "/dags/{dag_id}/versions/{number}/source"): operation(
        "A file of a version as it was",
        ref("VersionSource"),
        file=(TEXT, "its path in the DAG folder; the DAG file if left out"),
    ),
}
