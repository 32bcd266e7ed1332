"""FlowConfig: every setting of the house as one plain, frozen record.

Doors read traitlets, environment and command line into it; inner rooms get it as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .records import Limits, XComSettings

MAIL_FIELDS = (
    *("callback_timeout", "base_url", "smtp_host", "smtp_port", "smtp_user", "smtp_password_file"),
    *("smtp_starttls", "smtp_ssl", "smtp_from"),
)
"""Fields of :class:`FlowConfig` about callbacks and mail."""


@dataclass(frozen=True)
class FlowConfig:
    """Settings of one house. Durations are seconds, sizes bytes unless the name says otherwise.

    ``home``: state folder. ``dag_folders``: where DAG files are found. ``root``: notebooks and templates must
    lie beneath it (default: the DAG folder of the DAG). ``db_url``: empty = SQLite in ``home``.
    ``idle_after``: how long kernels and images for notebooks are kept ready without a notebook task.
    ``profile``: which of the named ``default_args_profiles`` of DAGs counts (empty: none). ``strict``: a dependency
    that a DAG file states twice is an error (else a warning).
    ``on_stop``: what happens to running tasks when JupyterLab stops (finish | keep | cancel).
    ``max_map_length``: how many instances a mapped task may have. ``queues``: queue name -> tasks of it that this host
    runs at once; tasks of other queues wait, ``default`` needs no entry.
    ``xcom_*``: where large XComs are kept, and which classes may be imported to rebuild one.
    ``callback_timeout``: how long one callback may take. ``base_url``: where people open this JupyterLab, for links.
    ``smtp_*``: the mail server (no host: no mail); the password stands in ``$JUPYTER_FLOW_SMTP_PASSWORD`` of the host
    or in ``smtp_password_file``, never in a setting. ``smtp_starttls``: encrypt after the greeting; ``smtp_ssl``: from
    the start on. ``smtp_from``: the sender's address.
    """

    home: Path
    dag_folders: tuple[Path, ...] = ()
    root: Path | None = None
    db_url: str = ""
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

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.db_url or f"sqlite:///{self.home / 'flow.db'}"

    @property
    def xcom(self) -> XComSettings:
        """What runners are told of the place of large XComs."""
        return XComSettings(self.xcom_store, self.xcom_threshold, self.xcom_backend, self.xcom_allowed_classes)
