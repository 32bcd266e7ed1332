"""The end of XCom files: they go when their attempts' records go.

A folder of this machine is cleared here. What lies elsewhere, or in an author's own backend, is deleted by a child:
``python -m jupyter_flow.runner.xcom_cleaner``.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..model.config import FlowConfig
from ..model.faultpoint import faultpoint
from ..wire.environment import without_secrets

log = logging.getLogger(__name__)

LONGEST = 600.0
"""Seconds that a child may take."""


def delete(config: FlowConfig, attempt_ids: Sequence[str]) -> None:
    """Delete the XCom files of these attempts, of which no record speaks any more. What fails is logged."""
    ids = {item for item in attempt_ids if item.isalnum()}
    if not ids:
        return
    settings = config.xcom
    folders = [config.home / "xcoms"]
    if settings.store.startswith("file:///") and not settings.backend:
        folders.append(Path(unquote(urlsplit(settings.store).path)))
    for folder in folders:
        for name in ids.intersection(os.listdir(folder) if folder.is_dir() else ()):
            shutil.rmtree(folder / name, ignore_errors=True)
    if settings.backend or (settings.store and not settings.store.startswith("file:///")):
        threading.Thread(target=_in_child, args=(config, sorted(ids)), daemon=True, name="xcom-files").start()


def _in_child(config: FlowConfig, attempt_ids: Sequence[str]) -> None:
    request = {
        "settings": vars(config.xcom),
        "home": str(config.home),
        "dag_folders": [str(folder) for folder in config.dag_folders],
        "attempt_ids": list(attempt_ids),
    }
    faultpoint("xcom_cleaner.before_start")
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "jupyter_flow.runner.xcom_cleaner"],
            input=json.dumps(request).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=without_secrets(os.environ),
            timeout=LONGEST,
            check=False,
        )
        if done.returncode:
            log.warning("files of XComs were not deleted: %s", done.stderr.decode("utf-8", "replace").strip()[-2000:])
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("files of XComs were not deleted: %s", error)
