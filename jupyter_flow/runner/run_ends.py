"""How a request to a kernel, and with it the run of its notebook, can end before its reply."""

from __future__ import annotations

from .kernel_client import how
from .kernel_source import KernelEnd


class Ended(Exception):
    """The kernel or the attempt has come to its end while a request was under way."""


class KernelDied(Ended):
    """The kernel process is gone."""

    def __init__(self, end: KernelEnd) -> None:
        super().__init__(f"the kernel {how(end)}")
        self.end = end


class Stopped(Ended):
    """The kernel was interrupted or killed by us: ``cause`` says on whose behalf."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause
