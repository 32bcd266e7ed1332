"""A notebook that a person has mended after a failure, executed in place of the DAG's by the attempt after it.

With the kernel of the failed attempt it goes on at the first cell that has not succeeded; the cells before are as the
record of the failed attempt has them. Without, it is executed from its start.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from ..model.records import Workload
from .fork_hygiene import TAG_VARIABLE
from .notebook_values import FOLDER

if TYPE_CHECKING:
    from .cell_records import Past

_GO_ON = """
import ctypes, os, sys
os.environ[name] = new
try:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()
    start, end = int(fields[47]), int(fields[48])
    at = ctypes.string_at(start, end - start).find(f"{name}={old}".encode())
    if at >= 0:
        ctypes.memmove(start + at + len(name) + 1, new.encode(), len(new))
except (OSError, ValueError, IndexError):
    pass
known = sys.modules.get("jupyter_flow_helper")
if known is None:
    exec(helper, {})
else:
    known._go_on(snapshot)
"""


@dataclass(frozen=True)
class MendedNotebook:
    """What is executed. ``take``: the attempt whose kernel goes on, at the cell after those of ``past``; None: none."""

    source: bytes
    take: str | None
    first: int

    def past(self, node: Any) -> list[Past]:
        """Return what the cells before the first one have shown."""
        return [(cell.get("outputs", []), cell.get("execution_count")) for cell in node.cells[: self.first]]


def mended_notebook(workload: Workload) -> MendedNotebook | None:
    """Return the notebook that ``workload`` has in place of the DAG's, if any."""
    order = workload.resume
    if order is None:
        return None
    path = Path(order["notebook"])
    try:
        source = path.read_bytes()
    except OSError as error:
        message = f"the mended notebook is gone: {error.strerror or error}"
        raise TaskFailure(Reason("notebook", {"path": str(path), "message": message}), no_retry=True) from None
    goes_on = order["cell"] is not None
    return MendedNotebook(source, order["attempt"] if goes_on else None, order["cell"] if goes_on else 0)


def helper_again(helper: str, snapshot: str, earlier: str, own: str) -> str:
    """Return the code of the first request to a kernel that goes on: its tag, and what its helper knows of the attempt.

    What the kernel has sent since the cell failed was tried out by a person and is forgotten. ``helper``: the code for
    a kernel that has lost its helper.
    """
    values = {"name": TAG_VARIABLE, "helper": helper, "snapshot": snapshot, "old": earlier, "new": own}
    return f"exec({_GO_ON!r}, {values!r})"


def bring_files(workload: Workload, earlier: str) -> None:
    """Copy the files of XComs that the kernel has written for the attempt ``earlier``: they are still to be sent."""
    source, target = Path(workload.spool).with_name(earlier) / FOLDER, Path(workload.spool) / FOLDER
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
