"""Which kernel a notebook runs on, and the environment it starts with."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from string import Template
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_core.paths import jupyter_path

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason


class KernelSpecs(KernelSpecManager):
    """Finds the kernels that jupyter_client finds, without importing all of IPython to name its folder of kernels."""

    def _kernel_dirs_default(self) -> list[str]:
        of_ipython = os.path.expanduser(os.environ.get("IPYTHONDIR") or "~/.ipython")
        return [*jupyter_path("kernels"), os.path.join(os.path.normpath(of_ipython), "kernels")]


def resolve_kernel(wanted: str | None, metadata: Mapping[str, Any]) -> tuple[str, KernelSpec]:
    """Return name and kernelspec for ``wanted`` (None: what the notebook's ``metadata`` says, else python3).

    ``wanted`` is a kernelspec's name, else its display name, else a language with or without version
    ("python", "Python 3.11"). Raises TaskFailure(kernel_unknown) with the list of those installed.
    """
    manager = KernelSpecs()
    if not wanted:
        spec = metadata.get("kernelspec") or {}
        language = (metadata.get("language_info") or {}).get("name")
        wanted = spec.get("name") or spec.get("display_name") or language or "python3"
    wanted = str(wanted)
    lowered = wanted.casefold().strip()
    try:
        # kernelspec names are lower case, whatever people write
        return lowered, manager.get_kernel_spec(lowered)
    except (NoSuchKernel, ValueError):
        pass
    installed = {name: manager.get_kernel_spec(name) for name in sorted(manager.find_kernel_specs())}
    for name, spec in installed.items():
        if spec.display_name.casefold() == lowered:
            return name, spec
    for name, spec in installed.items():
        if _speaks(name, spec, lowered):
            return name, spec
    known = ", ".join(f"{name} ({spec.display_name})" for name, spec in installed.items()) or "none"
    raise TaskFailure(Reason("kernel_unknown", {"kernel": wanted, "known": known}), no_retry=True)


def _speaks(name: str, spec: KernelSpec, wanted: str) -> bool:
    """Whether ``wanted`` ("python", "python 3", "python3.11", "r") names the language of ``spec``."""
    language = spec.language.casefold()
    compact = wanted.replace(" ", "")
    if not language or not compact.startswith(language):
        return False
    version = compact.removeprefix(language).lstrip("-v")
    if not version:
        return True
    if not version.replace(".", "").isdigit():
        return False
    described = f"{name} {spec.display_name} {interpreter_of(spec) or ''}".casefold()
    return version in described


def interpreter_of(spec: KernelSpec) -> str | None:
    """Return the absolute path of the program that a kernelspec starts, None if it is not found."""
    if not spec.argv:
        return None
    if spec.argv[0] in ("python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info)):
        return sys.executable  # jupyter_client starts these names with the interpreter that runs here
    return shutil.which(os.path.expanduser(spec.argv[0]))


def kernel_environment(spec: KernelSpec, base: Mapping[str, str], own: Mapping[str, str] | None) -> dict[str, str]:
    """Return ``base``, then the kernelspec's ``env`` (``${NAME}`` filled in from ``base``), then the task's own."""
    environment = dict(base)
    for name, value in (spec.env or {}).items():
        environment[name] = Template(str(value)).safe_substitute(base)
    environment.update(own or {})
    environment.pop("PYTHONEXECUTABLE", None)
    environment.pop("JPY_PARENT_PID", None)
    return environment
