"""The parse loop: walks the DAG folders and parses what changed, in bounded children. Driven by its owner's loop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..execution.children import Exited, Launcher, Notice
from ..execution.results import RESULT_FILE, BadResult, read_json
from ..model.config import FlowConfig
from ..model.records import ParseReport, ParseRequest
from ..wire.paths import private_opener
from .judge import bad_report, from_report, without_mail, without_report
from .parsed import ParsedFile
from .scan import FolderScan

MAX_REPORT = 64 * 1024 * 1024
"""Bytes of a parse report: a DAG of ten thousand tasks has some megabytes."""
MAX_DEPTH = 64
KILL_AFTER = 1.0
"""Seconds over its timeout after which a parse child is killed: it has been interrupted by itself before."""
SLOW_AFTER = 2.0
"""Seconds after which a parse no longer holds its place: files that hang delay no other file."""
MOST_AT_ONCE = 8
"""Parses at one time, the slow ones included."""

File = tuple[Path, str]
"""A DAG folder and a DAG file in it."""


@dataclass
class _Child:
    file: File
    spool: Path
    slow_at: float
    kill_at: float
    slow: bool = False
    overdue: bool = False


class ParseLoop:
    """Parses DAG files, ``config.parse_processes`` at a time; one file's hang or death touches no other:
    a slow parse gives its place away after some seconds.

    The owner calls :meth:`look` when something may have changed, :meth:`pump` after that and at
    :meth:`next_deadline`, :meth:`exited` for each notice of kind ``parse``, and takes :attr:`finished` and
    :attr:`gone` away. ``now`` is a monotonic instant in seconds. ``overlay``: of every
    :class:`..model.records.ParseRequest`.
    """

    def __init__(self, config: FlowConfig, launcher: Launcher, spool: Path, overlay: Path | None = None) -> None:
        self._config = config
        self._launcher = launcher
        self._spool = spool
        self._overlay = overlay
        self._scans = [FolderScan(folder.resolve()) for folder in config.dag_folders]
        self._waiting: OrderedDict[File, None] = OrderedDict()
        self._running: dict[str, _Child] = {}
        self._emptied: list[Path] = []
        self._killed: set[File] = set()
        self.finished: list[ParsedFile] = []
        self.gone: list[File] = []

    @property
    def busy(self) -> bool:
        """Tell whether a parse waits or runs."""
        return bool(self._waiting or self._running)

    @property
    def folders(self) -> list[Path]:
        """The resolved DAG folders."""
        return [scan.folder for scan in self._scans]

    def files(self) -> set[File]:
        """Return every DAG file of the last look."""
        return {(scan.folder, name) for scan in self._scans for name in scan.dag_files}

    def look(self) -> None:
        """Walk the folders, queue what changed, note what is gone."""
        for scan in self._scans:
            changes = scan.look()
            for name in changes.changed:
                self.enqueue((scan.folder, name))
            for name in changes.gone:
                self._waiting.pop((scan.folder, name), None)
                self.gone.append((scan.folder, name))

    def enqueue(self, file: File) -> None:
        """Queue one file for a parse (once)."""
        self._waiting[file] = None

    def pump(self, now: float) -> None:
        """Kill children over their timeout; start waiting parses while there is room."""
        for key, child in self._running.items():
            child.slow = child.slow_at <= now
            if child.kill_at <= now and not child.overdue:
                child.overdue = True
                self._launcher.kill(key)
        running = {child.file for child in self._running.values()}
        quick = sum(1 for child in self._running.values() if not child.slow)
        room = max(0, min(self._config.parse_processes - quick, MOST_AT_ONCE - len(self._running)))
        for file in list(islice((file for file in self._waiting if file not in running), room)):
            del self._waiting[file]
            self._start(file, now)

    def next_deadline(self) -> float | None:
        """Return the instant of the next timeout or freed place, None if there is none."""
        instants = [child.kill_at for child in self._running.values() if not child.overdue]
        if self._waiting:
            instants += [child.slow_at for child in self._running.values() if not child.slow]
        return min(instants, default=None)

    def take(self, notices: Iterable[Notice]) -> None:
        """Take what launchers say of parse children (starts need no answer)."""
        for notice in notices:
            if isinstance(notice, Exited):
                self.exited(notice)

    def exited(self, notice: Exited) -> None:
        """Take the end of a parse child: its report, or what its end says."""
        child = self._running.pop(notice.key, None)
        if child is None:
            return
        folder, dag_file = child.file
        if self._may_try_again(child, notice):
            shutil.rmtree(child.spool, ignore_errors=True)
            self.enqueue(child.file)
            return
        parsed = self._read(child, notice, folder, dag_file)
        if notice.exit_code == 0:
            self._empty(child.spool)
        else:  # something that it started may still run and write there
            shutil.rmtree(child.spool, ignore_errors=True)
        for scan in self._scans:
            if scan.folder == folder:
                scan.remember(dag_file, frozenset(parsed.files), failed=parsed.failed)
        if child.file not in self._waiting:  # else it changed meanwhile and its next parse counts
            self.finished.append(parsed)

    def _may_try_again(self, child: _Child, notice: Exited) -> bool:
        """Tell whether the file is to be parsed once more: somebody killed its process, which says nothing of it."""
        unknown = notice.signal is None and notice.exit_code is None and not notice.problem
        killed = (notice.signal == signal.SIGKILL or unknown) and not child.overdue
        if not killed or (child.spool / RESULT_FILE).exists() or child.file in self._killed:
            self._killed.discard(child.file)
            return False
        self._killed.add(child.file)
        return True

    def close(self) -> None:
        """Kill what runs and remove its folders."""
        for key, child in self._running.items():
            self._launcher.kill(key)
            shutil.rmtree(child.spool, ignore_errors=True)
        self._running.clear()
        for spool in self._emptied:
            shutil.rmtree(spool, ignore_errors=True)
        self._emptied.clear()

    def _empty(self, spool: Path) -> None:
        """Keep the folder for a later parse: making and removing one costs more than all that is in it."""
        try:
            for entry in os.scandir(spool):
                os.unlink(entry.path)
        except OSError:
            shutil.rmtree(spool, ignore_errors=True)
        else:
            self._emptied.append(spool)

    def _read(self, child: _Child, notice: Exited, folder: Path, dag_file: str) -> ParsedFile:
        timeout = self._config.parse_timeout
        try:
            data = read_json(child.spool, RESULT_FILE, MAX_REPORT, MAX_DEPTH)
            if not isinstance(data, dict):
                raise BadResult("not an object")
            report = ParseReport.from_json(data)
        except FileNotFoundError:
            return without_report(None if child.overdue else notice, timeout, folder, dag_file)
        except (ValueError, AttributeError) as error:
            return bad_report(str(error), folder, dag_file)
        parsed = from_report(report, folder, dag_file, (self._config.root or folder).resolve())
        return parsed if self._config.smtp_host else without_mail(parsed)

    def _start(self, file: File, now: float) -> None:
        folder, dag_file = file
        key = f"parse-{uuid.uuid4().hex}"
        if self._emptied:
            spool = self._emptied.pop()
        else:
            spool = self._spool / key
            spool.mkdir(mode=0o700, parents=True)
        request = ParseRequest(
            dag_folder=str(folder),
            dag_file=dag_file,
            home=str(self._config.home),
            spool=str(spool),
            default_timezone=self._config.default_timezone,
            timeout=self._config.parse_timeout,
            strict=self._config.strict,
            overlay=None if self._overlay is None else str(self._overlay),
        )
        with open(spool / "spec.json", "w", encoding="utf-8", opener=private_opener) as spec:
            spec.write(json.dumps(request.to_json()))
        self._running[key] = _Child(
            file, spool, slow_at=now + SLOW_AFTER, kill_at=now + self._config.parse_timeout + KILL_AFTER
        )
        self._launcher.launch(key, "parse", spool, None)
