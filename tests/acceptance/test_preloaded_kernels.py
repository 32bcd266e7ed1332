"""Kernels forked from a process that has modules imported: quick, and like any other kernel otherwise."""

from __future__ import annotations

import json
import os
import select
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.execution import Loop, config_of, notebook, running, workload_of
from support.files import write_notebook
from support.kernels import Borrowed, settle
from support.waiting import wait_for

from jupyter_flow.execution.kernel_pool import KernelPool
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.model.records import Report
from jupyter_flow.service import plain_settings
from jupyter_flow.service.kernels import WaitingKernels

PRIVATE = 25 * 2**20
"""Bytes that a waiting kernel with these modules may have for itself; a kernel that copies what it finds has 30."""


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="jf"))  # short: sockets stand beneath it
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def pool(base: Path) -> Iterator[KernelPool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)
        pool = KernelPool(config_of(base), preload=["pandas", "sklearn.linear_model", "matplotlib.pyplot"])
    assert pool.socket() is not None
    settle(pool, lambda counts: True)
    yield pool
    pool.close()


SEEN = """
import sys, os, json
there = sorted({"pandas", "sklearn", "matplotlib"} & set(sys.modules))
quiet = [name for name in os.environ if name.startswith(("OPENBLAS", "MKL", "BLIS", "JE_ARROW"))]
names = sorted(name for name in globals() if name in ("pandas", "sklearn", "pd", "plt"))
import numpy, random, threadpoolctl, matplotlib
blas = [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
print(json.dumps({"there": there, "quiet": quiet, "blas": blas, "cores": len(os.sched_getaffinity(0)), "names": names,
    "random": [random.random(), float(numpy.random.random())], "backend": matplotlib.get_backend()}))
"""


@pytest.mark.parametrize("waits", [False, True], ids=["forked", "waited"])
def test_a_preloaded_kernel_has_its_own_random_numbers_threads_and_environment(pool: KernelPool, waits: bool) -> None:
    seen = []
    for _ in range(2):
        if waits:
            pool.warm(1)
            settle(pool, lambda counts: counts.waiting == 1)
        kernel = Borrowed(str(pool.socket()))
        seen.append(kernel.client.json(SEEN))
        kernel.close()
    pool.idle()
    for one in seen:
        assert one["there"] == ["matplotlib", "pandas", "sklearn"]
        assert (one["quiet"], one["names"]) == ([], [])
        assert one["blas"]
        assert set(one["blas"]) == {one["cores"]}
        assert one["backend"].lower() in ("inline", "module://matplotlib_inline.backend_inline")
    for first, second in zip(seen[0]["random"], seen[1]["random"], strict=True):
        assert first != second


def test_the_attempt_says_how_many_threads_a_waiting_kernel_has(pool: KernelPool) -> None:
    pool.warm(1)
    settle(pool, lambda counts: counts.waiting == 1)
    kernel = Borrowed(str(pool.socket()), environment={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert set(kernel.client.json(SEEN)["blas"]) == {1}
    kernel.close()
    pool.idle()


def test_what_was_preloaded_works(pool: KernelPool) -> None:
    kernel = Borrowed(str(pool.socket()))
    code = """
import json, numpy as np, pandas as pd
from sklearn.linear_model import LinearRegression
frame = pd.DataFrame({"x": np.arange(200.0), "y": 3 * np.arange(200.0) + 1})
model = LinearRegression(n_jobs=2).fit(frame[["x"]], frame["y"])
big = np.random.rand(400, 400)
print(json.dumps([round(float(model.coef_[0]), 6), frame.y.sum(), bool(np.isfinite((big @ big).sum()))]))
"""
    assert kernel.client.json(code) == [3.0, 59900.0, True]
    kernel.close()


def test_a_waiting_kernel_shares_most_of_its_memory(pool: KernelPool) -> None:
    pool.warm(1)
    settle(pool, lambda counts: counts.waiting == 1)
    forkserver = pool.pid

    def map_of_only_child() -> list[str]:  # those of the tests before are on their way out, or gone
        found = Path(f"/proc/{forkserver}/task/{forkserver}/children").read_text().split()
        try:
            return Path(f"/proc/{found[0]}/smaps_rollup").read_text().splitlines() if len(found) == 1 else []
        except ProcessLookupError:
            return []

    lines = wait_for(map_of_only_child, "the waiting kernel is alone")
    private = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
    pool.idle()
    assert private <= PRIVATE, f"{private / 2**20:.1f} MB"


@pytest.mark.parametrize(
    ("module", "words"),
    [("no_such_module", "No module named 'no_such_module'"), ("threaded_module", "2 threads after importing")],
)
def test_a_module_that_cannot_be_preloaded_is_refused_in_one_line(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, words: str
) -> None:
    (tmp_path / "threaded_module.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = KernelPool(config_of(base), preload=[module])

    def is_refused() -> bool:
        select.select(list(pool.fileobjs()), [], [], 0.05)
        pool.service()
        return bool(pool.refusal)

    try:
        pool.socket()
        wait_for(is_refused, "the forkserver refuses")
        assert words in pool.refusal
        assert "\n" not in pool.refusal
        assert pool.socket() is None
    finally:
        pool.close()


def test_the_kernelspec_says_which_kernel_a_notebook_gets(tmp_path: Path) -> None:
    config = config_of(tmp_path, preload={"python3": ("pandas",)})
    write_notebook(tmp_path, ["import sys\nprint('pandas' in sys.modules)"], "with.ipynb")
    with running(config) as (executor, loop):
        kernels = WaitingKernels(config, executor.launcher)
        try:
            kernels.expect(0.0)
            settle(kernels.preloaded["python3"], lambda counts: counts.waiting == 1)
            sockets = kernels.sockets()
            settle(kernels.pool, lambda counts: True)
            assert set(sockets) == {"", "python3"}
            assert printed(loop, config, tmp_path, sockets[""], {"python3": sockets["python3"]}) == "True\n"
            assert printed(loop, config, tmp_path, sockets[""], {"other": sockets["python3"]}) == "False\n"
        finally:
            kernels.close()


def printed(loop: Loop, config: FlowConfig, folder: Path, plain: str, preloaded: dict[str, str]) -> str:
    workload = workload_of(config, folder, notebook("with.ipynb"), kernels=plain, preloaded=preloaded)
    loop.executor.start(workload, "token")
    loop.ended(workload.attempt_id)
    report = loop.executor.collect(workload.attempt_id)
    assert isinstance(report, Report)
    assert report.outcome == "success", report
    executed = json.loads((config.home / "spool" / workload.attempt_id / "with.ipynb").read_text())
    return "".join(executed["cells"][-1]["outputs"][0]["text"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["pandas"], "must be an object"),
        ({"python3": "pandas"}, "must be a list"),
        ({"python3": ["no module"]}, "no name of a module"),
        ({"python3": ["torch"]}, "starts threads"),
        ({"python3": ["pyarrow.parquet"]}, "starts threads"),
    ],
)
def test_settings_that_mean_nothing_are_refused(value: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        plain_settings.checked({"preload": value})


def test_the_setting_reaches_a_host_by_its_command_line(tmp_path: Path) -> None:
    config = FlowConfig(home=tmp_path, preload={"python3": ("pandas", "sklearn")})
    words = plain_settings.options(config)
    assert words[0] == "--set"
    assert plain_settings.read(words[1:]) == {"preload": {"python3": ("pandas", "sklearn")}}
