"""From a claimed task instance to its :class:`Workload`: everything the common task needs, so that it asks nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection

from ..model.config import FlowConfig
from ..model.instants import iso_or_none, to_iso
from ..model.records import RunFacts, Workload
from ..model.rows import AssetEvent, DagRun, DagVersion, TaskInstance, XCom
from ..model.spec import DagSpec, TaskSpec
from ..model.state import RunType
from ..model.timetable import Timetable
from ..scheduling.lengths import input_lengths
from ..scheduling.snapshot import RunSnapshot
from ..scheduling.topology import Topology
from ..storage import assets, dags, queries, variables, xcoms
from .conf import merge_params
from .documents import asset_event_document, notebook_of
from .house import House
from .mended import mended_of


@dataclass
class RunBasis:
    """What all workloads of one run share, gathered once: spec, folders, facts."""

    run: DagRun
    spec: DagSpec
    version: DagVersion
    folder: Path
    prior: DagRun | None
    asset_events: tuple[AssetEvent, ...] = ()
    _folders: dict[str, str] | None = field(default=None, init=False, repr=False)

    @classmethod
    def gather(cls, connection: Connection, run: DagRun, spec: DagSpec) -> RunBasis:
        """Read what the workloads of ``run`` need besides the run itself."""
        prior = None
        if run.logical_date is not None:
            prior = queries.prior_success(connection, run.dag_id, run.logical_date)
        version = dags.get_version(connection, run.dag_version_id)
        told = assets.events_of_run(connection, run.id) if run.run_type is RunType.ASSET_TRIGGERED else ()
        return cls(run, spec, version, Path(dags.get_dag(connection, run.dag_id).dag_folder), prior, tuple(told))

    @cached_property
    def downstream(self) -> dict[str, list[str]]:
        """Task id -> ids of its direct downstream tasks."""
        return self.spec.downstream()

    @cached_property
    def base(self) -> Path:
        """The folder of the DAG file."""
        return self.folder / PurePosixPath(self.spec.dag_file).parent

    def folders(self, house: House) -> dict[str, str]:
        """Return the workloads' fields that name a folder and are the same for all of them."""
        if self._folders is None:
            self._folders = {
                "dag_folder": str(self.folder),
                "root": str((house.config.root or self.folder).resolve()),
                "bundle": str(house.bundles / self.version.bundle_hash),
                "home": str(house.config.home),
            }
        return self._folders

    @cached_property
    def facts(self) -> RunFacts:
        """The run as tasks see it, without the params of single tasks."""
        run, prior = self.run, self.prior
        before, after = self._neighbours()
        return RunFacts(
            dag_id=run.dag_id,
            run_id=run.run_id,
            run_type=str(run.run_type),
            logical_date=iso_or_none(run.logical_date),
            data_interval_start=iso_or_none(run.data_interval_start),
            data_interval_end=iso_or_none(run.data_interval_end),
            queued_at=to_iso(run.queued_at),
            start_date=to_iso(run.start_date or run.queued_at),
            conf=dict(run.conf),
            params=merge_params(self.spec.params, run.conf),
            triggered_by=run.triggered_by,
            timezone=run.timezone,
            prev_data_interval_start_success=iso_or_none(prior.data_interval_start) if prior else None,
            prev_data_interval_end_success=iso_or_none(prior.data_interval_end) if prior else None,
            prev_start_date_success=iso_or_none(prior.start_date) if prior else None,
            prev_end_date_success=iso_or_none(prior.end_date) if prior else None,
            prev_logical_date_success=iso_or_none(prior.logical_date) if prior else None,
            prev_logical_date=iso_or_none(before),
            next_logical_date=iso_or_none(after),
        )

    def _neighbours(self) -> tuple[datetime | None, datetime | None]:
        """Return the logical dates that the schedule has before and after the run's."""
        date = self.run.logical_date
        if date is None or self.run.run_type not in (RunType.SCHEDULED, RunType.BACKFILL):
            return None, None
        return Timetable(self.spec.schedule, self.spec.timezone).neighbours(date)

    @cached_property
    def dag(self) -> dict[str, object]:
        """What templates see as ``dag``."""
        spec = self.spec
        return {
            "dag_id": spec.dag_id,
            "description": spec.description,
            "owner": spec.owner,
            "tags": list(spec.tags),
            "timezone": spec.timezone,
            "catchup": spec.catchup,
            "doc_md": spec.doc_md,
            "start_date": spec.start_date,
            "end_date": spec.end_date,
        }


def build(
    connection: Connection,
    house: House,
    basis: RunBasis,
    row: TaskInstance,
    kernels: Mapping[str, str],
    snapshot: RunSnapshot,
) -> Workload:
    """Return the workload of the current attempt of ``row``: XComs and variables that its task names are resolved.

    ``kernels``: sockets of kernel forkservers by kernelspec; the one without a name is for all others.
    """
    if row.attempt_id is None:
        raise ValueError(f"task instance {row.task_id!r} is not claimed")
    task = snapshot.specs[row.task_id]
    topology = snapshot.topology
    expand = topology.expansions.get(task.task_id)
    group = topology.mapped_group.get(task.task_id)
    config = house.config
    facts, places = basis.facts, basis.folders(house)
    if task.params:
        merged = merge_params({**basis.spec.params, **task.params}, basis.run.conf)
        facts = replace(facts, params=merged)
    return Workload(
        attempt_id=row.attempt_id,
        attempt_number=row.attempt_count,
        try_number=row.try_number,
        max_tries=row.max_tries,
        map_index=row.map_index,
        task=task,
        run=facts,
        dag_file=basis.spec.dag_file,
        dag_folder=places["dag_folder"],
        root=places["root"],
        bundle=places["bundle"],
        home=places["home"],
        cwd=_working_folder(basis.base, task),
        spool=os.path.join(house.spool, row.attempt_id),
        upstream_task_ids=task.upstream,
        downstream_task_ids=tuple(basis.downstream[task.task_id]),
        dag=basis.dag,
        xcoms=tuple(xcom_item(item) for item in _inputs(connection, topology, row, task)),
        variables=variables.get_values(connection, task.variable_inputs) if task.variable_inputs else {},
        limits=config.limits,
        xcom=config.xcom,
        keep_kernels=kept_kernel_limits(config),
        resume=mended_of(connection, house, row) if task.is_notebook and row.attempt_count > 1 else None,
        kernels=kernels.get(""),
        preloaded={name: path for name, path in kernels.items() if name},
        render_template_as_native_obj=_is_native(basis.spec, task),
        template_searchpath=basis.spec.template_searchpath,
        user_templates=basis.spec.user_templates,
        expand=_place(expand, row, snapshot),
        group_expand=expand if group is not None else None,
        mapped_task_ids=topology.read_as_lists(group),
        first_start=iso_or_none(row.first_started_at),
        reschedules=row.reschedules,
        asset_events=tuple(asset_event_document(event) for event in basis.asset_events),
    )


def kept_kernel_limits(config: FlowConfig) -> dict[str, float]:
    """Return how kernels of failed notebooks are kept; {} where the runner cannot stay to hold one."""
    if config.executor != "local":
        return {}
    return {
        "seconds": config.keep_kernel_on_failure,
        "count": config.kept_kernels_max,
        "memory": config.kept_kernels_memory,
    }


def _place(expand: Mapping[str, Any] | None, row: TaskInstance, snapshot: RunSnapshot) -> dict[str, Any] | None:
    """Return which instance of a mapped task ``row`` is; None if the task is not mapped, or not expanded."""
    if expand is None or row.map_index < 0:
        return None
    return {"index": row.map_index, "lengths": input_lengths(expand, snapshot)}


def _inputs(connection: Connection, topology: Topology, row: TaskInstance, task: TaskSpec) -> list[XCom]:
    """Read the XComs that the task names; those of its own mapped group at its own map index only."""
    if not task.xcom_inputs:
        return []
    group = topology.mapped_group.get(task.task_id)
    own = [pair for pair in task.xcom_inputs if group is not None and topology.mapped_group.get(pair[0]) == group]
    others = [pair for pair in task.xcom_inputs if pair not in own]
    run = row.dag_run_id
    return [*xcoms.fetch(connection, run, others), *xcoms.fetch(connection, run, own, (-1, row.map_index))]


def xcom_item(item: XCom) -> dict[str, Any]:
    """Return an XCom as runners get it: with its ``value``, or the ``reference`` to it."""
    found: dict[str, Any] = {"task_id": item.task_id, "map_index": item.map_index, "key": item.key}
    return {**found, "value": item.value} if item.reference is None else {**found, "reference": item.reference}


def _is_native(spec: DagSpec, task: TaskSpec) -> bool:
    """Whether the task's rendered fields keep their types: the task says it, else its DAG."""
    own = task.render_template_as_native_obj
    return spec.render_template_as_native_obj if own is None else own


def _working_folder(base: Path, task: TaskSpec) -> str:
    """The folder of the task's notebook if its path is known now, else of the DAG file."""
    notebook = notebook_of(task)
    if notebook is None or "{{" in notebook or "{%" in notebook:
        return str(base)
    return str((base / notebook).parent)
