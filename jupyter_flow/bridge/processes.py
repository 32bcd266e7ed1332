"""Which processes of this machine live: for attempts beside workers of a cluster of our own."""

from __future__ import annotations

import os

import psutil  # type: ignore[import-untyped]

TAG = "JUPYTER_FLOW_ATTEMPT"


def is_running(pid: int, ticks: int, boot_id: str) -> bool:
    """Tell whether the process that had ``pid`` and ``ticks`` in boot ``boot_id`` still runs."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            if file.read().strip() != boot_id:
                return False
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return False
    return int(fields[19]) == ticks and fields[0] not in (b"Z", b"X")


def has_any(attempt_id: str) -> bool:
    """Tell whether a process of the attempt lives on this machine."""
    uid = os.getuid()
    for process in psutil.process_iter():
        try:
            if process.uids().real != uid or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get(TAG) == attempt_id:
                return True
        except (psutil.Error, OSError):
            continue
    return False
