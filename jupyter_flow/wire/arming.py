"""Arms this process by ``$JUPYTER_FLOW_FAULTS``: for the entry points of hosts, forkservers, runners and parsers."""

from __future__ import annotations

import os

from ..model.errors import InvalidInput
from ..model.faultpoint import arm
from .armed_faults import FAULTS_VARIABLE, faults_of


def arm_process(role: str) -> None:
    """Do what the variable asks for; without it disarm (a forked process has what its parent had).

    Raises :class:`InvalidInput` when it cannot be read.
    """
    try:
        faults = faults_of(os.environ, role)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    arm(faults)
    if faults is not None and faults.is_tracing:
        from .fault_trace import trace_operations

        trace_operations(faults)


def hide_faults() -> None:
    """Take the variable away before user code begins: this process stays armed, what user code starts is not."""
    os.environ.pop(FAULTS_VARIABLE, None)
