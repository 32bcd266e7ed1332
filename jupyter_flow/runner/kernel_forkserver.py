"""The kernel forkserver: forks IPython kernels on demand, and keeps some that wait.

Run by its path with the *kernel's* interpreter, which needs ipykernel and nothing of ours installed (Python 3.9+):
``PYTHON kernel_forkserver.py --socket PATH --key TEXT --preload MODULE … --ready-fd N``. The siblings that it loads by
path use the standard library only, ``kernel_child`` ipykernel besides.

A house's connection says ``{"op":"house"}`` first; then ``warm`` (``count``: kernels to keep waiting), ``idle``
(none), ``retire``. It hears ``hello`` (``pid python key``) and ``pool`` (``waiting starting lent``) at changes.
A runner's connection asks once ``{"op":"kernel","tag","python","cwd","environment"}`` and hears ``forked``
(``pid folder connection``, with the kernel's pidfd and leash attached), ``bound`` when the kernel listens and has
environment, folder and tag of the attempt, at last ``exited`` (``pid exit_code signal left_over``: whether
something that it started may still run); or ``refused`` (``message``). At its own end it says ``{"op":"done"}``: it
will look after what is left. A runner that goes without a word was killed; then we end what its kernel has started.

A kernel serves one attempt and is never used again. A waiting kernel is *exercised* once (kernel_info and a silent
``pass``): its first messages would otherwise pay for copied pages and lazy imports. We hold the leash of waiting
kernels; the runner gets it at hand-over. Without a house nothing is lent and waiting kernels end.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import secrets
import selectors
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST_CONNECTION_TIMEOUT = 30.0
END_WITHIN = 30.0
"""Seconds for which the end of orphans is waited for before this process ends itself."""
REFILL_PAUSE = 0.1

if __name__ == "__main__" and sys.path and os.path.abspath(sys.path[0] or ".") == HERE:
    del sys.path[0]  # our folder must not shadow the kernel's modules


def load_sibling(name: str, *path: str) -> ModuleType:
    """Load one of our standard-library-only files by its path."""
    spec = importlib.util.spec_from_file_location("jupyter_flow_" + name, os.path.join(HERE, *path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from ..model import faultpoint
    from ..wire import armed_faults, framing, processes
    from . import fork_hygiene, kernel_child, leash
else:
    faultpoint = load_sibling("faultpoint", os.pardir, "model", "faultpoint.py")
    armed_faults = load_sibling("armed_faults", os.pardir, "wire", "armed_faults.py")
    framing = load_sibling("framing", os.pardir, "wire", "framing.py")
    processes = load_sibling("processes", os.pardir, "wire", "processes.py")
    fork_hygiene = load_sibling("fork_hygiene", "fork_hygiene.py")
    leash = load_sibling("leash", "leash.py")
    kernel_child = load_sibling("kernel_child", "kernel_child.py")


class Kernel:
    """A kernel process: ``starting`` → ``waiting`` → ``lent`` (one forked on demand is lent from its start).

    ``ending``: one that was never lent and is being ended, or has ended but is not reaped yet.
    """

    def __init__(
        self, pid: int, folder: str, connection: dict[str, Any], channel: socket.socket, leash_end: int, pidfd: int
    ) -> None:
        self.pid, self.folder, self.connection = pid, folder, connection
        self.channel = channel
        self.leash_end: int | None = leash_end
        self.pidfd: int | None = pidfd
        self.state = "starting"
        self.borrower: Connection | None = None
        self.tag = ""

    def let_go(self) -> None:
        """Close the leash: a kernel whose leash nobody else holds ends at once."""
        if self.state != "lent":
            self.state = "ending"
        for name in ("leash_end", "pidfd"):
            if getattr(self, name) is not None:
                os.close(getattr(self, name))
                setattr(self, name, None)


class Connection:
    """A house or a runner at the other end."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.decoder = sock, framing.Decoder()
        self.tag = ""
        self.is_done = False

    def send(self, message: dict[str, Any], fds: tuple[int | None, ...] = ()) -> None:
        """Send one frame, with descriptors if given; a peer that went away is noticed when it is read."""
        try:
            data = framing.encode(message)
            if fds:
                sent = socket.send_fds(self.sock, [data], [fd for fd in fds if fd is not None])
                data = data[sent:]
            self.sock.sendall(data)
        except OSError:
            pass


class KernelForkserver:
    """The loop: one listener, at most one house, runners, kernels."""

    def __init__(
        self,
        path: str,
        key: str,
        baseline: fork_hygiene.Baseline,
        tag: fork_hygiene.EnvironmentTag,
        environment: dict[str, str],
    ) -> None:
        self._path, self._key, self._baseline, self._tag = path, key, baseline, tag
        self._environment = environment
        self._folder = os.path.dirname(path)
        self._kernels: dict[int, Kernel] = {}
        self._house: Connection | None = None
        # runners that were quicker than the house that started us; None once it has greeted us
        self._early: list[tuple[Connection, dict[str, Any]]] | None = []
        self._target = 0
        self._borrowers: set[Connection] = set()
        self._cared: set[str] = set()  # tags of runners that are done, and end themselves what is left
        self._owed = 0  # kernels that a house has just asked for: these start however busy the machine is
        self._selector = selectors.DefaultSelector()
        remove_dead_folders(self._folder)
        self._listener = listen(path)
        self._inode = os.stat(path).st_ino
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._wakeup.setblocking(False)
        self._wakeup_writer.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._on_child_signal)

    def serve(self) -> None:
        """Serve until there is neither a house nor a kernel, nor a runner for which we would end what is left."""
        first_deadline = time.monotonic() + FIRST_CONNECTION_TIMEOUT
        while self._house is not None or self._kernels or self._borrowers or time.monotonic() < first_deadline:
            if self._house is not None:
                timeout = REFILL_PAUSE if self._missing() else None
            elif self._kernels or self._borrowers:
                timeout = None
            else:
                timeout = max(0.0, first_deadline - time.monotonic())
            for key, _ in self._selector.select(timeout):
                key.data()
            if self._house is not None:
                first_deadline = 0.0
                self._refill()
        self._unlink()
        self._leave_nothing()

    # -- connections

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        size = struct.calcsize("3i")
        uid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
        if uid != os.getuid():
            sock.close()
            return
        connection = Connection(sock)
        self._selector.register(sock, selectors.EVENT_READ, lambda: self._on_frames(connection))

    def _on_frames(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(1 << 18)
            messages = connection.decoder.feed(data)
        except (OSError, framing.FrameError):
            data, messages = b"", []
        for message in messages:
            self._handle(connection, message)
        if not data:
            self._drop(connection)

    def _handle(self, connection: Connection, message: dict[str, Any]) -> None:
        op = message.get("op")
        if op == "house":
            if self._house is not None:
                self._drop(self._house)
            self._house = connection
            connection.send({"op": "hello", "pid": os.getpid(), "python": sys.executable, "key": self._key})
            early, self._early = self._early or [], None
            for borrower, request in early:
                self._lend(borrower, request)
        elif op == "kernel":
            self._lend(connection, message)
        elif op == "done":
            connection.is_done = True
        elif connection is self._house and op == "warm":
            self._target = int(message["count"])
            self._owed = max(0, self._missing())
        elif connection is self._house and op == "idle":
            self._empty_pool()
        elif connection is self._house and op == "retire":
            self._empty_pool()
            self._unlink()
            self._selector.unregister(self._listener)
            self._listener.close()

    def _drop(self, connection: Connection) -> None:
        if connection.sock.fileno() < 0:
            return
        self._selector.unregister(connection.sock)
        connection.sock.close()
        for kernel in self._kernels.values():
            if kernel.borrower is connection:
                kernel.borrower = None
        if connection in self._borrowers:
            self._borrowers.remove(connection)
            if connection.is_done:
                self._cared.add(connection.tag)
            self._end_orphans()
        if connection is self._house:
            self._house = None
            self._empty_pool()

    def _tell_house(self) -> None:
        if self._house is not None:
            states = [kernel.state for kernel in self._kernels.values()]
            counts = {state: states.count(state) for state in ("waiting", "starting", "lent")}
            self._house.send({"op": "pool", **counts})

    # -- kernels

    def _lend(self, connection: Connection, request: dict[str, Any]) -> None:
        if self._house is None and self._early is not None:
            self._early.append((connection, request))
            return
        if self._house is None:
            connection.send({"op": "refused", "message": "no host: it lends nothing"})
            return
        if not is_this_interpreter(request["python"]):
            connection.send({"op": "refused", "message": f"it forks kernels of {sys.executable} only"})
            return
        try:
            kernel = self._take_waiting(request) or self._fork(request)
        except OSError as error:
            connection.send({"op": "refused", "message": f"fork: {error}"})
            return
        kernel.state, kernel.borrower, kernel.tag = "lent", connection, request["tag"]
        connection.tag = kernel.tag
        self._borrowers.add(connection)
        reply = {"op": "forked", "pid": kernel.pid, "folder": kernel.folder, "connection": kernel.connection}
        connection.send(reply, (kernel.pidfd, kernel.leash_end))
        kernel.let_go()
        self._tell_house()

    def _take_waiting(self, request: dict[str, Any]) -> Kernel | None:
        """Hand ``request`` to a kernel that waits and lives; None if there is none."""
        for kernel in self._kernels.values():
            if kernel.state == "waiting":
                try:
                    kernel.channel.sendall(framing.encode(request))
                except OSError:
                    kernel.let_go()
                else:
                    return kernel
        return None

    def _missing(self) -> int:
        ready = sum(kernel.state in ("starting", "waiting") for kernel in self._kernels.values())
        return self._target - ready

    def _refill(self) -> None:
        """Start at most one waiting kernel at a time; replace lent ones only while a core is free."""
        if self._missing() <= 0 or any(kernel.state == "starting" for kernel in self._kernels.values()):
            return
        if self._owed <= 0 and runnable() - 1 >= (os.cpu_count() or 1):
            return
        try:
            self._fork(None)
            self._owed -= 1
        except OSError:
            traceback.print_exc()
            self._target = 0
        self._tell_house()

    def _empty_pool(self) -> None:
        self._target = 0
        for kernel in self._kernels.values():
            if kernel.state != "lent":
                kernel.let_go()

    def _fork(self, request: dict[str, Any] | None) -> Kernel:
        folder, connection = make_connection(self._folder)
        read_end, leash_end = leash.make()
        ours, theirs = socket.socketpair()
        faultpoint.faultpoint("kernel.before_fork")
        pid = os.fork()
        if pid == 0:
            faultpoint.arm(None)
            kernel_child.be_kernel(
                self._baseline,
                self._tag,
                self._environment,
                request,
                os.path.join(folder, "kernel.json"),
                read_end,
                theirs,
            )
        faultpoint.faultpoint("kernel.after_fork")
        os.close(read_end)
        theirs.close()
        kernel = Kernel(pid, folder, connection, ours, leash_end, os.pidfd_open(pid))
        self._kernels[pid] = kernel
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._on_channel(kernel))
        return kernel

    def _on_channel(self, kernel: Kernel) -> None:
        try:
            word = kernel.channel.recv(64)
        except OSError:
            word = b""
        if word == b"exercised" and kernel.state == "starting":
            kernel.state = "waiting"
            self._tell_house()
            return
        if word == b"bound" and kernel.borrower is not None:
            kernel.borrower.send({"op": "bound"})
        elif not word and kernel.state == "waiting":
            kernel.let_go()  # it has ended
        self._close_channel(kernel)

    def _close_channel(self, kernel: Kernel) -> None:
        if kernel.channel.fileno() >= 0:
            self._selector.unregister(kernel.channel)
            kernel.channel.close()

    def _on_child_signal(self) -> None:
        try:
            self._wakeup.recv(4096)
        except BlockingIOError:
            pass
        if self._reap():
            self._end_orphans()

    def _reap(self) -> bool:
        """Bury the kernels that have ended; whether anything had."""
        some_ended = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return some_ended
            if pid == 0:
                return some_ended
            some_ended = True  # an orphan may have left us its own children
            kernel = self._kernels.pop(pid, None)
            if kernel is not None:
                self._bury(kernel, os.waitstatus_to_exitcode(status))

    def _bury(self, kernel: Kernel, code: int) -> None:
        if kernel.state == "starting":
            self._target = 0  # it died by itself before it could wait: asking again would only repeat that
            sys.stderr.write(f"a waiting kernel ended with {code} while it started\n")
        kernel.let_go()
        self._close_channel(kernel)
        shutil.rmtree(kernel.folder, ignore_errors=True)
        end = {"exit_code": None, "signal": -code} if code < 0 else {"exit_code": code, "signal": None}
        if kernel.borrower is not None:
            left_over = self._left_over(kernel)
            kernel.borrower.send({"op": "exited", "pid": kernel.pid, **end, "left_over": left_over})
        self._tell_house()

    def _left_over(self, kernel: Kernel) -> bool:
        """Tell whether something that the dead ``kernel`` started runs outside of its group (that ends anyway).

        We are a child subreaper, so its orphans are our children now. False means: certainly nothing.
        """
        mark = _mark(kernel.tag)
        return any(_is_left_over(pid, kernel.pid, mark) for pid in self._orphans())

    def _orphans(self) -> list[int]:
        """Return our children that are no kernels: what dead kernels have left (living ones keep their orphans)."""
        return [pid for pid in processes.children_of(os.getpid()) if pid not in self._kernels]

    def _end_orphans(self) -> bool:
        """SIGKILL what dead kernels have left, unless a runner lives that will end it; whether there was anything."""
        orphans = self._orphans()
        if not orphans:
            self._cared.clear()
            return False
        marks = [_mark(tag) for tag in {borrower.tag for borrower in self._borrowers} | self._cared]
        lost = {pid for pid in orphans if not any(processes.has_mark(pid, mark) for mark in marks)}
        if lost:
            processes.end_all(lambda: processes.members(None, lost))
        return bool(lost)

    def _leave_nothing(self) -> None:
        """Before this process ends: wait for the end of orphans, which nobody would find any more."""
        deadline = time.monotonic() + END_WITHIN
        while self._end_orphans() and time.monotonic() < deadline:
            time.sleep(0.01)
            self._reap()

    def _unlink(self) -> None:
        try:
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        except OSError:
            pass


def _mark(tag: str) -> bytes:
    return f"{fork_hygiene.TAG_VARIABLE}={tag}".encode()


def _is_left_over(pid: int, group: int, mark: bytes) -> bool:
    found = processes.look(pid)
    return found is not None and found.is_alive and found.group != group and bool(processes.has_mark(pid, mark))


def listen(path: str) -> socket.socket:
    """Listen on a 0600 unix socket at ``path``, in place of whatever stands there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.path.lexists(path):
        os.unlink(path)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(64)
    return listener


def is_this_interpreter(python: str) -> bool:
    """Tell whether ``python`` names our interpreter in our environment (python3 beside python, say)."""
    ours, asked = os.path.abspath(sys.executable), os.path.abspath(python)
    same_folder = os.path.dirname(ours) == os.path.dirname(asked)
    return ours == asked or (same_folder and os.path.realpath(ours) == os.path.realpath(asked))


def runnable() -> int:
    """Return how many tasks of this machine run or want to (ourselves included)."""
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[3].split(b"/")[0])


def make_connection(parent: str) -> tuple[str, dict[str, Any]]:
    """Make a private folder with a connection file for ipc sockets (short paths: they are bounded)."""
    while True:
        folder = os.path.join(parent, "k" + secrets.token_hex(3))
        try:
            os.mkdir(folder, 0o700)
            break
        except FileExistsError:
            continue
    ports = {name + "_port": number for number, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
    connection = {
        "transport": "ipc",
        "ip": os.path.join(folder, "c"),
        "key": secrets.token_hex(32),
        "signature_scheme": "hmac-sha256",
        **ports,
    }
    descriptor = os.open(os.path.join(folder, "kernel.json"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(connection, file)
    return folder, connection


def remove_dead_folders(parent: str) -> None:
    """Remove connection folders of kernels that an earlier, killed forkserver left behind."""
    for name in os.listdir(parent):
        folder = os.path.join(parent, name)
        if len(name) == 7 and name.startswith("k") and os.path.isdir(folder):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                try:
                    probe.connect(os.path.join(folder, "c-1"))
                except OSError:
                    shutil.rmtree(folder, ignore_errors=True)


def arm_process() -> None:
    """Arm our fault points, not those of kernels; see ``wire/armed_faults.py``."""
    faults = armed_faults.faults_of(os.environ, "kernel_forkserver")
    os.environ.pop(armed_faults.FAULTS_VARIABLE, None)
    faultpoint.arm(faults)
    if faults is not None and faults.is_tracing:
        load_sibling("fault_trace", os.pardir, "wire", "fault_trace.py").trace_operations(faults)


def main(arguments: list[str] | None = None) -> int:
    """Run a kernel forkserver; 0 at its end, 3 if it refused to serve."""
    parser = argparse.ArgumentParser(prog="kernel_forkserver")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--key", default="")
    parser.add_argument("--preload", action="append", default=[], metavar="MODULE")
    parser.add_argument("--ready-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    baseline = fork_hygiene.Baseline()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ready: dict[str, Any] = {"ready": True}
    server = None
    try:
        os.environ.pop("JPY_PARENT_PID", None)
        arm_process()
        fork_hygiene.become_subreaper()
        tag = fork_hygiene.EnvironmentTag()
        environment = dict(os.environ)
        kernel_child.import_base()
        if options.preload:
            kernel_child.preload(options.preload)
        server = KernelForkserver(options.socket, options.key, baseline, tag, environment)
    except Exception as error:
        traceback.print_exc()
        ready = {"refused": f"{type(error).__name__}: {error}"}
    os.write(options.ready_fd, json.dumps(ready).encode() + b"\n")
    os.close(options.ready_fd)
    if server is None:
        return 3
    fork_hygiene.settle_memory()
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
