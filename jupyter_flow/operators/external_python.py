"""Functions for another interpreter: one that is there, or that of a virtual environment; branches by them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError, TaskFailure
from ..authoring.task_kinds import register_kind
from ..model.reason import Reason
from .branch import BaseBranchOperator
from .foreign_python import ForeignPythonOperator
from .python import PythonOperator


class ExternalPythonOperator(ForeignPythonOperator):
    """Calls ``python_callable`` with the interpreter ``python`` (a path, templated); else as its base says."""

    template_fields: ClassVar[Sequence[str]] = ("python", *PythonOperator.template_fields)
    spec_fields: ClassVar[Sequence[str]] = (*ForeignPythonOperator.spec_fields, "python")

    def __init__(
        self,
        task_id: str,
        python_callable: Callable[..., Any],
        *,
        python: str | os.PathLike[str] | None = None,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, python_callable, **operator_args)
        self.python = checks.text_or_none(f"task {task_id!r}", "python", python)
        if not self.python:
            raise DagError(f"task {task_id!r}: python must be the path of an interpreter, e.g. '/opt/venv/bin/python'")

    def interpreter(self, context: Context) -> Path:
        """Return the interpreter, which must be there."""
        path = Path(str(self.python)).expanduser()
        if not (path.is_file() and os.access(path, os.X_OK)):
            message = f"python {str(path)!r} is no program: name the interpreter of an environment"
            raise TaskFailure(Reason("interpreter", {"message": message}), no_retry=True)
        return path


class PythonVirtualenvOperator(ForeignPythonOperator):
    """Calls ``python_callable`` in a virtual environment that has ``requirements``; else as its base says.

    ``requirements``: a list, the text of a requirements file, or the path of a ``.txt`` template. ``python_version``:
    e.g. ``"3.12"``, a Python on the PATH. ``system_site_packages``: see the packages of the Python that the
    environment is made from. ``pip_install_options``, ``index_urls``: for pip. Environments are kept in the house, or
    in ``venv_cache_path``, and used again for the same requirements. ``uv`` makes them if it is there.
    """

    template_fields: ClassVar[Sequence[str]] = (
        *("requirements", "index_urls", "venv_cache_path"),
        *PythonOperator.template_fields,
    )
    template_ext: ClassVar[Sequence[str]] = (".txt",)
    spec_fields: ClassVar[Sequence[str]] = (
        *ForeignPythonOperator.spec_fields,
        *("requirements", "python_version", "system_site_packages", "index_urls"),
    )

    def __init__(
        self,
        task_id: str,
        python_callable: Callable[..., Any],
        *,
        requirements: str | Iterable[str] | None = None,
        python_version: str | None = None,
        system_site_packages: bool = True,
        pip_install_options: Sequence[str] | None = None,
        index_urls: str | Sequence[str] | None = None,
        venv_cache_path: str | os.PathLike[str] | None = None,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, python_callable, **operator_args)
        where = f"task {task_id!r}"
        if python_version is not None and not isinstance(python_version, str):
            raise DagError(f"{where}: python_version must be text such as '3.12', not {python_version!r}")
        self.requirements = _texts(where, "requirements", requirements, keep_text=True)
        self.python_version = python_version
        self.system_site_packages = bool(system_site_packages)
        self.pip_install_options = _texts(where, "pip_install_options", pip_install_options)
        self.index_urls = _texts(where, "index_urls", index_urls)
        self.venv_cache_path = checks.text_or_none(where, "venv_cache_path", venv_cache_path)

    def interpreter(self, context: Context) -> Path:
        """Return the interpreter of the environment, made now if it is not there yet."""
        from .venvs import Venv, lines_of

        venv = Venv(
            requirements=lines_of(self.requirements),
            python_version=self.python_version,
            system_site_packages=self.system_site_packages,
            pip_install_options=tuple(self.pip_install_options),
            index_urls=tuple(self.index_urls),
        )
        folder = Path(self.venv_cache_path) if self.venv_cache_path else context["runtime"].cache_folder("venvs")
        return venv.python(folder)


class BranchExternalPythonOperator(BaseBranchOperator, ExternalPythonOperator):
    """Branches (see :class:`BranchPythonOperator`) by a function that another interpreter calls."""

    def choose_branch(self, context: Context) -> Any:
        """Call the function."""
        return ExternalPythonOperator.execute(self, context)


class BranchPythonVirtualenvOperator(BaseBranchOperator, PythonVirtualenvOperator):
    """Branches (see :class:`BranchPythonOperator`) by a function that is called in a virtual environment."""

    def choose_branch(self, context: Context) -> Any:
        """Call the function."""
        return PythonVirtualenvOperator.execute(self, context)


def _texts(where: str, name: str, value: Any, *, keep_text: bool = False) -> Any:
    if isinstance(value, str):
        return value if keep_text else [value]
    if value is None or hasattr(value, "resolve"):
        return value or []
    found = list(value) if isinstance(value, Iterable) else [value]
    if all(isinstance(item, str) for item in found):
        return found
    raise DagError(f"{where}: {name} must be text or a list of texts, not {value!r}")


class DecoratedVirtualenv(PythonVirtualenvOperator):
    """The task that ``@task.virtualenv`` makes of a function."""

    operator_name: ClassVar[str] = "@task.virtualenv"


class DecoratedExternalPython(ExternalPythonOperator):
    """The task that ``@task.external_python`` makes of a function."""

    operator_name: ClassVar[str] = "@task.external_python"


class DecoratedBranchVirtualenv(BranchPythonVirtualenvOperator):
    """The task that ``@task.branch_virtualenv`` makes of a function."""

    operator_name: ClassVar[str] = "@task.branch_virtualenv"


class DecoratedBranchExternalPython(BranchExternalPythonOperator):
    """The task that ``@task.branch_external_python`` makes of a function."""

    operator_name: ClassVar[str] = "@task.branch_external_python"


register_kind("virtualenv", DecoratedVirtualenv)
register_kind("external_python", DecoratedExternalPython)
register_kind("branch_virtualenv", DecoratedBranchVirtualenv)
register_kind("branch_external_python", DecoratedBranchExternalPython)
