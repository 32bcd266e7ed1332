"""FlowConfig: every setting of the house as one plain, frozen record.

Doors read traitlets, environment and command line into it; inner rooms get it as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .records import Limits, XComSettings
from .resource_groups import ResourceGroup

MAIL_FIELDS = (
    *("callback_timeout", "base_url", "smtp_host", "smtp_port", "smtp_user", "smtp_password_file"),
    *("smtp_starttls", "smtp_ssl", "smtp_from"),
)
"""Fields of :class:`FlowConfig` about callbacks and mail."""


PLAIN_FIELDS = (
    *("executor", "worker_num_min", "worker_num_max", "polling_interval", "dask_address", "dask_security"),
    *("shared_store", "resource_groups", "resource_sampling", "host_lost_after"),
    "preload",
    *("keep_days", "keep_bytes", "keep_runs", "keep_failed_factor", "prune_interval"),
    *("keep_kernel_on_failure", "kept_kernels_max", "kept_kernels_memory"),
)
"""Fields of :class:`FlowConfig` that pass from door to host as they are, by ``--set NAME=JSON``."""


@dataclass(frozen=True)
class FlowConfig:
    """Settings of one house. Durations are seconds, sizes bytes unless the name says otherwise.

    ``home``: state folder. ``dag_folders``: where DAG files are found. ``root``: notebooks and templates must
    lie beneath it (default: the DAG folder of the DAG). ``db_url``: empty = SQLite in ``home``.
    ``idle_after``: how long kernels and images for notebooks are kept ready without a notebook task.
    ``preload``: kernelspec name -> modules that the process has imported from which its kernels are forked.
    ``profile``: which of the named ``default_args_profiles`` of DAGs counts (empty: none). ``strict``: a dependency
    that a DAG file states twice is an error (else a warning).
    ``on_stop``: what happens to running tasks when JupyterLab stops (finish | keep | cancel).
    ``max_map_length``: how many instances a mapped task may have. ``queues``: queue name -> tasks of it that this host
    runs at once; tasks of other queues wait, ``default`` needs no entry.
    ``xcom_*``: where large XComs are kept, and which classes may be imported to rebuild one.
    ``callback_timeout``: how long one callback may take. ``base_url``: where people open this JupyterLab, for links.
    ``executor``: what carries attempts out: ``local`` (processes of this machine, forked), ``inline`` (one process at a
    time, each started from scratch) or ``dask``. ``dask_address``: of a scheduler (empty: a local cluster of our own);
    ``dask_security``: file names ``ca_file``, ``cert``, ``key`` for TLS. ``worker_num_min``, ``worker_num_max``,
    ``polling_interval``: how many Dask workers there may be, and how often that is looked at. ``shared_store``: URL of
    a folder that all hosts and workers reach, for bundles, logs and notebooks.
    ``resource_groups``: limits by name; ``resource_sampling``: seconds between two samples of an attempt's CPU and
    memory (0: none). ``host_lost_after``: how long attempts of a host that is gone from another machine count as
    running before they are lost.
    ``keep_*``: what retention leaves: runs of the last ``keep_days``, ``keep_runs`` of each DAG (None: any number), and
    ``keep_bytes`` of spool; failed ones stay ``keep_failed_factor`` times as long. 0 days or bytes: no bound.
    ``prune_interval``: how often a host prunes (0: never).
    ``keep_kernel_on_failure``: seconds for which the kernel of a notebook that has failed for good is kept (0: it ends
    at once); at most ``kept_kernels_max`` are, with ``kept_kernels_memory`` bytes in all, and the oldest goes first.
    ``smtp_*``: the mail server (no host: no mail); the password stands in ``$JUPYTER_FLOW_SMTP_PASSWORD`` of the host
    or in ``smtp_password_file``, never in a setting. ``smtp_starttls``: encrypt after the greeting; ``smtp_ssl``: from
    the start on. ``smtp_from``: the sender's address.
    """

    home: Path
    dag_folders: tuple[Path, ...] = ()
    root: Path | None = None
    db_url: str = field(default="", repr=False)  # it may hold a password
    parallelism: int = 16
    notebook_parallelism: int = 2
    default_timezone: str = "UTC"
    dags_are_paused_at_creation: bool = True
    on_stop: Literal["finish", "keep", "cancel"] = "finish"
    parse_timeout: float = 30.0
    parse_memory: int = 1024**3
    parse_processes: int = 2
    infra_retries: int = 3
    conf_max_bytes: int = 65_536
    forkservers: bool = True
    waiting_kernels: int = 1
    idle_after: float = 300.0
    preload: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Limits = Limits()
    profile: str = ""
    strict: bool = False
    callback_timeout: float = 300.0
    base_url: str = ""
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password_file: str = ""
    smtp_starttls: bool = True
    smtp_ssl: bool = False
    smtp_from: str = "jupyter-flow@localhost"
    xcom_store: str = ""
    xcom_threshold: int = XComSettings.threshold
    xcom_backend: str = ""
    xcom_allowed_classes: tuple[str, ...] = ()
    max_map_length: int = 1024
    queues: Mapping[str, int] = field(default_factory=dict)
    executor: Literal["local", "inline", "dask"] = "local"
    dask_address: str = ""
    dask_security: Mapping[str, str] = field(default_factory=dict)
    worker_num_min: int = 0
    worker_num_max: int = 2
    polling_interval: float = 5.0
    shared_store: str = ""
    resource_groups: Mapping[str, ResourceGroup] = field(default_factory=dict)
    resource_sampling: float = 2.0
    host_lost_after: float = 600.0
    keep_days: float = 90.0
    keep_bytes: int = 5 * 1024**3
    keep_runs: int | None = None
    keep_failed_factor: float = 2.0
    prune_interval: float = 3600.0
    keep_kernel_on_failure: float = 0.0
    kept_kernels_max: int = 3
    kept_kernels_memory: int = 2 * 1024**3

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.db_url or f"sqlite:///{self.home / 'flow.db'}"

    @property
    def xcom(self) -> XComSettings:
        """What runners are told of the place of large XComs."""
        store = self.xcom_store
        if not store and self.executor == "dask" and self.shared_store:
            store = f"{self.shared_store.rstrip('/')}/xcoms"  # workers do not reach the state folder
        return XComSettings(store, self.xcom_threshold, self.xcom_backend, self.xcom_allowed_classes)
