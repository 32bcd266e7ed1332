"""Everything that an attempt's process prints goes to its log: file descriptors 1 and 2, ``print``, ``logging``."""

from __future__ import annotations

import _thread
import codecs
import io
import logging
import os
import select
import sys
from typing import Self

from .spool_files import LogFile

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 16
"""A line longer than this is written in parts (a progress bar without a newline must not grow for ever)."""


_Decoder = codecs.getincrementaldecoder("utf-8")
_LAST_ROUNDS = 32
"""Reads after the end: more than a pipe holds, yet bounded if a left-over child writes for ever."""


class _Stream:
    """One captured descriptor: bytes come in, whole lines go to the log."""

    def __init__(self, name: str, target_fd: int, log: LogFile) -> None:
        self.name = name
        self._log = log
        self._decoder = _Decoder("replace")
        self._rest = ""
        self.read_fd, write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        os.dup2(write_fd, target_fd, inheritable=True)
        os.close(write_fd)

    def drain(self) -> bool:
        """Move what is there to the log; False at the end of the stream."""
        try:
            data = os.read(self.read_fd, _CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        text = self._rest + self._decoder.decode(data)
        whole, newline, self._rest = text.rpartition("\n")
        if newline:
            self._log.write(self.name, whole)
        elif len(self._rest) > _LONGEST_LINE:
            self.flush()
        return True

    def flush(self) -> None:
        """Write the unfinished last line."""
        if self._rest:
            self._log.write(self.name, self._rest)
            self._rest = ""


class Capture:
    """Sends descriptors 1 and 2 of this process (and of children that inherit them) into a log.

    A context manager. Leaving it writes what has arrived by then; it never waits for a child that still holds
    the other end.
    """

    def __init__(self, log: LogFile) -> None:
        self._log = log

    def __enter__(self) -> Self:
        self._saved = (os.dup(1), os.dup(2))
        self._streams = [_Stream("stdout", 1, self._log), _Stream("stderr", 2, self._log)]
        self._saved_files = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = _text_file(1), _text_file(2)
        self._stop_read, self._stop_write = os.pipe()
        self._pumping = _thread.allocate_lock()
        self._pumping.acquire()
        # a bare thread: starting it does not wait for it, and it needs little memory in a process that lives briefly
        _thread.start_new_thread(self._pump, ())
        _HANDLER.log = self._log
        root = logging.getLogger()
        root.addHandler(_HANDLER)
        root.setLevel(logging.INFO)
        return self

    def __exit__(self, *exc: object) -> None:
        logging.getLogger().removeHandler(_HANDLER)
        for file in (sys.stdout, sys.stderr):
            try:
                file.flush()
            except (OSError, ValueError):
                pass
        sys.stdout, sys.stderr = self._saved_files
        for target, saved in zip((1, 2), self._saved, strict=True):
            os.dup2(saved, target)
            os.close(saved)
        os.close(self._stop_write)
        self._pumping.acquire()  # when the pump has ended

    def copies(self) -> list[int]:
        """Return copies of the ends that are read, for who hears on what a child that stays writes."""
        return [os.dup(stream.read_fd) for stream in self._streams]

    def _pump(self) -> None:
        try:
            self._move_all()
        finally:
            self._pumping.release()

    def _move_all(self) -> None:
        poll = select.poll()  # needs no descriptor of its own
        streams = {stream.read_fd: stream for stream in self._streams}
        for number in (self._stop_read, *streams):
            poll.register(number, select.POLLIN)
        last_rounds: int | None = None
        while last_rounds is None or last_rounds > 0:
            ready = [number for number, _ in poll.poll(None if last_rounds is None else 0)]
            for number in ready:
                if number in streams and not streams[number].drain():
                    poll.unregister(number)
            if last_rounds is not None:
                last_rounds = last_rounds - 1 if ready else 0
            elif self._stop_read in ready:
                poll.unregister(self._stop_read)
                last_rounds = _LAST_ROUNDS
        os.close(self._stop_read)
        for stream in self._streams:
            stream.flush()
            os.close(stream.read_fd)


def _text_file(fd: int) -> io.TextIOWrapper:
    binary = io.open(fd, "wb", closefd=False)  # noqa: SIM115, UP020 - lives as long as the capture
    return io.TextIOWrapper(binary, encoding="utf-8", errors="backslashreplace", line_buffering=True)


class LogHandler(logging.Handler):
    """Writes records of ``logging`` to the attempt's ``log``, with their level and traceback."""

    log: LogFile

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a record that cannot be formatted is reported by ``logging`` itself."""
        try:
            self.log.write("log", self.format(record), record.levelname.lower())
        except Exception:
            self.handleError(record)


_HANDLER = LogHandler()
"""The one of this process: made before the fork, an attempt that lives briefly has only to use it."""
