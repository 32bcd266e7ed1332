"""What a kernel forkserver's child does to become an IPython kernel, and what its parent imports beforehand.

Loaded by path beside ``kernel_forkserver.py``, in the kernel's interpreter: ipykernel and the standard library only.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.util
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from ..wire import framing
    from . import fork_hygiene, leash
else:
    import jupyter_flow_fork_hygiene as fork_hygiene
    import jupyter_flow_framing as framing
    import jupyter_flow_leash as leash

LAZY_MODULES = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "faulthandler",
    "ipykernel.debugger",
    "pdb",
    "sqlite3",
    "tornado.platform.asyncio",
    "tornado.queues",
)
"""What every kernel imports at its start or first cell, besides ``ipykernel.kernelapp``."""
START_TIMEOUT_MS = 60_000
QUIET = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
"""Variables under which modules are preloaded: libraries start no threads at import, and figures appear as they do
where pyplot is imported in a kernel."""
KERNEL_WINS = frozenset({"TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "GIT_PAGER"})
"""Variables that IPython sets in every kernel, whatever it was started with."""


def be_kernel(
    baseline: fork_hygiene.Baseline,
    tag: fork_hygiene.EnvironmentTag,
    start_environment: dict[str, str],
    request: dict[str, Any] | None,
    connection_file: str,
    leash_end: int,
    channel: socket.socket,
) -> NoReturn:
    """Turn this forked child into a kernel: for ``request``, or to wait for one. Never returns.

    ``start_environment``: the forkserver's, before it imported anything. ``leash_end``: the read end of its leash.
    ``channel``: to the forkserver.
    """
    code = 1
    try:
        os.setsid()
        fork_hygiene.become_subreaper()  # its orphans are its own: when it dies, the forkserver knows whose they were
        if request is not None:
            tag.write(request["tag"])
        leash.arm(leash_end, os.getpid())
        baseline.restore(keep=(leash_end, channel.fileno()))
        if request is not None:
            apply(request, start_environment, tag)
        from ipykernel.kernelapp import IPKernelApp

        launcher = importlib.util.find_spec("ipykernel_launcher")
        program = launcher.origin if launcher and launcher.origin else "ipykernel_launcher.py"
        sys.argv = [program, "-f", connection_file]
        # 1 stands for "a parent, but do not poll it": the leash does that, and our end must not end a kernel
        app: Any = IPKernelApp.instance(parent_handle=1)
        with without_preloaded():
            app.initialize(sys.argv[1:])
        if request is None:
            work = threading.Thread(target=wait_in_pool, args=(app, channel, start_environment, tag), daemon=True)
            work.start()
        else:
            channel.sendall(b"bound")
            channel.close()
        app.start()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        finish(code)


def finish(code: int) -> NoReturn:
    """End the kernel as an interpreter would: exit handlers, streams; but not the forkserver's frames."""
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:  # nothing may keep a finished kernel alive
        os._exit(code)


def apply(request: dict[str, Any], start_environment: dict[str, str], tag: fork_hygiene.EnvironmentTag) -> None:
    """Give this process the attempt's environment, folder, tag, threads; what IPython and its libraries set stays."""
    own = {name: value for name, value in os.environ.items() if start_environment.get(name) != value}
    environment = dict(request["environment"])
    for name, value in own.items():
        if name in KERNEL_WINS or name not in environment:
            environment[name] = value
    os.environ.clear()
    os.environ.update(environment)
    tag.write(request["tag"])
    time.tzset()
    os.chdir(request["cwd"])
    restore_threads()


def wait_in_pool(
    app: Any, channel: socket.socket, start_environment: dict[str, str], tag: fork_hygiene.EnvironmentTag
) -> None:
    """Exercise the kernel once, then wait for the attempt that it will serve (a thread of the kernel)."""
    try:
        exercise(app)
        channel.sendall(b"exercised")
        decoder = framing.Decoder()
        messages: list[dict[str, Any]] = []
        while not messages:
            data = channel.recv(1 << 18)
            if not data:
                return  # nobody will come: the leash ends us
            messages = decoder.feed(data)
        apply(messages[0], start_environment, tag)
        channel.sendall(b"bound")
    except Exception:
        traceback.print_exc(file=sys.__stderr__)
        os._exit(1)
    finally:
        channel.close()


def exercise(app: Any) -> None:
    """Ask kernel_info and a silent ``pass`` over the kernel's own shell socket."""
    import zmq
    from jupyter_client.session import Session

    context = zmq.Context()
    try:
        shell = context.socket(zmq.DEALER)
        shell.linger = 0
        shell.connect(f"ipc://{app.ip}-{app.shell_port}")
        session = Session(key=app.session.key, signature_scheme=app.session.signature_scheme)
        silent = {"code": "pass", "silent": True, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        for kind, content in (("kernel_info_request", {}), ("execute_request", silent)):
            session.send(shell, kind, content)
            if not shell.poll(START_TIMEOUT_MS):
                raise TimeoutError("no answer to " + kind)
            shell.recv_multipart()
        shell.close()
    finally:
        context.term()


def import_base() -> None:
    """Import what a kernel needs, and make sure that it is safe to fork from here."""
    import ipykernel.kernelapp  # noqa: F401
    import zmq

    for name in LAZY_MODULES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # other versions of IPython and ipykernel lack some: nothing but time is lost
    check_forkable("ipykernel")
    if any(isinstance(item, zmq.Context) for item in gc.get_objects()):
        raise RuntimeError("a zmq context exists after importing ipykernel: it does not survive a fork")


def check_forkable(what: str) -> None:
    """Raise RuntimeError unless this process has one thread after importing ``what``."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"{threads} threads after importing {what}: forked children could deadlock")


_base: dict[str, Any] = {}
"""The modules of the kernel itself, if others were preloaded."""


class _KernelSys:
    """``sys`` as it is without preloaded modules."""

    modules = _base

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


@contextmanager
def without_preloaded() -> Iterator[None]:
    """While open, a kernel that is being made does not see the preloaded modules.

    It asks every module for its file, to tell its own code from the user's in the debugger, and remembers which ones
    were there at its start. Preloaded ones are the user's; and to touch them all would copy ten megabytes of memory
    that is shared otherwise.
    """
    found = [sys.modules.get(name) for name in ("ipykernel.ipkernel", "IPython.core.shellapp")]
    askers: list[Any] = [module for module in found if _base and getattr(module, "sys", None) is sys]
    for module in askers:
        module.sys = _KernelSys()
    try:
        yield
    finally:
        for module in askers:
            module.sys = sys


def preload(modules: list[str]) -> None:
    """Import what the kernels of this forkserver are to find imported; the environment is as before afterwards.

    Raises RuntimeError when that is not safe to fork from, ImportError for a module that is not there.
    """
    _base.update(sys.modules)
    before = {name: os.environ.get(name) for name in QUIET}
    os.environ.update(QUIET)
    try:
        for name in modules:
            importlib.import_module(name)
            check_forkable(name)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    if "numpy" in sys.modules and importlib.util.find_spec("threadpoolctl") is None:
        raise RuntimeError("threadpoolctl is not installed: it gives kernels with numpy their threads back")
    if "numpy" in sys.modules:
        importlib.import_module("threadpoolctl")


def restore_threads() -> None:
    """Let preloaded linear algebra use as many threads as it would have, had it been imported here."""
    threadpoolctl: Any = sys.modules.get("threadpoolctl")
    if threadpoolctl is None:
        return
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdecimal():
            threadpoolctl.threadpool_limits(int(os.environ[name]), user_api="blas")
            return
    threadpoolctl.threadpool_limits(len(os.sched_getaffinity(0)), user_api="blas")
