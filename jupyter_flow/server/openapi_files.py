"""Descriptions of the operations on DAG files in the OpenAPI document."""

from __future__ import annotations

from .openapi_parts import BOOLEAN, EMPTY, INTEGER, TEXT, Operation, Schema, list_of, operation, record, ref

_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
_DIGEST: Schema = {"type": "string", "description": "SHA-256 of the text in UTF-8"}
_FOLDER = (TEXT, "the DAG folder; the first one if left out")
_FILE = "/dag-files/{file_name}"
PATH_SCHEMAS: dict[str, Schema] = {
    "file_name": {"type": "string", "maxLength": 250, "description": "path beneath the DAG folder, with /"},
    "bundle_hash": {"type": "string", "maxLength": 64},
}


SCHEMAS: dict[str, Schema] = {
    "DagFile": record(
        folder=TEXT,
        name=TEXT,
        size=INTEGER,
        sha256=_DIGEST,
        parsed_at=_INSTANT,
        dags={"type": "array", "items": record(dag_id=TEXT, is_paused=BOOLEAN)},
        errors=INTEGER,
        warnings=INTEGER,
    ),
    "DagFilePage": record(folders={"type": "array", "items": TEXT}, files=list_of("DagFile"), next=_TEXT_OR_NULL),
    "DagFileText": record(folder=TEXT, name=TEXT, text=TEXT, sha256=_DIGEST),
    "DagFileVerdict": record(
        is_good=BOOLEAN,
        is_saved=BOOLEAN,
        dag_ids={"type": "array", "items": TEXT},
        problems=list_of("ImportError"),
    ),
    "DagFileVersion": record(
        bundle=TEXT,
        sha256=_DIGEST,
        created_at=_INSTANT,
        dags={"type": "array", "items": record(dag_id=TEXT, version=INTEGER)},
    ),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/dag-files"): operation(
        "DAG files by name, as last parsed",
        ref("DagFilePage"),
        limit=({"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "page size"),
        after=(TEXT, "`next` of the page before"),
    ),
    ("get", _FILE): operation("The text of a DAG file", ref("DagFileText"), folder=_FOLDER),
    ("post", _FILE): operation(
        "Load a text as this DAG file, in a child of its own, and write it if it loads",
        ref("DagFileVerdict"),
        body={
            "text": TEXT,
            "replaces": {
                "type": ["string", "null"],
                "description": "digest of the text that it replaces; null for a new file",
            },
            "dry_run": {"type": "boolean", "description": "write nothing"},
        },
        required=("text",),
        folder=_FOLDER,
    ),
    ("delete", _FILE): operation("Delete a DAG file; runs of its DAGs stay", EMPTY, folder=_FOLDER),
    ("get", _FILE + "/versions"): operation(
        "What stood in a DAG file when versions of its DAGs were made, newest first",
        {"type": "object", "properties": {"versions": list_of("DagFileVersion")}, "required": ["versions"]},
        limit=({"type": "integer", "minimum": 1, "maximum": 100, "default": 100}, "how many DAG versions to look at"),
        folder=_FOLDER,
    ),
    ("get", _FILE + "/versions/{bundle_hash}"): operation("One earlier text", ref("DagFileText"), folder=_FOLDER),
}
