"""Descriptions of what is asked about open notebooks in the OpenAPI document."""

from __future__ import annotations

from ..model.state import TaskState
from .openapi_parts import BOOLEAN, TEXT, Operation, Schema, list_of, operation, record, ref

_PATH = (TEXT, "of the notebook, as the contents API names it")

SCHEMAS: dict[str, Schema] = {
    "NotebookTask": record(
        task_id=TEXT,
        operator=TEXT,
        cell={"type": ["integer", "null"], "description": "code cell, from 1, of a %%task cell"},
        state={
            "description": "in the last run; of a mapped task the state that calls loudest for a look",
            "oneOf": [{"type": "string", "enum": [str(state) for state in TaskState]}, {"type": "null"}],
        },
        duration={"type": ["number", "null"]},
    ),
    "NotebookDag": record(
        dag_id=TEXT,
        dag_display_name=TEXT,
        is_paused=BOOLEAN,
        is_dag_file={"type": "boolean", "description": "the notebook defines the DAG, else tasks run it"},
        last_run={"oneOf": [ref("Run"), {"type": "null"}]},
        tasks=list_of("NotebookTask"),
    ),
    "DagDraft": record(
        dag_id=TEXT,
        folder=TEXT,
        name=TEXT,
        text=TEXT,
        before={"type": ["string", "null"], "description": "what stands in the file now; null for a new file"},
        replaces={"type": ["string", "null"], "description": "its digest, as saving the file asks for it"},
    ),
    "NotebookUses": record(path=TEXT, dags=list_of("NotebookDag")),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/notebook-uses"): operation(
        "The DAGs that a notebook defines or that run it, with its tasks as they fared last",
        ref("NotebookUses"),
        path=_PATH,
    ),
    ("get", "/dag-draft"): operation(
        "What would stand in a new DAG file that runs notebooks; nothing is written",
        ref("DagDraft"),
        path=(TEXT, "of a notebook, as the contents API names it; may be given several times"),
        dag_id=(TEXT, "made from the first notebook if left out"),
        schedule=(TEXT, "cron expression or preset; only by hand if left out"),
        chain=({"type": "boolean", "default": True}, "each notebook waits for the one before it"),
    ),
    ("get", "/dags/{dag_id}/draft"): operation(
        "What would stand in the DAG's file with tasks added that run notebooks; nothing is written",
        ref("DagDraft"),
        path=(TEXT, "of a notebook, as the contents API names it; may be given several times"),
        after=(TEXT, "id of the task that they wait for"),
    ),
}
