"""The life of a host process: serve, wait for a database that does not answer, end with an exit code."""

from __future__ import annotations

import gc
import logging
import os
import sys
from contextlib import ExitStack

from .. import __version__
from ..model.config import FlowConfig
from ..model.errors import DatabaseAway, FlowError
from ..wire.arming import arm_process
from .clock import SystemClock
from .head_start import HeadStart

log = logging.getLogger(__name__)


def run_host(config: FlowConfig) -> int:
    """Be the host of ``config.home`` until stopped; the exit code. A refusal is one line on stderr (code 2).

    A database that does not answer is waited for; so is one that goes away while the host begins.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        arm_process("host")
        while True:
            try:
                return _serve(config)
            except DatabaseAway as error:
                from .waiting_room import WaitingRoom

                if not WaitingRoom(config, str(error)).wait():
                    return 0
    except FlowError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    except OSError as error:  # while it begins: later the guard sees to them
        print(f"the host of {config.home} cannot begin: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _serve(config: FlowConfig) -> int:
    with ExitStack() as stack:
        ahead = stack.enter_context(HeadStart.take(config, SystemClock().wall()))
        ahead.warm()
        gc.disable()  # what is read now stays
        from .host import Host  # it takes a second to read: meanwhile others begin

        gc.enable()
        server = Host(config, stack, ahead=ahead)
        server.begin()
        log.info("host %s serves %s (pid %d)", __version__, config.home, os.getpid())
        server.run()
        log.info("host ends; %d tasks run on", len(server.desk.active))
    return 0
