"""What an outpost does with files: a workload's paths as they are beside the worker, and the spool on its way home."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import stat
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..model.faultpoint import faultpoint
from ..model.records import Workload
from ..wire.link import CHUNK, SHARED_VARIABLE, TAILED
from .results import RESULT_FILE, RESULT_MAX_BYTES

NOTEBOOK_PAUSE = 2.0
"""Seconds between two transfers of a notebook that still changes."""
NOTEBOOK_MAX_BYTES = 256 * 1024 * 1024
XCOM_FOLDER = "xcoms"


def place(spec: Mapping[str, Any], home: Path, bundle: Path | None) -> Workload:
    """Return the workload with paths of this machine. ``bundle``: a copy of its files; None: the house's are in reach.

    Without shared files the task works in a copy of its own, which goes with it.
    """
    workload = Workload.from_json(spec)
    spool = home / "spool" / workload.attempt_id
    here = {"home": str(home), "spool": str(spool)}
    if bundle is None:
        store = workload.xcom.store or (Path(workload.home).absolute() / XCOM_FOLDER).as_uri()
        return replace(workload, **here, xcom=replace(workload.xcom, store=store))  # type: ignore[arg-type]
    work = home / "work" / workload.attempt_id
    shutil.copytree(bundle, work, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(work):
        os.chmod(folder, 0o700)
    cwd = Path(_moved(workload.cwd, workload.dag_folder, work) or work)
    cwd.mkdir(parents=True, exist_ok=True)
    places = tuple(_moved(item, workload.dag_folder, work) or item for item in workload.template_searchpath)
    folders = dict.fromkeys(("dag_folder", "root", "bundle"), str(work))
    return replace(workload, **here, **folders, cwd=str(cwd), kernels=None, preloaded={}, template_searchpath=places)  # type: ignore[arg-type]


def _moved(path: str, old: str, new: Path) -> str | None:
    absolute, base = Path(os.path.normpath(path)), Path(os.path.normpath(old))
    return str(new / absolute.relative_to(base)) if absolute.is_relative_to(base) else None


def unpack(data: bytes, target: Path) -> None:
    """Make the folder ``target`` from a zip. Raises ValueError or OSError."""
    temporary = target.with_name(f".{target.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(temporary)  # it keeps names beneath the folder
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from None
    temporary.mkdir(exist_ok=True)
    faultpoint("bundle_copy.before_rename")
    os.replace(temporary, target)
    faultpoint("bundle_copy.after_rename")


class SpoolOnTheWay:
    """One attempt's spool, sent message by message. ``sent``: name -> bytes of a growing file that the bridge has."""

    def __init__(self, attempt_id: str, spool: Path) -> None:
        self._id, self._spool = attempt_id, spool
        self.sent: dict[str, int] = {}
        self._seen: dict[str, tuple[int, int]] = {}
        self._looked_at = 0.0

    def restart(self, sent: Mapping[str, int]) -> None:
        """Begin again after a new connection, whose other end has ``sent``."""
        self.sent = {name: int(size) for name, size in sent.items() if name in TAILED}
        self._seen.clear()
        self._looked_at = 0.0

    def news(self) -> Iterator[dict[str, Any]]:
        """Yield what is new now."""
        yield from self._tails()
        if time.monotonic() - self._looked_at >= NOTEBOOK_PAUSE:
            self._looked_at = time.monotonic()
            yield from self._notebooks()

    def rest(self) -> Iterator[dict[str, Any]]:
        """Yield all that is left when the attempt is over, the result last."""
        yield from self._tails()
        yield from self._notebooks()
        if os.path.lexists(self._spool / RESULT_FILE):
            data = read_regular(self._spool / RESULT_FILE, RESULT_MAX_BYTES + 1)
            yield from self._whole(RESULT_FILE, b"not a regular file" if data is None else data)

    def _tails(self) -> Iterator[dict[str, Any]]:
        for name in TAILED:
            while data := read_regular(self._spool / name, CHUNK, self.sent.get(name, 0)):
                offset = self.sent.get(name, 0)
                self.sent[name] = offset + len(data)
                yield {"op": "data", "attempt_id": self._id, "name": name, "offset": offset, "data": _text(data)}

    def _notebooks(self) -> Iterator[dict[str, Any]]:
        try:
            found = sorted(item.name for item in os.scandir(self._spool) if item.name.endswith(".ipynb"))
        except OSError:
            return
        for name in found:
            if name.startswith("."):
                continue
            try:
                info = os.lstat(self._spool / name)
            except OSError:
                continue
            stamp = (info.st_mtime_ns, info.st_size)
            if self._seen.get(name) == stamp or (data := read_regular(self._spool / name, NOTEBOOK_MAX_BYTES)) is None:
                continue
            self._seen[name] = stamp
            yield from self._whole(name, data)

    def _whole(self, name: str, data: bytes) -> Iterator[dict[str, Any]]:
        head = {"op": "file", "attempt_id": self._id, "name": name}
        pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)] or [b""]
        for number, piece in enumerate(pieces):
            yield {**head, "part": number, "last": number == len(pieces) - 1, "data": _text(piece)}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def read_regular(path: Path, limit: int, offset: int = 0) -> bytes | None:
    """Return at most ``limit`` bytes of a regular file from ``offset`` on, following no link; None if there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        os.lseek(descriptor, offset, os.SEEK_SET)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


class Bundles:
    """Copies of bundles beside a worker, by their hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> Path | None:
        """Return the folder of a bundle that is here."""
        return self._folder / name if (self._folder / name).is_dir() else None

    def archive(self, name: str) -> Path:
        """Return where the zip of a bundle belongs."""
        return self._folder / f"{name}.zip"

    def take(self, message: Mapping[str, Any]) -> bool:
        """Take a piece of a zip; True when it was the last one. Raises OSError."""
        with open(self.archive(message["hash"]), "wb" if message["part"] == 0 else "ab") as file:
            file.write(base64.b64decode(message["data"]))
        return bool(message["last"])

    def unpacked(self, name: str) -> Path:
        """Return the folder of a bundle whose zip has arrived. Raises OSError or ValueError."""
        target = self._folder / name
        if not target.is_dir():
            unpack(self.archive(name).read_bytes(), target)
            self.archive(name).unlink()
        return target


def shares_files(marker: Mapping[str, str]) -> bool:
    """Tell whether the files of the house are in reach here: ``marker`` names one of them and what it says."""
    if os.environ.get(SHARED_VARIABLE) == "no":
        return False
    try:
        return bool(json.loads(Path(marker["path"]).read_text())["nonce"] == marker["nonce"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def moved_to(marker: Mapping[str, str], key: str) -> int | None:
    """Return the port of the bridge as its file says now, if that is in reach and of the same house."""
    try:
        facts = json.loads(Path(marker["path"]).read_text())
        return int(facts["port"]) if facts["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
