"""BashOperator: runs a command with bash in a process group of its own."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError, FlowSkipException, TaskFailure
from ..authoring.operator import BaseOperator
from ..model.reason import Reason

ATTEMPT_TAG = "JUPYTER_FLOW_ATTEMPT"
_GRACE = 3.0
_CHUNK = 65_536


class BashOperator(BaseOperator):
    """Runs ``bash_command`` (text, or the path of a ``.sh`` file that is a template) with bash.

    The output goes to the log line by line; its last line is the ``return_value`` XCom. Exit code 0 is success,
    ``skip_on_exit_code`` (default 99; a number, a list or None) skips, any other fails. ``env`` replaces the
    environment, or is added to it with ``append_env=True``. ``bash_command``, ``env`` and ``cwd`` are templated.
    """

    template_fields: ClassVar[Sequence[str]] = ("bash_command", "env", "cwd")
    template_ext: ClassVar[Sequence[str]] = (".sh", ".bash")
    spec_fields: ClassVar[Sequence[str]] = ("bash_command", "append_env", "skip_on_exit_code", "output_encoding")
    needs_dag_file: ClassVar[bool] = False

    def __init__(
        self,
        task_id: str,
        bash_command: str,
        *,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Sequence[int] | None = 99,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        if not (isinstance(bash_command, str) or hasattr(bash_command, "resolve")) or bash_command == "":
            raise DagError(f"{where}: bash_command must be text, not {bash_command!r}")
        self.bash_command = bash_command
        self.append_env = bool(append_env)
        self.output_encoding = str(output_encoding)
        codes = [] if skip_on_exit_code is None else skip_on_exit_code
        self.skip_on_exit_code = [
            checks.whole(where, "skip_on_exit_code", code) for code in ([codes] if isinstance(codes, int) else codes)
        ]

    def execute(self, context: Context) -> Any:
        """Run the command to its end and return the last line of its output."""
        process = subprocess.Popen(
            ["bash", "-c", self.bash_command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            process_group=0,
        )
        last = ""
        try:
            for line in _lines(process, self.output_encoding):
                print(line, flush=True)  # noqa: T201 - the runner logs what a task prints
                last = line
            code = process.wait()
        finally:
            _end_group(process)
        if code in self.skip_on_exit_code:
            raise FlowSkipException(f"the command ended with exit code {code}")
        if code < 0:
            raise TaskFailure(Reason("signal", {"signal": -code}))
        if code > 0:
            raise TaskFailure(Reason("exit_code", {"exit_code": code}))
        return last.rstrip("\r\n")

    def _environment(self) -> dict[str, str] | None:
        if self.env is None:
            return None
        env: Mapping[str, str] = {str(key): str(value) for key, value in self.env.items()}
        if self.append_env:
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
