"""``dag.test()``: tasks written in Python run in the author's process, where a debugger can stop in them.

A house as always decides and starts runners, in a temporary home. The runner of such a task hands its attempt over a
socket to the author's process and waits: so cancel, timeouts and sweeps hit the runner, never the author.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping

from ..model.records import Workload

SOCKET_VARIABLE = "JUPYTER_FLOW_TEST_SOCKET"
"""Path of the socket at which the author's process listens."""
PATTERN_VARIABLE = "JUPYTER_FLOW_TEST_SUCCESS"
"""Tasks whose id this regular expression matches are not executed: they succeed."""


def is_taken_as_done(task_id: str, environment: Mapping[str, str]) -> bool:
    """Whether the task is to succeed without being executed."""
    pattern = environment.get(PATTERN_VARIABLE)
    return bool(pattern) and re.compile(str(pattern)).match(task_id) is not None


def runs_elsewhere(workload: Workload, environment: Mapping[str, str]) -> bool:
    """Whether the author's process carries the attempt out: Python of the author's, and what is not executed at all."""
    if SOCKET_VARIABLE not in environment or workload.kind != "task":
        return False
    own = workload.task.needs_dag_file and not workload.task.is_notebook
    return own or is_taken_as_done(workload.task.task_id, environment)


def hand_over(spool: str, token: str) -> int:
    """Have the author's process carry out the attempt in ``spool``; 0 when it has written the result."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[SOCKET_VARIABLE])
        connection.sendall(json.dumps({"spool": spool, "token": token}).encode() + b"\n")
        return 0 if connection.recv(1) else 1
