"""A notebook as a task: found in the bundle, checked, executed by papermill on our engine, saved in the spool."""

from __future__ import annotations

import hashlib
import json
import keyword
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ..authoring.exceptions import TaskFailure
from ..authoring.runtime import NotebookRequest
from ..model.faultpoint import faultpoint
from ..model.reason import Reason
from ..model.records import Workload
from . import leash
from .earlier_attempts import end_earlier, taken_from
from .held_kernel import HeldKernel
from .interrupts import Interrupted, Interrupts
from .keeper import Keeper, is_worth_keeping
from .mended_notebook import MendedNotebook, bring_files, helper_again, mended_notebook
from .notebook_values import NotebookValues
from .spool_files import CELLS, NO_SPACE, JsonLines, LogFile, save_atomically, when_there_is_room
from .task_channel import TaskChannel
from .verdict import Verdict
from .warm import import_notebook_base

MAX_SOURCE = 200_000_000
_INTERPOLATING = frozenset({"julia", "powershell", ".net-powershell", "perl", "ruby", "groovy", "kotlin", "php"})
"""Languages whose double-quoted strings run code after ``$`` or ``#{``; papermill does not escape it."""


@dataclass
class NotebookFacts:
    """What the report says of the notebook and its kernel (None where it is not known); ``left_over``: KernelEnd's."""

    fields: dict[str, Any] = field(default_factory=dict)
    peak_rss: int = 0
    cpu_time: float = 0.0
    left_over: bool = False


@dataclass
class NotebookTask:
    """Executes the notebooks of one attempt."""

    workload: Workload
    channel: TaskChannel
    log: LogFile
    interrupts: Interrupts
    facts: NotebookFacts = field(default_factory=NotebookFacts)
    _unsaved: tuple[Path, bytes] | None = None
    _output_path: str | None = None
    _held: HeldKernel | None = None
    _keep: tuple[float, str, str] = (0.0, "", "")
    _mended: MendedNotebook | None = None

    def __post_init__(self) -> None:
        self._mended = mended_notebook(self.workload)

    def run(self, request: NotebookRequest) -> None:
        """Execute ``request``. Raises TaskFailure, or Interrupted when the attempt was cancelled or timed out."""
        self.let_go()
        path = locate(request.notebook, self.workload)
        mended, self._mended = self._mended, None
        source = mended.source if mended is not None else read_pinned(path, self.workload)
        self.facts.fields["source_sha256"] = hashlib.sha256(source).hexdigest()
        import_notebook_base()
        node = load(source, str(path))
        if request.cell is not None and mended is None:
            from .task_cells import small_notebook

            try:
                node = small_notebook(node, request.cell, bool(request.parameters))
            except ValueError as error:
                raise _refused(str(path), str(error)) from None
        check_parameters(request.parameters)
        self._execute(request, path, node, mended)

    def _execute(self, request: NotebookRequest, path: Path, node: Any, mended: MendedNotebook | None) -> None:
        import papermill  # type: ignore[import-untyped]
        from papermill.exceptions import PapermillException, PapermillExecutionError  # type: ignore[import-untyped]

        from . import engine, kernels
        from .process_figures import is_own_interpreter, packages_hash

        name, spec = kernels.resolve_kernel(request.kernel_name, node.metadata)
        check_values(request.parameters, spec.language)
        interpreter = kernels.interpreter_of(spec)
        saved = Path(self.workload.spool) / f"{path.stem.lstrip('.') or 'notebook'}.ipynb"
        self.facts.fields.update(
            kernelspec=name,
            interpreter=interpreter,
            packages_hash=packages_hash() if is_own_interpreter(interpreter) else None,
        )
        node.metadata["kernelspec"] = {"name": name, "display_name": spec.display_name, "language": spec.language}
        self._keep = (seconds_to_keep(request, self.workload), name, str(path))
        events = JsonLines(Path(self.workload.spool) / CELLS)
        values = NotebookValues(self.workload, self.channel)
        snapshot = values.snapshot()
        task = engine.EngineTask(
            attempt_id=self.workload.attempt_id,
            home=Path(self.workload.home),
            limits=self.workload.limits,
            receiver=values,
            answer=values.answer,
            helper=helper_code(snapshot),
            take=mended.take if mended is not None else None,
            past=mended.past(node) if mended is not None else (),
            env=dict(request.env or {}),
            kernels_socket=self.workload.kernels,
            preloaded=self.workload.preloaded,
            cwd=request.cwd or str(path.parent),
            cell_timeout=request.cell_timeout,
            log=self.log,
            events=events,
            save=lambda data: self._saved(saved, data),
            say=self.log.say,
            may_hold=self._keep[0] > 0,
        )
        if task.take is not None:
            task.helper = helper_again(task.helper or "", snapshot, task.take, self.workload.attempt_id)
            bring_files(self.workload, task.take)
            self.log.say(f"goes on with the kernel of attempt {task.take}")
            request = replace(request, parameters={})  # the kernel has them
        # its "Input Notebook", "Output Notebook" speak of files that are ours to read and write; warnings stay
        logging.getLogger("papermill").setLevel(logging.WARNING)
        self.log.say(f"notebook {path} with kernel {name} ({spec.display_name})")
        stopped: list[str] = []
        try:
            self._papermill(papermill.execute_notebook, node, request, name, spec, task, stopped)
        except PapermillExecutionError:
            pass  # an error that its cell's tag "raises-exception" allows; our engine reports the others itself
        except PapermillException as error:
            raise TaskFailure(Reason("parameters", {"message": str(error)}), no_retry=True) from None
        finally:
            events.close(wait=False)
            self._learn(task)
            self._output_path = request.output_path
            if self._unsaved is None and request.output_path and saved.exists():
                self._copy(saved, request.output_path)

    def _papermill(
        self, execute: Any, node: Any, request: NotebookRequest, name: str, spec: Any, task: Any, stopped: list[str]
    ) -> None:
        from .engine import NAME
        from .run_ends import Stopped

        def interrupt(cause: Any) -> None:
            stopped.append(cause)
            for run in runs:
                run.interrupt(cause)

        def watch(run: Any) -> None:
            runs.append(run)
            if stopped:  # while papermill prepared the notebook
                run.interrupt(stopped[0])

        runs: list[Any] = []
        task.watch = watch
        try:
            with self.interrupts.hook(interrupt):
                if stopped:
                    raise Stopped(stopped[0])
                execute(
                    node,
                    None,
                    parameters=dict(request.parameters) or None,
                    engine_name=NAME,
                    kernel_name=name,
                    language=spec.language,
                    progress_bar=False,
                    log_output=False,
                    autosave_cell_every=0,
                    task=task,
                )
        except Stopped as stop:
            if stop.cause == "timeout_cell":
                cell = task.records.cell_number(task.records.last_index)
                raise TaskFailure(Reason("timeout_cell", {"cell": cell, "seconds": request.cell_timeout})) from None
            raise Interrupted("cancel" if stop.cause == "cancel" else "timeout") from None

    def keeper(self, verdict: Verdict, outputs: Callable[[], list[int]]) -> Keeper | None:
        """Return who keeps the kernel after ``verdict``, its note left; None if it is not kept: then it has ended.

        ``outputs`` gives the ends at which can be read what the kernel writes to the descriptors that it got from us.
        """
        if self._held is None or not is_worth_keeping(self.workload, verdict):
            self.let_go()
            return None
        seconds, kernel_name, notebook = self._keep
        cell = self.facts.fields.get("failing_cell") or 0
        keeper = Keeper(self.workload, self._held, kernel_name, notebook, cell, seconds, self._earlier())
        try:
            keeper.begin(outputs())
        except OSError as error:
            self.log.say(f"the kernel cannot be kept: {error.strerror or error}", "warning")
            self.let_go()
            return None
        self.log.say(f"the kernel is kept for {seconds:g} s: the cell can be opened live")
        return keeper

    def end_earlier(self) -> None:
        """End what is left of attempts whose kernel this one went on with."""
        end_earlier(Path(self.workload.home), self._earlier())

    def _earlier(self) -> list[str]:
        order = self.workload.resume
        if order is None or order["cell"] is None:
            return []
        return taken_from(Path(self.workload.home), order["attempt"], self.workload.attempt_id)

    def let_go(self) -> None:
        """End the kernel that is held."""
        if self._held is not None:
            self._held.end()
            self._held = None

    def settle(self) -> None:
        """Save the executed notebook that there was no room for, when there is."""
        if self._unsaved is None:
            return
        path, data = self._unsaved
        when_there_is_room(lambda: save_atomically(path, data))
        self._is_saved(path, data)
        if self._output_path:
            self._copy(path, self._output_path)

    def _saved(self, path: Path, data: bytes) -> bool:
        try:
            save_atomically(path, data)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            if self._unsaved is None:
                self.log.say("the executed notebook was not saved, the disk is full: it is tried again", "warning")
            self._unsaved = (path, data)
            return False
        self._is_saved(path, data)
        return True

    def _is_saved(self, path: Path, data: bytes) -> None:
        self._unsaved = None
        self.facts.fields.update(
            notebook=path.name, notebook_size=len(data), notebook_sha256=hashlib.sha256(data).hexdigest()
        )

    def _learn(self, task: Any) -> None:
        self._held = task.held
        self.facts.left_over = self.facts.left_over or task.left_over or task.held is not None
        if task.records is None:
            return
        self.facts.fields["failing_cell"] = task.records.failing_cell
        if (figures := task.records.kernel_figures) is not None:
            self.facts.peak_rss = max(self.facts.peak_rss, figures.peak_rss)
            self.facts.cpu_time += figures.cpu_time

    def _copy(self, saved: Path, output_path: str) -> None:
        """Copy the executed notebook to where the author wants it, atomically; trouble is logged, not fatal."""
        target = Path(self.workload.dag_folder, PurePosixPath(self.workload.dag_file).parent, output_path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.new")
            shutil.copyfile(saved, temporary)
            faultpoint("output_copy.before_rename")
            os.replace(temporary, target)
            faultpoint("output_copy.after_rename")
        except OSError as error:
            self.log.say(f"output_path {target}: {error.strerror or error}", "error")


def seconds_to_keep(request: NotebookRequest, workload: Workload) -> float:
    """Return for how long the kernel may be kept after a failure; 0 where that is not possible."""
    limits = workload.keep_kernels
    if not limits or limits["count"] < 1 or not leash.is_available():
        return 0.0
    return limits["seconds"] if request.keep_kernel is None else request.keep_kernel


def locate(notebook: str, workload: Workload) -> Path:
    """Return the absolute path of ``notebook`` (relative to the DAG file's folder), which lies beneath the root."""
    if "://" in notebook:
        raise _refused(notebook, "a path is needed, not a URL")
    path = Path(workload.dag_folder, PurePosixPath(workload.dag_file).parent, notebook)
    path = Path(os.path.normpath(path))
    root = Path(workload.root)
    if not path.resolve().is_relative_to(root.resolve()):
        raise _refused(notebook, f"it lies outside the root {root}")
    if path.suffix != ".ipynb":
        raise _refused(notebook, "it is not a notebook: the name must end with .ipynb")
    return path


def read_pinned(path: Path, workload: Workload) -> bytes:
    """Return the notebook's bytes: from the bundle if they are pinned there, else from the disk."""
    folder = Path(os.path.normpath(workload.dag_folder))
    pinned = Path(workload.bundle, path.relative_to(folder)) if path.is_relative_to(folder) else None
    source = pinned if pinned is not None and pinned.is_file() else path
    try:
        if source.stat().st_size > MAX_SOURCE:
            raise _refused(str(path), f"it is bigger than {MAX_SOURCE} bytes")
        return source.read_bytes()
    except FileNotFoundError:
        raise _refused(str(path), "there is no such file") from None
    except OSError as error:
        raise _refused(str(path), error.strerror or str(error)) from None


def load(source: bytes, name: str) -> Any:
    """Return ``source`` as a notebook node of format 4; TaskFailure says what is wrong with it."""
    try:
        data = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise _refused(name, f"it is not valid JSON: {error}") from None
    if not isinstance(data, dict) or "nbformat" not in data or not ("cells" in data or "worksheets" in data):
        raise _refused(name, "it is JSON, but not a notebook")
    import warnings

    import nbformat

    try:
        with warnings.catch_warnings():
            # cells without ids are common and get some on the way
            warnings.simplefilter("ignore")
            node = nbformat.reads(source.decode("utf-8", "replace"), as_version=4)
            nbformat.validate(node)
    except Exception as error:
        first = str(error).strip().splitlines()
        raise _refused(name, f"it is not a valid notebook: {first[0] if first else type(error).__name__}") from None
    return node


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse names that are no identifiers and values that are not JSON: they would be injected as code."""
    for name, value in parameters.items():
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
            raise _bad_parameters(f"{name!r} is no identifier")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise _bad_parameters(f"{name}: a value of type {type(value).__name__} is not JSON") from None


def check_values(parameters: Mapping[str, Any], language: str) -> None:
    """Refuse text that the notebook's language would run inside a string."""
    if language.casefold() not in _INTERPOLATING:
        return
    for name, value in parameters.items():
        text = json.dumps(value)
        if "$" in text or "#{" in text or "`" in text:
            raise _bad_parameters(f"{name}: text with $, #{{ or ` cannot be handed to {language} safely")


def helper_code(snapshot: str) -> str:
    """Return the code of the silent first request: it makes ``jupyter_flow_helper`` and leaves no name behind.

    ``snapshot``: as :meth:`NotebookValues.snapshot` makes it.
    """
    from . import notebook_helper

    source = Path(notebook_helper.__file__).read_text("utf-8")
    bootstrap = (
        "import sys, types\n"
        "module = types.ModuleType('jupyter_flow_helper')\n"
        "exec(compile(source, '<jupyter_flow_helper>', 'exec'), module.__dict__)\n"
        "sys.modules['jupyter_flow_helper'] = module\n"
        "module._start(snapshot)\n"
    )
    return f"exec({bootstrap!r}, {{'source': {source!r}, 'snapshot': {snapshot!r}}})"


def _refused(path: str, message: str) -> TaskFailure:
    return TaskFailure(Reason("notebook", {"path": path, "message": message}), no_retry=True)


def _bad_parameters(message: str) -> TaskFailure:
    return TaskFailure(Reason("parameters", {"message": message}), no_retry=True)
