"""The extension app: reads ``c.JupyterFlow.*`` into one FlowConfig, hangs the doors in, keeps a host alive."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from traitlets import Bool, CaselessStrEnum, Dict, Float, Int, List, Unicode

from ..model.config import MAIL_FIELDS, PLAIN_FIELDS, FlowConfig
from ..service import plain_settings, xcom_settings
from ..wire.environment import PROFILE_VARIABLE
from ..wire.paths import default_dag_folders, default_home
from .event_feed import EventFeed
from .external_kernels import ExternalKernels
from .host_link import HostLink
from .house_door import HouseDoor
from .routes import route_table
from .run_bus import RunBus

_THREADS = 4
_PLAIN = FlowConfig(home=Path())


class JupyterFlow(ExtensionApp):
    """Jupyter Flow in a Jupyter Server. Configure it as ``c.JupyterFlow.*`` in ``jupyter_server_config.py``."""

    name = "jupyter_flow"
    description = "Workflow orchestration inside JupyterLab"
    load_other_extensions = True
    classes: ClassVar[list[type]] = []  # type: ignore[misc]

    home = Unicode("", help="State folder. Empty: $JUPYTER_FLOW_HOME, else `flow` under Jupyter's data folder.").tag(
        config=True
    )
    dag_folders = List(
        Unicode(), default_value=["dags"], help="Folders with DAG files; relative ones are under the server's root."
    ).tag(config=True)
    db_url = Unicode("", help="SQLAlchemy URL of the database. Empty: SQLite in the state folder.").tag(config=True)
    parallelism = Int(_PLAIN.parallelism, min=1, help="Tasks that may run at once.").tag(config=True)
    notebook_parallelism = Int(0, min=0, help="Notebooks that may run at once. 0: one a core.").tag(config=True)
    default_timezone = Unicode(_PLAIN.default_timezone, help="IANA zone of naive dates in DAG files.").tag(config=True)
    dags_are_paused_at_creation = Bool(
        _PLAIN.dags_are_paused_at_creation, help="Whether a DAG that appears for the first time is paused."
    ).tag(config=True)
    on_stop = CaselessStrEnum(
        ["finish", "keep", "cancel"],
        default_value=_PLAIN.on_stop,
        help="When the server stops: `finish` running tasks and start nothing new, `keep` scheduling, or `cancel`.",
    ).tag(config=True)
    parse_timeout = Float(_PLAIN.parse_timeout, help="Seconds a DAG file may take to load.").tag(config=True)
    forkservers = Bool(_PLAIN.forkservers, help="Whether to fork runners and kernels from warm processes.").tag(
        config=True
    )
    waiting_kernels = Int(_PLAIN.waiting_kernels, min=0, help="Kernels kept ready while something is due.").tag(
        config=True
    )
    idle_after = Float(
        _PLAIN.idle_after, help="Seconds for which kernels and images for notebooks are kept ready without a notebook."
    ).tag(config=True)
    callback_timeout = Float(_PLAIN.callback_timeout, help="Seconds one callback may take.").tag(config=True)
    base_url = Unicode("", help="Where people open this JupyterLab, e.g. https://example.com/user/ada: for links.").tag(
        config=True
    )
    smtp_host = Unicode("", help="Mail server for email_on_failure and SLA digests. Empty: no mail is sent.").tag(
        config=True
    )
    smtp_port = Int(_PLAIN.smtp_port, min=1, max=65535, help="Port of the mail server.").tag(config=True)
    smtp_user = Unicode("", help="Who logs in at the mail server. Empty: nobody.").tag(config=True)
    smtp_password_file = Unicode("", help="File with the password; else $JUPYTER_FLOW_SMTP_PASSWORD is taken.").tag(
        config=True
    )
    smtp_starttls = Bool(_PLAIN.smtp_starttls, help="Whether to encrypt after the greeting.").tag(config=True)
    smtp_ssl = Bool(_PLAIN.smtp_ssl, help="Whether the connection is encrypted from the start on.").tag(config=True)
    smtp_from = Unicode(_PLAIN.smtp_from, help="The sender's address.").tag(config=True)
    profile = Unicode(
        os.environ.get(PROFILE_VARIABLE, ""),
        help=f"Which of the `default_args_profiles` of DAGs counts, e.g. dev or prod (default: ${PROFILE_VARIABLE}).",
    ).tag(config=True)
    strict = Bool(_PLAIN.strict, help="Whether a dependency that a DAG file states twice is an error.").tag(config=True)
    xcom_store = Unicode(
        "", help="URL of a folder for large XComs (file:///…, s3://…). Empty: frames go to the state folder."
    ).tag(config=True)
    xcom_threshold = Int(
        _PLAIN.xcom_threshold, min=0, help="With an xcom_store: bytes of JSON over which a value goes there."
    ).tag(config=True)
    xcom_backend = Unicode("", help="`module:Class` of an XComBackend of your own, loaded in runners only.").tag(
        config=True
    )
    xcom_allowed_classes = List(
        Unicode(), help="Patterns (`mypackage.*`) of classes that a runner may import to rebuild an XCom."
    ).tag(config=True)
    queues = Dict(
        key_trait=Unicode(),
        value_trait=Int(min=0),
        help="Queues that this host serves besides `default`, and how many of their tasks run at once: {'gpu': 1}.",
    ).tag(config=True)
    max_map_length = Int(_PLAIN.max_map_length, min=1, help="Task instances that one mapped task may have.").tag(
        config=True
    )
    executor = CaselessStrEnum(
        ["local", "inline", "dask"], default_value=_PLAIN.executor, help="What carries tasks out."
    ).tag(config=True)
    dask_address = Unicode("", help="Address of a Dask scheduler. Empty: a local cluster of our own.").tag(config=True)
    dask_security = Dict(
        key_trait=Unicode(), value_trait=Unicode(), help="Files for TLS to Dask: ca_file, cert, key."
    ).tag(config=True)
    worker_num_min = Int(_PLAIN.worker_num_min, min=0, help="Dask workers that are always there.").tag(config=True)
    worker_num_max = Int(_PLAIN.worker_num_max, min=0, help="Dask workers at most.").tag(config=True)
    polling_interval = Float(
        _PLAIN.polling_interval, min=0, help="Seconds between two looks at how many workers are needed."
    ).tag(config=True)
    shared_store = Unicode(
        "", help="URL of a folder that all hosts and workers reach (file:///…, s3://…): bundles, logs, notebooks."
    ).tag(config=True)
    preload = Dict(
        key_trait=Unicode(),
        help="Modules that kernels find imported, by kernelspec: {'python3': ['pandas']}.",
    ).tag(config=True)
    resource_groups = Dict(
        key_trait=Unicode(), help="Limits by name: {'batch': {'slots': 4, 'memory': 8_000_000_000, 'gpu': 1}}."
    ).tag(config=True)
    resource_sampling = Float(
        _PLAIN.resource_sampling, min=0, help="Seconds between two samples of a task's CPU and memory. 0: none."
    ).tag(config=True)
    host_lost_after = Float(
        _PLAIN.host_lost_after, min=0, help="Seconds until tasks of a host that is gone from its machine count as lost."
    ).tag(config=True)
    keep_days = Float(_PLAIN.keep_days, min=0, help="Days for which runs are kept. 0: for ever.").tag(config=True)
    keep_bytes = Int(_PLAIN.keep_bytes, min=0, help="Bytes of logs and notebooks that are kept. 0: all.").tag(
        config=True
    )
    keep_runs = Int(None, min=0, allow_none=True, help="Runs of each DAG that are kept. None: any number.").tag(
        config=True
    )
    keep_failed_factor = Float(
        _PLAIN.keep_failed_factor, min=1, help="How many times as long failed runs are kept."
    ).tag(config=True)
    prune_interval = Float(_PLAIN.prune_interval, min=0, help="Seconds between two prunings. 0: none.").tag(config=True)
    keep_kernel_on_failure = Float(
        _PLAIN.keep_kernel_on_failure,
        min=0,
        help="Seconds for which the kernel of a notebook that has failed for good is kept. 0: it ends at once.",
    ).tag(config=True)
    kept_kernels_max = Int(_PLAIN.kept_kernels_max, min=0, help="Kernels of failed notebooks kept at once.").tag(
        config=True
    )
    kept_kernels_memory = Int(
        _PLAIN.kept_kernels_memory, min=0, help="Bytes of memory that kept kernels may have in all."
    ).tag(config=True)
    supervise_host = Bool(True, help="Whether to start a host and start it again if it dies.").tag(config=True)

    @property
    def server(self) -> ServerApp:
        """The server that loaded us."""
        if self.serverapp is None:
            raise RuntimeError("this extension was not linked to a server")
        return self.serverapp

    def _config_file_name_default(self) -> str:
        return "jupyter_flow_config"  # not jupyter_jupyter_flow_config

    def flow_config(self) -> FlowConfig:
        """Return the settings as the plain record that inner rooms take."""
        if self.serverapp is None:
            raise RuntimeError("the extension is not linked to a server")
        root = Path(self.server.root_dir).absolute()
        named = "dag_folders" in self.config.JupyterFlow
        folders = tuple(root / Path(folder).expanduser() for folder in self.dag_folders)
        return FlowConfig(
            home=Path(self.home).expanduser().absolute() if self.home else default_home(),
            dag_folders=folders if named else default_dag_folders() or folders,
            db_url=self.db_url,
            parallelism=self.parallelism,
            notebook_parallelism=self.notebook_parallelism or os.cpu_count() or 1,
            default_timezone=self.default_timezone,
            dags_are_paused_at_creation=self.dags_are_paused_at_creation,
            on_stop=self.on_stop,
            parse_timeout=self.parse_timeout,
            forkservers=self.forkservers,
            waiting_kernels=self.waiting_kernels,
            idle_after=self.idle_after,
            profile=self.profile,
            strict=self.strict,
            **self.xcom_settings(),
            queues=dict(self.queues),
            max_map_length=self.max_map_length,
            **{name: getattr(self, name) for name in MAIL_FIELDS},
            **plain_settings.checked({name: getattr(self, name) for name in PLAIN_FIELDS}),
        )

    def xcom_settings(self) -> dict[str, Any]:
        """Return where XComs are kept outside the database; what the configuration leaves open the environment says."""
        names = ("xcom_store", "xcom_threshold", "xcom_backend", "xcom_allowed_classes")
        if not any(name in self.config.JupyterFlow for name in names):
            return xcom_settings.from_environment()
        return xcom_settings.checked({name: getattr(self, name) for name in names})

    def initialize_settings(self) -> None:
        """Build the parts and put them where handlers find them."""
        self._config = self.flow_config()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jupyter-flow")
        self.door = HouseDoor(self._config, self._threads)
        self.feed = EventFeed(self.door)
        self.link = HostLink(self._config, self.log) if self.supervise_host else None
        if link := self.link:
            self.door.wake_host = link.wake
            self.door.host_trouble = lambda: link.trouble
        self.settings.update({"jupyter_flow_door": self.door, "jupyter_flow_feed": self.feed})
        self.kernels = ExternalKernels(self.server.kernel_manager)
        self.settings["jupyter_flow_kernels"] = self.kernels
        # JupyterLab says its root with ~ for the home folder: then paths of DAG files could not be told to lie beneath
        page = self.settings.setdefault("page_config_data", {})
        page["jupyterFlowRoot"] = str(Path(self.server.root_dir).absolute())

    def initialize_handlers(self) -> None:
        """Hang the routes in; the server's base URL is put before them."""
        self.handlers.extend(route_table())

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Start the link to the host in its own thread: the server's start waits for nothing."""
        loop = asyncio.get_running_loop()
        self.bus = RunBus(serverapp.event_logger, serverapp.web_app.settings, self.door)
        self.feed.start(self.bus.on_events)
        self._activity = asyncio.ensure_future(self.bus.keep_activity())
        if self.link:
            self.link.start(
                on_change=lambda cursor: loop.call_soon_threadsafe(self.feed.on_push, cursor),
                on_host=lambda state: loop.call_soon_threadsafe(self.feed.on_host, state),
            )

    async def stop_extension(self) -> None:
        """Leave the host as ``on_stop`` says, and say what runs on."""
        self.feed.stop()
        self.kernels.close()
        if activity := getattr(self, "_activity", None):
            activity.cancel()
        if self.link:
            words = await asyncio.get_running_loop().run_in_executor(None, self.link.stop)
            if words:
                self.log.info(words)
        self.door.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
