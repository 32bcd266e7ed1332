"""Jupyter Flow: workflow orchestration that lives inside JupyterLab.

This file hands out the authors' names lazily, so that the house side never imports the child side.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_AUTHORS_NAMES = {
    "Asset": "authoring.assets",
    "AssetAlias": "authoring.assets",
    "AssetAll": "authoring.assets",
    "AssetAny": "authoring.assets",
    "AssetSensor": "sensors.external",
    "AsyncCallback": "authoring.callbacks",
    "BaseBranchOperator": "operators.branch",
    "BaseNotifier": "notifications.base",
    "BaseOperator": "authoring.operator",
    "BaseSensorOperator": "sensors.base",
    "BashOperator": "operators.bash",
    "BashSensor": "sensors.calls",
    "BranchDateTimeOperator": "operators.time_branch",
    "BranchDayOfWeekOperator": "operators.time_branch",
    "BranchExternalPythonOperator": "operators.external_python",
    "BranchMixIn": "operators.branch",
    "BranchPythonOperator": "operators.branch",
    "BranchPythonVirtualenvOperator": "operators.external_python",
    "Connection": "authoring.connection",
    "DAG": "authoring.dag",
    "DagOperator": "operators.master_dag",
    "Dataset": "authoring.assets",
    "DatasetAlias": "authoring.assets",
    "DateTimeSensor": "sensors.clock",
    "DayOfWeekSensor": "sensors.clock",
    "DeadlineAlert": "authoring.deadlines",
    "DeadlineReference": "authoring.deadlines",
    "DummyOperator": "operators.empty",
    "EdgeModifier": "authoring.edges",
    "EmptyOperator": "operators.empty",
    "ExceptionRetryPolicy": "authoring.retry_policy",
    "ExternalPythonOperator": "operators.external_python",
    "ExternalTaskMarker": "sensors.external",
    "ExternalTaskSensor": "sensors.external",
    "FileSensor": "sensors.files",
    "FlowFailException": "authoring.exceptions",
    "FlowRescheduleException": "authoring.exceptions",
    "FlowSensorTimeout": "authoring.exceptions",
    "FlowSkipException": "authoring.exceptions",
    "FlowTaskTimeout": "authoring.exceptions",
    "HttpSensor": "sensors.web",
    "JupyterNotifier": "notifications.jupyter",
    "Label": "authoring.edges",
    "LatestOnlyOperator": "operators.time_branch",
    "Metadata": "authoring.assets",
    "NotebookOperator": "operators.notebook",
    "Param": "authoring.params",
    "PokeReturnValue": "sensors.base",
    "PythonOperator": "operators.python",
    "PythonSensor": "sensors.calls",
    "PythonVirtualenvOperator": "operators.external_python",
    "RetryAction": "authoring.retry_policy",
    "RetryDecision": "authoring.retry_policy",
    "RetryPolicy": "authoring.retry_policy",
    "RetryRule": "authoring.retry_policy",
    "ShortCircuitOperator": "operators.branch",
    "SkipMixin": "operators.branch",
    "SlackWebhookNotifier": "notifications.webhook",
    "SmtpNotifier": "notifications.smtp",
    "SqlSensor": "sensors.sql",
    "SyncCallback": "authoring.callbacks",
    "TaskGroup": "authoring.task_group",
    "TimeDeltaSensor": "sensors.clock",
    "TimeSensor": "sensors.clock",
    "TriggerDagRunOperator": "operators.trigger",
    "TriggerRule": "authoring.trigger_rule",
    "Variable": "authoring.variable",
    "WaitSensor": "sensors.clock",
    "WebhookNotifier": "notifications.webhook",
    "WeekDay": "authoring.weekday",
    "WeightRule": "authoring.weight_rule",
    "XComArg": "authoring.xcom_arg",
    "asset": "authoring.asset_functions",
    "chain": "authoring.dependencies",
    "chain_linear": "authoring.dependencies",
    "cross_downstream": "authoring.dependencies",
    "dag": "authoring.decorators",
    "flow": "authoring.flow",
    "get_current_context": "authoring.context",
    "get_parsing_context": "authoring.parsing_context",
    "literal": "authoring.placeholders",
    "setup": "authoring.decorators",
    "task": "authoring.decorators",
    "task_group": "authoring.decorators",
    "teardown": "authoring.decorators",
    "xcom_pull": "authoring.flow",
    "xcom_push": "authoring.flow",
}

__all__ = ["__version__", *_AUTHORS_NAMES]


def __getattr__(name: str) -> Any:
    module = _AUTHORS_NAMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{module}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext jupyter_flow``: register the magics."""
    importlib.import_module(".magics", __name__).register(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyterlab-flow"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = importlib.import_module(".server", __name__)._jupyter_server_extension_points()
    return points
