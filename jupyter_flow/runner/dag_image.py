"""An image of a DAG file: a process that has loaded the file once, from which its attempts are forked.

The forkserver forks it, so that user code never runs in the forkserver itself. It loads the pinned file, looks
whether that left anything that children would share (:mod:`.load_traces`), and says ``ready`` or ``refused``
(``why``) on the socket to its forkserver. From then on it speaks the forkserver's frames: ``fork`` is answered by
``forked``, ``exited`` or ``failed``, and by ``stale`` when a module that the file imported was changed since.
``go`` brings the house's connection, which the image only holds: as long as the image may still fork, the house
must not see that connection end. ``stop`` is answered by ``stopped``; then nothing is forked any more, and the image
ends with its last child.
"""

from __future__ import annotations

import atexit
import os
import selectors
import socket
import sys
import time
import warnings
from typing import Any, NoReturn

from ..authoring.exceptions import FlowWarning
from ..model.faultpoint import faultpoint
from ..wire.armed_faults import FAULTS_VARIABLE
from ..wire.arming import arm_process, hide_faults
from ..wire.framing import Decoder, encode
from . import dag_loader
from .fork_hygiene import Baseline, EnvironmentTag, become_subreaper, settle_memory
from .fork_loop import ForkLoop
from .load_traces import LoadTraces
from .process_figures import packages_hash
from .warm import warm_attempt

LOOK_AGAIN = 1.0
"""Seconds during which imported files are taken as unchanged."""


def be_image(image: dag_loader.Image, end: socket.socket, baseline: Baseline, tag: EnvironmentTag) -> NoReturn:
    """Be the image of ``image`` in a process just forked from the forkserver, to its end."""
    try:
        os.setsid()
        baseline.restore(keep=(end.fileno(),))
        arm_process("image")
        faultpoint("image.in_fork")
        become_subreaper()
        atexit._clear()
        sys.argv = [str(dag_loader.__file__)]
        before = set(sys.modules)
        if (why := _load(image)) is not None:
            end.sendall(encode({"op": "refused", "why": why}))
            os._exit(0)
        files = _files_of(sys.modules.keys() - before)
        packages_hash()
        warm_attempt(times=2)  # the loading has made classes: what was known of others is found once more
        server = ImageServer(end, files, baseline, tag)
        settle_memory()
        end.sendall(encode({"op": "ready"}))
        server.serve()
    finally:
        os._exit(0)


def _load(image: dag_loader.Image) -> str | None:
    """Load the DAG file; return why it is not to be forked from, None if it may be."""
    faults = os.environ.get(FAULTS_VARIABLE)
    hide_faults()
    traces = LoadTraces()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FlowWarning)
            dag_loader.keep_image(image)
        return traces.found()
    except BaseException as error:  # whatever a DAG file raises: each attempt will meet it itself
        return f"raised {type(error).__name__}"
    finally:
        traces.close()
        if faults is not None:
            os.environ[FAULTS_VARIABLE] = faults  # for the attempts


class ImageServer(ForkLoop):
    """The loop of an image that is ready. ``files``: what it has imported, path -> change time and size."""

    def __init__(
        self, end: socket.socket, files: dict[str, tuple[int, int]], baseline: Baseline, tag: EnvironmentTag
    ) -> None:
        super().__init__(baseline, tag)
        self._end = end
        self._decoder = Decoder()
        self._files = files
        self._looked_at = 0.0
        self._stale = False
        self._house = -1
        self._stopped = False
        self.selector.register(end, selectors.EVENT_READ, self._on_frames)

    def serve(self) -> None:
        """Serve until stopped (or alone) and without a child."""
        while self.children or not self._stopped:
            for key, _ in self.selector.select():
                key.data()
            self.flush()
        self.leave_nothing()

    def _on_frames(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._end, 1 << 18, 1)
        except OSError:
            data, descriptors = b"", []
        if descriptors:
            self._house = descriptors[0]
        if not data:
            # the forkserver is gone: nothing that it asked for and that has not been done may be done any more
            self.selector.unregister(self._end)
            self._stop()
            return
        for message in self._decoder.feed(data):
            if message["op"] == "fork":
                self._on_fork(message)
            elif message["op"] == "stop":
                self._stop()
                self.outgoing.append({"op": "stopped"})

    def _on_fork(self, request: dict[str, Any]) -> None:
        if self._stopped or self._is_stale():
            self.outgoing.append({"op": "stale", "key": request["key"]})
        else:
            self.fork(request)

    def _stop(self) -> None:
        self._stopped = True
        if self._house >= 0:
            os.close(self._house)
            self._house = -1

    def _is_stale(self) -> bool:
        now = time.monotonic()
        if not self._stale and now - self._looked_at >= LOOK_AGAIN:
            self._looked_at = now
            self._stale = any(_stamp(path) != stamp for path, stamp in self._files.items())
        return self._stale

    def flush(self) -> None:
        """Tell the forkserver what is to be said."""
        if self.outgoing:
            try:
                self._end.sendall(b"".join(encode(message) for message in self.outgoing))
            except OSError:
                pass  # nobody is there to hear it; the end of the connection will be read
            self.outgoing = []


def _files_of(names: set[str]) -> dict[str, tuple[int, int]]:
    """Return the files of modules with their stamps."""
    found = {}
    for name in names:
        path = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(path, str):
            found[path] = _stamp(path)
    return found


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
