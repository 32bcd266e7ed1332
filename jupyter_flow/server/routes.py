"""The one table of our routes: path template → handler."""

from __future__ import annotations

import re

from tornado.web import RequestHandler

from .event_socket import EventSocket
from .flow_handler import UnknownHandler
from .handlers_calls import Callbacks, Deadlines, RunDeadlines, Slas, TaskSla
from .handlers_code import DagVersions, VersionSource
from .handlers_compare import CompareRuns
from .handlers_dags import Calendar, DagRuns, Dags, Durations, Grid, MissedDates, NextRuns, OneDag
from .handlers_files import DagFiles, DagFileVersion, DagFileVersions, OneDagFile
from .handlers_front import Attention, DagRows, RunningRuns, Timeline
from .handlers_house import Health, ImportErrors, OpenApi, Reload
from .handlers_kernels import LiveKernel, ResumeTask
from .handlers_notebooks import DagDraft, NotebookUses, TasksDraft
from .handlers_plans import (
    AssetEvents,
    Assets,
    Backfills,
    CancelBackfill,
    DagAssets,
    DagBackfills,
    EmitEvent,
    MaterializeAsset,
    OneAsset,
    OneBackfill,
    OnePool,
    PauseBackfill,
    Pools,
    UnpauseBackfill,
    WhyTask,
)
from .handlers_runs import (
    CancelRun,
    ClearRun,
    ClearTask,
    MarkRun,
    MarkTask,
    OneRun,
    OneTask,
    OneXCom,
    RunXComs,
    TaskLog,
    TaskNotebook,
    TaskRendered,
    TaskXComs,
)
from .handlers_stories import EarlierAttempts, RunDiagnosis, RunEvents, TaskCells, UsualCells

PREFIX = "/jupyter-flow/api"
_RUN = "/dags/{dag_id}/runs/{run_id}"
_TASK = _RUN + "/tasks/{task_id}"

ROUTES: dict[str, type[RequestHandler]] = {
    "/health": Health,
    "/import-errors": ImportErrors,
    "/reload": Reload,
    "/openapi.json": OpenApi,
    "/events": EventSocket,
    "/dags": Dags,
    "/dag-rows": DagRows,
    "/attention": Attention,
    "/running-runs": RunningRuns,
    "/timeline": Timeline,
    "/dag-files": DagFiles,
    "/dag-files/{file_name}": OneDagFile,
    "/dag-files/{file_name}/versions": DagFileVersions,
    "/dag-files/{file_name}/versions/{bundle_hash}": DagFileVersion,
    "/notebook-uses": NotebookUses,
    "/dag-draft": DagDraft,
    "/dags/{dag_id}/draft": TasksDraft,
    "/dags/{dag_id}": OneDag,
    "/dags/{dag_id}/next": NextRuns,
    "/dags/{dag_id}/missed": MissedDates,
    "/dags/{dag_id}/grid": Grid,
    "/dags/{dag_id}/calendar": Calendar,
    "/dags/{dag_id}/durations": Durations,
    "/dags/{dag_id}/versions": DagVersions,
    "/dags/{dag_id}/versions/{number}/source": VersionSource,
    "/dags/{dag_id}/runs": DagRuns,
    _RUN: OneRun,
    _RUN + "/cancel": CancelRun,
    _RUN + "/clear": ClearRun,
    _RUN + "/mark": MarkRun,
    _RUN + "/xcoms": RunXComs,
    _RUN + "/compare": CompareRuns,
    _RUN + "/diagnosis": RunDiagnosis,
    _RUN + "/events": RunEvents,
    _RUN + "/attempts": EarlierAttempts,
    _TASK: OneTask,
    _TASK + "/clear": ClearTask,
    _TASK + "/mark": MarkTask,
    _TASK + "/log": TaskLog,
    _TASK + "/notebook": TaskNotebook,
    _TASK + "/cells": TaskCells,
    _TASK + "/cells/usual": UsualCells,
    _TASK + "/kernel": LiveKernel,
    _TASK + "/resume": ResumeTask,
    _TASK + "/rendered": TaskRendered,
    _TASK + "/xcoms": TaskXComs,
    _TASK + "/xcoms/{key}": OneXCom,
    _TASK + "/sla": TaskSla,
    _RUN + "/callbacks": Callbacks,
    _RUN + "/deadlines": RunDeadlines,
    "/slas": Slas,
    "/deadlines": Deadlines,
    _TASK + "/why": WhyTask,
    "/backfills": Backfills,
    "/backfills/{backfill_id}": OneBackfill,
    "/backfills/{backfill_id}/cancel": CancelBackfill,
    "/backfills/{backfill_id}/pause": PauseBackfill,
    "/backfills/{backfill_id}/unpause": UnpauseBackfill,
    "/dags/{dag_id}/backfills": DagBackfills,
    "/dags/{dag_id}/assets": DagAssets,
    "/pools": Pools,
    "/pools/{pool_name}": OnePool,
    "/assets": Assets,
    "/assets/{asset_name}": OneAsset,
    "/assets/{asset_name}/events": EmitEvent,
    "/assets/{asset_name}/materialize": MaterializeAsset,
    "/asset-events": AssetEvents,
}


def route_table() -> list[tuple[str, type[RequestHandler]]]:
    """Return tornado's patterns; a piece between slashes is one percent-encoded id, whatever it contains."""
    table = [
        (PREFIX + re.sub(r"\{(\w+)\}", r"([^/]+)", path.replace(".", r"\.")), kind) for path, kind in ROUTES.items()
    ]
    return [*table, (PREFIX + r"(?:/.*)?", UnknownHandler)]
