"""The records that cross the wall: JSON in, JSON out, nothing else.

A **workload** goes to a child (``spec.json``, and its token by pipe), a **report** comes back
(``result.json``). All instants are ISO 8601 text with offset, all durations seconds. What is asked of custom
timetables stands in :mod:`.timetable_records`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from .frozen import made_of
from .reason import Reason
from .spec import TaskSpec, own_task_from_json, plain

Outcome = Literal["success", "failed", "skipped", "cancelled", "up_for_reschedule"]
OUTCOMES: tuple[Outcome, ...] = ("success", "failed", "skipped", "cancelled", "up_for_reschedule")


@dataclass(frozen=True)
class RunFacts:
    """What a task may know of its DAG run. Dates are None for a dateless run.

    ``prev_logical_date``, ``next_logical_date``: what the timetable says comes before and after this run.
    """

    dag_id: str
    run_id: str
    run_type: str
    logical_date: str | None
    data_interval_start: str | None
    data_interval_end: str | None
    queued_at: str
    start_date: str
    conf: Mapping[str, Any]
    params: Mapping[str, Any]
    triggered_by: str
    timezone: str
    prev_data_interval_start_success: str | None = None
    prev_data_interval_end_success: str | None = None
    prev_start_date_success: str | None = None
    prev_end_date_success: str | None = None
    prev_logical_date: str | None = None
    next_logical_date: str | None = None
    prev_logical_date_success: str | None = None


@dataclass(frozen=True)
class Limits:
    """Bounds that a runner enforces on its own attempt (seconds, bytes)."""

    kernel_start_timeout: float = 60.0
    kill_grace: float = 5.0
    log_max_bytes: int = 50_000_000
    cell_output_max_bytes: int = 10_000_000
    notebook_max_bytes: int = 100_000_000
    xcom_max_bytes: int = 262_144
    fsync_after: float = 10.0


@dataclass(frozen=True)
class XComSettings:
    """Where runners keep XComs that do not go into the database.

    ``store``: URL of a folder (``file:///data/xcoms``, ``s3://bucket/xcoms`` … as fsspec has them). Empty: arrays and
    frames are kept in the state folder, and JSON over ``Limits.xcom_max_bytes`` is refused. ``threshold``: with a
    store, JSON of more bytes goes there. ``backend``: ``module:Class`` of an own backend, loaded in runners only.
    ``allowed_classes``: patterns (``mypackage.*``) of classes that runners may import to rebuild a value.
    """

    store: str = ""
    threshold: int = 262_144
    backend: str = ""
    allowed_classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workload:
    """One attempt of one task instance, complete: the common task asks the house nothing.

    ``bundle``: folder with the pinned, read-only copies, laid out as under the DAG folder; ``dag_folder``: that
    DAG folder on disk (originals); ``root``: notebooks and templates must lie beneath it. ``cwd``: working
    folder of the task. ``xcoms``: resolved upstream values as ``{"task_id","map_index","key","value"}``, or with
    ``reference`` in place of ``value``.
    ``variables``: values of the variables that templates name. ``spool``: the attempt's folder.
    ``home``: for questions over house.sock. ``kernels``: socket path of the kernel forkserver, or None;
    ``preloaded``: those with modules imported, by the kernelspec that they serve.

    ``kind`` ``callback``: not the task is executed but one callback of it (or of the DAG; then ``task`` is a
    placeholder), described by ``callback``: ``{"level": "task" | "dag" | "sla" | "deadline", "event": "success" |
    "failure" | "retry" | "skipped" | "sla_miss" | "deadline", "reason": …, "exception": …, …}``.
    ``expand``: ``{"index": map index, "lengths": {input: length}}`` of a mapped task instance (the inputs stand in
    ``task.expand`` or in the spec of its group, ``group_expand``). ``mapped_task_ids``: tasks whose XComs are read as
    a list over their map indexes (mapped, and not in the mapped group of this task). ``first_start``: when the first
    attempt of this try began, ``reschedules``: how often it asked to be started again later (sensors).
    ``asset_events``: what triggered the run: ``{"asset": {"name","uri"}, "at", "extra", "source_dag_id", …}`` each.
    ``keep_kernels``: how long the kernel of a failed notebook is kept (``seconds``), and how many (``count``) with how
    many bytes of ``memory`` in all; empty where none can be kept.
    ``resume``: a notebook that a person has mended, in place of the DAG's: ``notebook`` (its path), ``attempt`` (the
    failed one), and if the attempt goes on with its kernel, the index of the first ``cell``, else None.
    """

    attempt_id: str
    attempt_number: int
    try_number: int
    max_tries: int
    map_index: int
    task: TaskSpec
    run: RunFacts
    dag_file: str
    dag_folder: str
    root: str
    bundle: str
    cwd: str
    spool: str
    home: str
    upstream_task_ids: tuple[str, ...] = ()
    downstream_task_ids: tuple[str, ...] = ()
    dag: Mapping[str, Any] = field(default_factory=dict)
    xcoms: tuple[Mapping[str, Any], ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    kernels: str | None = None
    preloaded: Mapping[str, str] = field(default_factory=dict)
    render_template_as_native_obj: bool = False
    callback: Mapping[str, Any] | None = None
    expand: Mapping[str, Any] | None = None
    group_expand: Mapping[str, Any] | None = None
    mapped_task_ids: tuple[str, ...] = ()
    first_start: str | None = None
    reschedules: int = 0
    asset_events: tuple[Mapping[str, Any], ...] = ()
    template_searchpath: tuple[str, ...] = ()
    user_templates: bool = False
    kind: Literal["task", "callback"] = "task"
    xcom: XComSettings = XComSettings()
    keep_kernels: Mapping[str, float] = field(default_factory=dict)
    resume: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the workload as JSON-ready data (shallow: whoever gets it writes it at once)."""
        nested = {"task": plain(self.task), "run": dict(vars(self.run)), "limits": dict(vars(self.limits))}
        nested["xcom"] = dict(vars(self.xcom))
        return {**vars(self), **nested}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Workload:
        """Read what :meth:`to_json` wrote."""
        values = dict(data)
        values["task"] = own_task_from_json(values["task"])
        values["run"] = made_of(RunFacts, values["run"])
        values["limits"] = made_of(Limits, values["limits"])
        settings = dict(values.get("xcom") or {})
        settings["allowed_classes"] = tuple(settings.get("allowed_classes", ()))
        values["xcom"] = made_of(XComSettings, settings)
        tuples = ("upstream_task_ids", "downstream_task_ids", "xcoms", "mapped_task_ids", "asset_events")
        for name in (*tuples, "template_searchpath"):
            values[name] = tuple(values.get(name, ()))
        return made_of(cls, values)


@dataclass(frozen=True)
class Report:
    """What an attempt says of itself at its end: the content of ``result.json``.

    ``no_retry``: the author asked not to try again. ``failing_cell`` is the 0-based index among all cells of
    the executed notebook (reasons print it as ``cell N`` counted from 1 over code cells: field ``cell`` of the
    reason). ``xcoms``: ``{"key","value"}`` each. ``rendered``: template fields after rendering.
    ``notebook``: file name of the executed notebook in the spool, or None. Digests are sha256 hex.

    An XCom kept outside the database has ``reference`` (an fsspec URL), ``size``, ``length`` and ``type`` instead of
    ``value``. ``reschedule_at``: of ``up_for_reschedule``, when to start again. ``retry_delay``: seconds, in place of
    the task's own (retry policy). ``follow``: what a branching task lets go on: ``{"branch": [task or group ids]}``
    or ``{"short_circuit": "all" | "direct"}``. ``asset_events``: ``{"asset": {"name","uri"} , "alias", "extra"}`` each.
    ``label``: the rendered ``map_index_template``. ``notifications``: ``{"message", "level"}`` each, for the people who
    have JupyterLab open.
    """

    attempt_id: str
    outcome: Outcome
    reason: Reason
    start_date: str
    end_date: str
    no_retry: bool = False
    failing_cell: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    xcoms: tuple[Mapping[str, Any], ...] = ()
    metrics: tuple[Mapping[str, Any], ...] = ()
    rendered: Mapping[str, Any] = field(default_factory=dict)
    notebook: str | None = None
    notebook_size: int | None = None
    notebook_sha256: str | None = None
    source_sha256: str | None = None
    log_size: int | None = None
    log_sha256: str | None = None
    kernelspec: str | None = None
    interpreter: str | None = None
    packages_hash: str | None = None
    peak_rss: int | None = None
    cpu_time: float | None = None
    reschedule_at: str | None = None
    retry_delay: float | None = None
    follow: Mapping[str, Any] | None = None
    asset_events: tuple[Mapping[str, Any], ...] = ()
    label: str | None = None
    notifications: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready data (shallow: whoever gets it writes it at once)."""
        return {**vars(self), "reason": self.reason.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Read a report from an untrusted child; ValueError says what is wrong with it."""
        unknown = set(data) - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        values = dict(data)
        try:
            values["reason"] = Reason.from_json(values["reason"])
            values["xcoms"] = tuple(values.get("xcoms") or ())
            values["metrics"] = tuple(values.get("metrics") or ())
            values["asset_events"] = tuple(values.get("asset_events") or ())
            values["notifications"] = tuple(values.get("notifications") or ())
            report = cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a report: {error}") from None
        report._check()
        return report

    def _check(self) -> None:
        texts = (self.attempt_id, self.start_date, self.end_date)
        optional_texts = [self.notebook, self.notebook_sha256, self.source_sha256, self.log_sha256]
        optional_texts += [self.kernelspec, self.interpreter, self.packages_hash, self.reschedule_at, self.label]
        numbers = [self.failing_cell, self.exit_code, self.signal, self.notebook_size]
        numbers += [self.log_size, self.peak_rss]
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome {self.outcome!r}")
        if not isinstance(self.reason, Reason):
            raise ValueError("no reason")
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("attempt_id and dates must be text")
        if not all(text is None or isinstance(text, str) for text in optional_texts):
            raise ValueError("a text field is not text")
        if not all(number is None or type(number) is int for number in numbers):
            raise ValueError("a number field is not an integer")
        if self.notebook is not None and ("/" in self.notebook or self.notebook.startswith(".")):
            raise ValueError(f"notebook {self.notebook!r} is not a plain file name")
        if self.cpu_time is not None and type(self.cpu_time) not in (int, float):
            raise ValueError("cpu_time is not a number")
        if not isinstance(self.rendered, Mapping):
            raise ValueError("rendered is not an object")
        if self.retry_delay is not None and not (
            type(self.retry_delay) in (int, float) and 0 <= self.retry_delay < LONGEST_DELAY
        ):
            raise ValueError(f"retry_delay {self.retry_delay!r}")
        if (self.outcome == "up_for_reschedule") != (self.reschedule_at is not None):
            raise ValueError("reschedule_at belongs to the outcome up_for_reschedule")
        if self.follow is not None:
            check_follow(self.follow)
        for event in self.asset_events:
            if not isinstance(event, Mapping) or not (isinstance(event.get("asset"), Mapping) or "alias" in event):
                raise ValueError("an asset event without an asset")
        for note in self.notifications:
            if not isinstance(note, Mapping) or not all(isinstance(note.get(key), str) for key in ("message", "level")):
                raise ValueError("a notification without text")
        for xcom in self.xcoms:
            if not isinstance(xcom, Mapping) or not isinstance(xcom.get("key"), str):
                raise ValueError("an XCom without a key")
            if len(xcom["key"]) > LONGEST_KEY:
                raise ValueError(f"an XCom key of {len(xcom['key'])} characters, more than {LONGEST_KEY}")


LONGEST_KEY = 512
"""Characters that the key of an XCom may have: it stands in an index."""
LONGEST_DELAY = 366 * 86_400.0
"""Seconds that a retry policy may ask for."""


def check_follow(follow: Any) -> None:
    """Raise ValueError unless ``follow`` is what a branching task may say (see :class:`Report`)."""
    if isinstance(follow, Mapping) and len(follow) == 1:
        branch, circuit = follow.get("branch"), follow.get("short_circuit")
        if isinstance(branch, (list, tuple)) and all(isinstance(item, str) for item in branch):
            return
        if circuit in ("all", "direct"):
            return
    raise ValueError(f"follow {follow!r}")


@dataclass(frozen=True)
class ParseRequest:
    """Ask a child to load one DAG file and say what is in it, within ``timeout`` seconds (None: without limit).

    ``strict``: a dependency that is stated twice is an error. ``overlay``: a folder laid out like the DAG folder,
    whose files are used instead of those there.
    """

    dag_folder: str
    dag_file: str
    home: str
    spool: str
    default_timezone: str = "UTC"
    timeout: float | None = None
    strict: bool = False
    overlay: str | None = None
    kind: Literal["parse"] = "parse"

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON-ready data."""
        return asdict(self)


def parse_timeout_message(seconds: float) -> str:
    """Return what is said of a DAG file that takes longer than ``seconds`` to load."""
    return f"not finished after {seconds:g} s: a DAG file must load quickly, move work into tasks"


@dataclass(frozen=True)
class ParseReport:
    """What loading a DAG file gave: specs as JSON, or one error; warnings either way.

    ``error``: ``{"line": int|None, "message": one line, "traceback": text}``. ``warnings``:
    ``{"line": int|None, "message": str}``. ``modules``: files under the DAG folder that the parse imported,
    relative to it (posix), the DAG file itself included. ``files``: static files that tasks name, the same way.
    ``lines``: dag_id -> task_id -> line of the DAG file that made the task, where known; the task_id "" is the DAG.
    """

    dag_file: str
    dags: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, Any] | None = None
    warnings: tuple[Mapping[str, Any], ...] = ()
    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    lines: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the report as what ``json.dumps`` writes. Values are shared with it: do not change them."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ParseReport:
        """Read what :meth:`to_json` wrote; ValueError if it is something else."""
        try:
            values = dict(data)
            for name in ("dags", "warnings", "modules", "files"):
                values[name] = tuple(values.get(name) or ())
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"not a parse report: {error}") from None


@dataclass(frozen=True)
class Actor:
    """Who asks: for authorisation and the audit row. ``auth``: cli | magics | server token … | host."""

    user: str
    auth: str
    ip: str | None = None
    request_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the actor as JSON-ready data."""
        return asdict(self)
