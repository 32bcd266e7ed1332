"""Watches the DAG folders: a thread that only wakes its owner's loop when something beneath them changed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger(__name__)

STEP_MS = 400
"""How long a burst of changes is collected; the watcher's thread wakes up about this often, too."""


class Watcher:
    """Makes :meth:`fileno` readable after a change beneath ``folders``. Knows nothing of DAG files."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._stop = threading.Event()
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._watch, name="watch-dag-folders", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        if self._folders:
            self._thread.start()

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._read

    def drain(self) -> None:
        """Forget the changes seen so far: call before looking at the folders."""
        try:
            while os.read(self._read, 4096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        os.close(self._read)
        os.close(self._write)

    def _watch(self) -> None:
        import watchfiles  # in this thread: nobody waits for it

        try:
            for _ in watchfiles.watch(
                *self._folders,
                watch_filter=None,
                debounce=2 * STEP_MS,
                step=STEP_MS,
                rust_timeout=60_000,
                yield_on_timeout=False,
                stop_event=self._stop,
                raise_interrupt=False,
                force_polling=False,
                ignore_permission_denied=True,
            ):
                os.write(self._write, b"c")
        except BlockingIOError:
            return
        except (OSError, RuntimeError) as error:
            log.warning("DAG folders are not watched (%s): use `jupyter flow dags reload` after changes", error)
