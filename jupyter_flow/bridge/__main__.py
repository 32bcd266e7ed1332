"""``python -m jupyter_flow.bridge``: the bridge of one home; its settings are one line of JSON on standard input."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from ..wire.paths import ensure_private_dir, runtime_dir
from .bridge import Bridge

log = logging.getLogger(__name__)


def run(settings: dict[str, Any]) -> int:
    """Be the bridge of ``settings["home"]`` until it is not needed. 0 also if there is one already."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("distributed").setLevel(logging.ERROR)
    home = Path(settings["home"])
    ensure_private_dir(runtime_dir(home).parent)
    lock = ensure_private_dir(runtime_dir(home)) / "bridge.lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    try:
        Bridge(settings).run()
    except OSError as error:
        log.error("the bridge cannot work: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    code = run(json.loads(sys.stdin.readline()))
    sys.stderr.flush()
    os._exit(code)  # threads of Dask may not want to end
