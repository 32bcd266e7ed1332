"""The OpenAPI 3.1 document. A test holds it against the routes, so that it names all of them and nothing else."""

from __future__ import annotations

import re

from .. import __version__
from . import (
    openapi_code,
    openapi_compare,
    openapi_files,
    openapi_front,
    openapi_history,
    openapi_notebooks,
    openapi_plans,
    openapi_stories,
)
from . import openapi_schemas as schemas
from .openapi_parts import Operation, Schema
from .openapi_parts import list_of as _list
from .openapi_parts import operation as _operation
from .openapi_parts import ref as _ref

PREFIX = "jupyter-flow/api"


_INTEGER: Schema = {"type": "integer"}
_TEXT: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_EMPTY: Schema = {"type": "object", "additionalProperties": False}
_MAP_INDEX = ({"type": "integer", "minimum": -1, "default": -1}, "-1 for a task that is not mapped")
_ATTEMPT = ({"type": "integer", "minimum": 1}, "number of the attempt; the latest one if left out")
_RUN = "/dags/{dag_id}/runs/{run_id}"
_TASK = _RUN + "/tasks/{task_id}"
_CONF: Schema = {"type": "object", "description": "values of the DAG's params"}
_DATE: Schema = {"type": ["string", "null"], "description": "ISO 8601 with offset; `none` for a run without a date"}


_NOTE: Schema = {"type": ["string", "null"], "description": "people's own words; null takes them away"}
_PAGE = {
    "dag_id": (_TEXT, "of this DAG alone"),
    "limit": ({"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "page size"),
    "before": (_TEXT, "`next` of the page before"),
}


_PATH_SCHEMAS = {**openapi_plans.PATH_SCHEMAS, **openapi_files.PATH_SCHEMAS}


def _pages(name: str, item: str) -> Schema:
    return {"type": "object", "properties": {name: _list(item), "next": {"type": ["string", "null"]}}}


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/health"): _operation("How the house is", _ref("Health")),
    ("get", "/import-errors"): _operation("DAG files that do not load, and warnings", _list("ImportError")),
    ("post", "/reload"): _operation("Look at all DAG files again", _EMPTY),
    ("get", "/openapi.json"): _operation("This document", {"type": "object"}),
    ("get", "/events"): _operation(
        "WebSocket: committed changes in order, and log lines of followed attempts",
        {"type": "object"},
        cursor=(_INTEGER, "id of the last event that the client has seen"),
    ),
    ("get", "/dags"): _operation("All DAGs", {"type": "object", "properties": {"dags": _list("Dag")}}),
    ("get", "/dags/{dag_id}"): _operation(
        "One DAG with its tasks, task groups and labels of edges",
        _ref("DagWithTasks"),
    ),
    ("patch", "/dags/{dag_id}"): _operation(
        "Pause or unpause", _ref("Dag"), body={"is_paused": _BOOLEAN}, required=("is_paused",)
    ),
    ("delete", "/dags/{dag_id}"): _operation("Forget a DAG and its runs", _EMPTY),
    ("get", "/dags/{dag_id}/next"): _operation(
        "What the schedule brings",
        _list("NextRun"),
        count=({"type": "integer", "minimum": 1, "default": 1}, "how many"),
        after=(_TEXT, "those that start later than this instant (ISO 8601), instead of later than now"),
    ),
    ("get", "/dags/{dag_id}/missed"): _operation(
        "Scheduled dates that got no run, the latest first",
        {"type": "object", "properties": {"missed": _list("MissedDates")}},
        limit=({"type": "integer", "minimum": 1, "default": 100}, "how many"),
    ),
    ("get", "/dags/{dag_id}/grid"): _operation(
        "The states of all tasks in a page of runs, newest first",
        _ref("Grid"),
        limit=({"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "page size"),
        before=(_TEXT, "`next` of the page before"),
    ),
    ("get", "/dags/{dag_id}/runs"): _operation(
        "A page of runs, newest first",
        _ref("RunPage"),
        limit=({"type": "integer", "minimum": 1, "maximum": 500, "default": 25}, "page size"),
        before=(_TEXT, "`next` of the page before"),
        state=(_TEXT, "only runs in this state"),
        run_type=(_TEXT, "only runs of this type"),
        since=(_TEXT, "only runs whose `run_after` is not earlier (ISO 8601)"),
        until=(_TEXT, "only runs whose `run_after` is not later (ISO 8601)"),
        logical_since=(_TEXT, "only runs whose logical date, or `run_after` if there is none, is not earlier"),
        logical_until=(_TEXT, "only runs whose logical date, or `run_after` if there is none, is not later"),
    ),
    ("post", "/dags/{dag_id}/runs"): _operation(
        "Trigger a run",
        _ref("Run"),
        body={
            "conf": _CONF,
            "logical_date": _DATE,
            "run_id": _TEXT,
            "unpause": _BOOLEAN,
            "idempotency_key": _TEXT,
        },
    ),
    ("get", _RUN): _operation("One run with its task instances", _ref("RunWithTasks")),
    ("delete", _RUN): _operation("Delete a finished run with its logs, notebooks and XComs", _EMPTY),
    ("post", _RUN + "/cancel"): _operation("Ask a run to stop", _ref("Run")),
    ("post", _RUN + "/clear"): _operation(
        "Run tasks again",
        {"anyOf": [_ref("Run"), openapi_stories.CLEARED]},
        body={"only_failed": _BOOLEAN, "dry_run": openapi_stories.CLEAR_TASK["dry_run"]},
    ),
    ("post", _RUN + "/mark"): _operation("Force a state", _ref("Run"), body={"state": _TEXT}, required=("state",)),
    ("get", _TASK): _operation(
        "One task instance with attempts, rendered fields and XComs",
        _ref("TaskDetails"),
        map_index=_MAP_INDEX,
    ),
    ("post", _TASK + "/clear"): _operation(
        "Run a task again",
        {"anyOf": [_ref("TaskInstance"), openapi_stories.CLEARED]},
        body=openapi_stories.CLEAR_TASK,
        map_index=_MAP_INDEX,
    ),
    ("post", _TASK + "/mark"): _operation(
        "Force a state", _ref("TaskInstance"), body={"state": _TEXT}, required=("state",), map_index=_MAP_INDEX
    ),
    ("get", _TASK + "/log"): _operation(
        "Log lines of an attempt",
        _ref("Log"),
        map_index=_MAP_INDEX,
        attempt=_ATTEMPT,
        after=({"type": "integer", "minimum": 0, "default": 0}, "seq of the last line known"),
    ),
    ("get", _RUN + "/callbacks"): _operation(
        "Callbacks of a run and how they went",
        {"type": "object", "properties": {"callbacks": _list("Callback")}},
        task_id=(_TEXT, "of this task alone"),
        log=(_BOOLEAN, "with the last lines of their logs"),
    ),
    ("get", "/slas"): Operation("Missed SLAs, newest first", _pages("slas", "Sla"), _PAGE),
    ("patch", _TASK + "/sla"): _operation(
        "Write a note on a missed SLA", _ref("Sla"), body={"note": _NOTE}, required=("note",)
    ),
    ("get", "/deadlines"): Operation("Deadlines of runs, newest first", _pages("deadlines", "Deadline"), _PAGE),
    ("patch", _RUN + "/deadlines"): _operation(
        "Write a note on a deadline",
        _ref("Deadline"),
        body={"position": {"type": "integer", "minimum": 0}, "note": _NOTE},
        required=("position", "note"),
    ),
    ("get", _RUN + "/xcoms"): _operation(
        "The XComs of a run without their values, the latest first",
        {"type": "object", "properties": {"xcoms": _list("XCom")}},
        limit=({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "how many at most"),
    ),
    ("get", _TASK + "/xcoms"): _operation(
        "What a task instance pushed", {"type": "object", "properties": {"xcoms": _list("XCom")}}, map_index=_MAP_INDEX
    ),
    ("delete", _TASK + "/xcoms/{key}"): _operation("Delete one XCom", _EMPTY, map_index=_MAP_INDEX),
    ("get", _TASK + "/rendered"): _operation(
        "The rendered template fields of an attempt",
        {"type": "object", "properties": {"attempt_number": _INTEGER, "rendered": {"type": "object"}}},
        map_index=_MAP_INDEX,
        attempt=_ATTEMPT,
    ),
    ("post", _TASK + "/kernel"): _operation(
        "Open the kernel that is kept of a failed notebook, with a working copy of the notebook",
        _ref("OpenedKernel"),
        map_index=_MAP_INDEX,
    ),
    ("post", _TASK + "/resume"): _operation(
        "Let a failed notebook go on as it was mended, in its kept kernel or from its start",
        _ref("TaskDetails"),
        body={"copy_of": _TEXT, "cells": _list("MendedCell"), "with_kernel": _BOOLEAN},
        required=("copy_of", "cells"),
        map_index=_MAP_INDEX,
    ),
    ("delete", _TASK + "/kernel"): _operation("End the kernel that is kept", _EMPTY, map_index=_MAP_INDEX),
    ("get", _TASK + "/notebook"): _operation(
        "The executed notebook of an attempt", _ref("ExecutedNotebook"), map_index=_MAP_INDEX, attempt=_ATTEMPT
    ),
    **openapi_code.OPERATIONS,
    **openapi_compare.OPERATIONS,
    **openapi_files.OPERATIONS,
    **openapi_front.OPERATIONS,
    **openapi_history.OPERATIONS,
    **openapi_notebooks.OPERATIONS,
    **openapi_plans.OPERATIONS,
    **openapi_stories.OPERATIONS,
}


def document(base_url: str = "/") -> Schema:
    """Return the document for a server at ``base_url``."""
    paths: dict[str, Schema] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _describe(path, operation)
    parts = (
        *(openapi_code, openapi_compare, openapi_files, openapi_front, openapi_notebooks),
        *(openapi_history, openapi_plans, openapi_stories),
    )
    more = {name: schema for part in parts for name, schema in part.SCHEMAS.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jupyter Flow", "version": __version__},
        "servers": [{"url": f"{base_url.rstrip('/')}/{PREFIX}"}],
        "paths": paths,
        "components": {"schemas": {**schemas.SCHEMAS, **more}},
    }


def _describe(path: str, operation: Operation) -> Schema:
    refusal = {"description": "a refusal", "content": _json(_ref("Error"))}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS.get(name, _ref("Id"))}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    parameters += [
        {"name": name, "in": "query", "schema": schema, "description": words}
        for name, (schema, words) in operation.query.items()
    ]
    described: Schema = {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {"200": {"description": "done", "content": _json(operation.answer)}, "default": refusal},
    }
    if operation.body is not None:
        schema = {"type": "object", "properties": operation.body, "additionalProperties": False}
        if operation.required:
            schema["required"] = list(operation.required)
        described["requestBody"] = {"required": bool(operation.required), "content": _json(schema)}
    return described


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
