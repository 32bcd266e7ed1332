"""``python -m jupyter_flow.service``: be the host of one home."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..model.config import FlowConfig
from ..model.records import Limits
from ..wire.environment import DB_URL_VARIABLE, PROFILE_VARIABLE
from ..wire.paths import default_dag_folders, default_home
from . import mail, plain_settings, slot_settings, xcom_settings
from .serve import run_host


def main(arguments: list[str] | None = None) -> int:
    """Read the command line into a :class:`FlowConfig` and serve."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_flow.service", description="The host of Jupyter Flow.")
    parser.add_argument("--home", type=Path, default=None, help="state folder")
    parser.add_argument("--dags", type=Path, action="append", default=[], help="DAG folder (may be repeated)")
    parser.add_argument("--root", type=Path, default=None, help="folder that notebooks must lie beneath")
    parser.add_argument(
        "--db-url",
        default=os.environ.get(DB_URL_VARIABLE, ""),
        help=f"SQLAlchemy URL (default: ${DB_URL_VARIABLE}, else SQLite in the state folder)",
    )
    parser.add_argument("--parallelism", type=int, default=FlowConfig.parallelism)
    parser.add_argument("--notebook-parallelism", type=int, default=os.cpu_count() or FlowConfig.notebook_parallelism)
    parser.add_argument("--timezone", default=FlowConfig.default_timezone)
    parser.add_argument("--on-stop", choices=("finish", "keep", "cancel"), default=FlowConfig.on_stop)
    parser.add_argument("--parse-timeout", type=float, default=FlowConfig.parse_timeout)
    parser.add_argument("--infra-retries", type=int, default=FlowConfig.infra_retries)
    parser.add_argument("--kill-grace", type=float, default=Limits.kill_grace)
    parser.add_argument("--waiting-kernels", type=int, default=FlowConfig.waiting_kernels)
    parser.add_argument("--idle-after", type=float, default=FlowConfig.idle_after)
    mail.add_options(parser)
    xcom_settings.add_options(parser)
    slot_settings.add_options(parser)
    plain_settings.add_options(parser)
    parser.add_argument("--profile", default=os.environ.get(PROFILE_VARIABLE, ""), help="which default_args_profiles")
    parser.add_argument("--strict", action="store_true", help="a dependency that is stated twice is an error")
    parser.add_argument("--no-forkservers", action="store_true", help="start every process from scratch")
    parser.add_argument("--unpaused", action="store_true", help="new DAGs are not paused")
    given = parser.parse_args(arguments)
    config = FlowConfig(
        home=(given.home or default_home()).absolute(),
        dag_folders=tuple(folder.absolute() for folder in given.dags) or default_dag_folders(),
        root=given.root and given.root.absolute(),
        db_url=given.db_url,
        parallelism=given.parallelism,
        notebook_parallelism=given.notebook_parallelism,
        default_timezone=given.timezone,
        dags_are_paused_at_creation=not given.unpaused,
        on_stop=given.on_stop,
        parse_timeout=given.parse_timeout,
        infra_retries=given.infra_retries,
        forkservers=not given.no_forkservers,
        waiting_kernels=given.waiting_kernels,
        idle_after=given.idle_after,
        profile=given.profile,
        strict=given.strict,
        limits=Limits(kill_grace=given.kill_grace),
        **xcom_settings.settings_of(given, parser),
        **mail.settings_of(given),
        **slot_settings.settings_of(given, parser),
        **plain_settings.settings_of(given, parser),
    )
    return run_host(config)


if __name__ == "__main__":
    sys.exit(main())
