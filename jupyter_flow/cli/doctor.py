"""``jupyter flow doctor``: is everything here that the house needs, and which of its faster ways can it use?"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import click

from ..model.errors import FlowError, NoHost
from ..wire.paths import runtime_dir
from .output import cell, console, print_json, table
from .settings import FlowCommand, Settings, current

Finding = tuple[str, str]
"""State (``ok``, ``warning``, ``problem``) and one sentence."""

NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "lustre", "ceph", "gpfs"})
PACKAGES = ("jupyterlab-flow", "jupyterlab", "jupyter_server", "papermill", "nbclient", "ipykernel", "sqlalchemy")
STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@click.command("doctor", cls=FlowCommand)
def doctor() -> int:
    """Check this installation and this home; exit 2 if something keeps the house from working."""
    settings = current()
    findings = [
        {"check": name, "state": state, "text": text}
        for name, check in CHECKS.items()
        for state, text in _guarded(check, settings)
    ]
    if settings.json:
        print_json(findings)
    else:
        rows = [(item["check"], cell(item["state"], STYLES[item["state"]]), item["text"]) for item in findings]
        console().print(table(("check", "", ""), rows))
    return 2 if any(item["state"] == "problem" for item in findings) else 0


def _guarded(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except (OSError, FlowError) as error:
        yield "problem", str(error)


def _packages(_settings: Settings) -> Iterator[Finding]:
    yield "ok", f"Python {platform.python_version()} on {platform.platform(terse=True)}, {os.cpu_count()} cores"
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield "problem", f"{name} is not installed: pip install jupyterlab-flow"
    yield "ok", ", ".join(found)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    if not home.exists():
        parent = next(folder for folder in home.parents if folder.exists())
        if os.access(parent, os.W_OK):
            yield "ok", f"{home} does not exist yet and is created at the first start"
        else:
            yield "problem", f"{home} does not exist and {parent} is not writable: set JUPYTER_FLOW_HOME"
        return
    info = home.stat()
    if not os.access(home, os.W_OK):
        yield "problem", f"{home} is not writable: set JUPYTER_FLOW_HOME to another folder"
    elif info.st_uid != os.getuid():
        yield "problem", f"{home} belongs to uid {info.st_uid}: set JUPYTER_FLOW_HOME to a folder of yours"
    elif stat.S_IMODE(info.st_mode) & 0o077:
        yield "warning", f"{home} is open to others (mode {stat.S_IMODE(info.st_mode):o}): chmod 700 it"
    else:
        free = shutil.disk_usage(home).free
        state = "warning" if free < 2**30 else "ok"
        yield state, f"{home} is private and writable, {free / 2**30:.1f} GB free"
    kind = _file_system(home)
    if kind in NETWORK_FILE_SYSTEMS:
        yield "warning", f"{home} is on a network file system ({kind}): set JUPYTER_FLOW_HOME to a local folder"


def _file_system(path: Path) -> str:
    """Return the type of the file system ``path`` is on, empty if unknown."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, name, *_ = line.split(" ")
        if len(point) >= len(best) and path.resolve().is_relative_to(point.replace("\\040", " ")):
            best, kind = point, name
    return kind


def _sockets(settings: Settings) -> Iterator[Finding]:
    folder = runtime_dir(settings.home)
    length = len(os.fsencode(folder / "house.sock"))
    if length > 100:
        yield "problem", f"{folder} is too long for sockets: set XDG_RUNTIME_DIR to a short folder"
    else:
        yield "ok", f"sockets are in {folder}"


def _host(settings: Settings) -> Iterator[Finding]:
    try:
        with settings.client(timeout=10) as client:
            health = client.call("host.status")
    except NoHost:
        yield "ok", "no host runs: JupyterLab starts one, or `jupyter flow scheduler`"
        return
    state = "ok" if health["state"] == "healthy" else "warning"
    yield state, f"host {health['host']['pid']} is {health['state']} {health.get('message') or ''}".rstrip()


def _database(settings: Settings) -> Iterator[Finding]:
    if not (settings.home / "flow.db").exists():
        yield "ok", "no database yet: it is created at the first start"
        return
    from ..service.house import open_house

    with open_house(settings.config(), write=False):
        pass
    yield "ok", "the database has the current schema"


def _dag_folders(settings: Settings) -> Iterator[Finding]:
    folders = settings.dag_folders()
    if not folders:
        yield "warning", "no DAG folder named: use --dags DIR or $JUPYTER_FLOW_DAGS, or make a folder `dags` here"
    for folder in folders:
        yield ("ok", str(folder)) if folder.is_dir() else ("problem", f"{folder} is not a folder")


def _processes(_settings: Settings) -> Iterator[Finding]:
    if sys.platform != "linux":
        yield "warning", f"no forkservers on {sys.platform}: each task starts a new interpreter (slower, same results)"
        return
    missing = [name for name in ("pidfd_open", "fork") if not hasattr(os, name)]
    if missing:
        yield "warning", f"os.{missing[0]} is missing: each task starts a new interpreter (slower, same results)"
    else:
        yield "ok", "forkservers, waiting kernels, leashes and the process census are available"


def _kernels(_settings: Settings) -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    if not specs:
        yield "problem", "no kernels are installed: pip install ipykernel"
        return
    names = [f"{name} ({item['spec']['language']})" for name, item in sorted(specs.items())]
    yield "ok", ", ".join(names)
    for name, item in specs.items():
        program = item["spec"]["argv"][0]
        if shutil.which(program) is None:
            yield "warning", f"kernel {name} starts {program}, which does not exist"


def _extension(_settings: Settings) -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_config_path, jupyter_path

    shipped = any((Path(folder) / "labextensions" / "jupyterlab-flow").exists() for folder in jupyter_path())
    enabled = any(
        (Path(folder) / "jupyter_server_config.d" / "jupyterlab_flow.json").exists() for folder in jupyter_config_path()
    )
    if shipped and enabled:
        yield "ok", "the JupyterLab extension is installed and the server extension is enabled"
    else:
        what = "the JupyterLab extension is not installed" if not shipped else "the server extension is not enabled"
        yield "warning", f"{what}: pip install jupyterlab-flow (again)"


CHECKS: dict[str, Callable[[Settings], Iterator[Finding]]] = {
    "packages": _packages,
    "home": _home,
    "sockets": _sockets,
    "database": _database,
    "host": _host,
    "DAG folders": _dag_folders,
    "processes": _processes,
    "kernels": _kernels,
    "JupyterLab": _extension,
}
