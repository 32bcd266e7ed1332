"""Arguments of Airflow that are accepted and have no effect in this version, with the values that ask for nothing.

Using one with another value warns when the DAG file is loaded, naming argument and task.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .location import warn

OPERATOR: dict[str, tuple[Any, ...]] = {
    "email": (None,),
    "email_on_retry": (None, True, False),
    "email_on_failure": (None, True, False),
    "retry_policy": (None,),
    "start_date": (None,),
    "end_date": (None,),
    "depends_on_past": (False, None),
    "ignore_first_depends_on_past": (True, False, None),
    "wait_for_past_depends_before_skipping": (False, None),
    "wait_for_downstream": (False, None),
    "weight_rule": (None, "downstream"),
    "on_execute_callback": (None,),
    "on_failure_callback": (None,),
    "on_success_callback": (None,),
    "on_retry_callback": (None,),
    "on_skipped_callback": (None,),
    "pre_execute": (None,),
    "post_execute": (None,),
    "resources": (None,),
    "run_as_user": (None,),
    "map_index_template": (None,),
    "max_active_tis_per_dag": (None,),
    "max_active_tis_per_dagrun": (None,),
    "task_concurrency": (None,),
    "executor": (None,),
    "executor_config": (None, {}),
    "inlets": (None, []),
    "outlets": (None, []),
    "task_group": (None,),
    "task_display_name": (None,),
    "logger_name": (None,),
    "sla": (None,),
    "allow_nested_operators": (True, False),
    "provide_context": (True, False, None),
    "render_template_as_native_obj": (None,),
}
DAG: dict[str, tuple[Any, ...]] = {
    "template_searchpath": (None,),
    "template_undefined": (None,),
    "user_defined_macros": (None, {}),
    "user_defined_filters": (None, {}),
    "max_consecutive_failed_dag_runs": (None, 0),
    "deadline": (None,),
    "on_success_callback": (None,),
    "on_failure_callback": (None,),
    "sla_miss_callback": (None,),
    "access_control": (None, {}),
    "jinja_environment_kwargs": (None, {}),
    "owner_links": (None, {}),
    "fail_fast": (False, None),
    "fail_stop": (False, None),
    "allowed_run_types": (None,),
    "dag_display_name": (None,),
    "disable_bundle_versioning": (False, None),
    "rerun_with_latest_version": (False, None),
    "default_view": (None, "grid", "graph", "tree"),
    "orientation": (None, "LR", "TB"),
}
DEFAULT_POOL = "default_pool"
PLACES: dict[str, tuple[Any, ...]] = {"pool": (None, DEFAULT_POOL), "queue": (None, "default")}
"""Where a task runs: this version has one queue, and no door that makes another pool than the default one."""


def warn_unused(where: str, given: Mapping[str, Any], table: Mapping[str, Collection[Any]]) -> None:
    """Warn for each of ``given`` whose value asks for something this version does not do."""
    for name, value in given.items():
        if not any(value is neutral or value == neutral for neutral in table.get(name, (value,))):
            warn(f"{where}: {name} has no effect in this version")
