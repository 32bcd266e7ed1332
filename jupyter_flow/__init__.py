"""Jupyter Flow: workflow orchestration that lives inside JupyterLab.

This file hands out the authors' names lazily, so that the house side never imports the child side.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_AUTHORS_NAMES = {
    "AsyncCallback": "authoring.callbacks",
    "BaseNotifier": "notifications.base",
    "DeadlineAlert": "authoring.deadlines",
    "DeadlineReference": "authoring.deadlines",
    "ExceptionRetryPolicy": "authoring.retry_policy",
    "JupyterNotifier": "notifications.jupyter",
    "RetryAction": "authoring.retry_policy",
    "RetryDecision": "authoring.retry_policy",
    "RetryPolicy": "authoring.retry_policy",
    "RetryRule": "authoring.retry_policy",
    "SlackWebhookNotifier": "notifications.webhook",
    "SmtpNotifier": "notifications.smtp",
    "SyncCallback": "authoring.callbacks",
    "WebhookNotifier": "notifications.webhook",
    "Asset": "authoring.assets",
    "AssetAlias": "authoring.assets",
    "AssetAll": "authoring.assets",
    "AssetAny": "authoring.assets",
    "BaseBranchOperator": "operators.branch",
    "BaseOperator": "authoring.operator",
    "BashOperator": "operators.bash",
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
    "DummyOperator": "operators.empty",
    "DummyOperator": "operators.empty",
    "EdgeModifier": "authoring.edges",
    "EmptyOperator": "operators.empty",
    "ExternalPythonOperator": "operators.external_python",
    "FlowFailException": "authoring.exceptions",
    "FlowRescheduleException": "authoring.exceptions",
    "FlowSensorTimeout": "authoring.exceptions",
    "FlowRescheduleException": "authoring.exceptions",
    "FlowSensorTimeout": "authoring.exceptions",
    "FlowSkipException": "authoring.exceptions",
    "FlowTaskTimeout": "authoring.exceptions",
    "FlowTaskTimeout": "authoring.exceptions",
    "Label": "authoring.edges",
    "LatestOnlyOperator": "operators.time_branch",
    "Metadata": "authoring.assets",
    "NotebookOperator": "operators.notebook",
    "Param": "authoring.params",
    "PythonOperator": "operators.python",
    "PythonVirtualenvOperator": "operators.external_python",
    "ShortCircuitOperator": "operators.branch",
    "SkipMixin": "operators.branch",
    "TaskGroup": "authoring.task_group",
    "TriggerDagRunOperator": "operators.trigger",
    "TriggerRule": "authoring.trigger_rule",
    "Variable": "authoring.variable",
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
