"""A command in a process group of its own: its output line by line, and no process of it left at the end."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..model.faultpoint import faultpoint

ATTEMPT_TAG = "JUPYTER_FLOW_ATTEMPT"
_GRACE = 3.0
_CHUNK = 65_536


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    line: Callable[[str], None] | None = None,
) -> int:
    """Run ``command``, print what it writes (stderr too) as it comes, and return its exit code (-N: signal N).

    ``env``: its whole environment (None: ours). ``line`` hears of each line too. Whatever ends this call ends the
    process group of the command.
    """
    faultpoint("command.before_start")
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=None if env is None else dict(env),
        process_group=0,
    )
    try:
        faultpoint("command.after_start")
        for text in _lines(process, encoding):
            print(text, flush=True)  # noqa: T201 - the runner logs what a task prints
            if line is not None:
                line(text)
        return process.wait()
    finally:
        _end_group(process)


def environment(given: Mapping[str, str] | None, *, append: bool) -> dict[str, str] | None:
    """Return the environment of a command: ``given`` alone, or with ours; None stands for ours."""
    if given is None:
        return None
    env = {str(key): str(value) for key, value in given.items()}
    if append:
        return {**os.environ, **env}
    tag = os.environ.get(ATTEMPT_TAG)  # by it the house finds what an attempt leaves behind
    return {**env, **({ATTEMPT_TAG: tag} if tag else {})}


def _lines(process: subprocess.Popen[bytes], encoding: str) -> Iterator[str]:
    """Yield the lines of the output until it ends, or until bash has ended and what it wrote is read.

    A background process of the command that holds the pipe open does not keep the task.
    """
    assert process.stdout is not None  # noqa: S101 - Popen was called with PIPE
    fd = process.stdout.fileno()
    os.set_blocking(fd, False)
    rest = b""
    with selectors.DefaultSelector() as selector, _ExitNotice(process, selector) as notice:
        selector.register(fd, selectors.EVENT_READ)
        while True:
            ended = notice.ended()
            try:
                data = os.read(fd, _CHUNK)
            except BlockingIOError:
                if ended:
                    break
                selector.select(notice.timeout)
                continue
            if not data:
                break
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield line.decode(encoding, "replace")
            if len(rest) >= _CHUNK:
                yield rest.decode(encoding, "replace")
                rest = b""
    if rest:
        yield rest.decode(encoding, "replace")


class _ExitNotice:
    """Wakes ``selector`` when ``process`` ends: by a pidfd where there is one, else by looking often."""

    def __init__(self, process: subprocess.Popen[bytes], selector: selectors.BaseSelector) -> None:
        self._process = process
        self._selector = selector
        self._fd: int | None = None
        self.timeout: float | None = 0.05

    def __enter__(self) -> _ExitNotice:
        if hasattr(os, "pidfd_open"):
            self._fd = os.pidfd_open(self._process.pid)
            self._selector.register(self._fd, selectors.EVENT_READ)
            self.timeout = None
        return self

    def ended(self) -> bool:
        return self._process.poll() is not None

    def __exit__(self, *exc: object) -> None:
        if self._fd is not None:
            os.close(self._fd)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the command's process group: politely if bash still runs, at once otherwise."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    sys.stdout.flush()


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # it has ended
