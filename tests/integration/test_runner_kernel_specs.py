"""Where kernels are looked for, and what the image of notebook runners does not carry for that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from jupyter_flow.runner.kernels import KernelSpecs


@pytest.mark.parametrize("own", [None, "~/a/../elsewhere"])
def test_kernels_are_looked_for_where_jupyter_client_does(
    own: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    if own is not None:
        monkeypatch.setenv("IPYTHONDIR", own)
    found = KernelSpecs().kernel_dirs
    assert not (tmp_path / ".ipython").exists(), "to look makes no folders"
    assert found == KernelSpecManager().kernel_dirs


def test_the_image_of_notebook_runners_is_without_ipython() -> None:
    code = (
        "import sys\n"
        "from jupyter_flow.runner import forkserver\n"
        "forkserver.import_base('notebook')\n"
        "print('papermill' in sys.modules, 'IPython' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["True", "False"], done.stderr
