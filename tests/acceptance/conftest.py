"""Fixtures of the acceptance ring: attempts without a host, on kernels from each of the three sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.attempts import Attempts
from support.execution import config_of
from support.kernels import pool_of, settle
from support.long_files import put_first

from jupyter_flow.execution.kernel_pool import KernelPool

LONG = (
    "test_schedule_every_minute",
    "test_examples_training",
    "test_dask_network",
    "test_attempt_notebook",
    "test_kill_matrix",
    "test_cli_house",
    "test_attempt_limits",
    "test_examples_docs",
    "test_host_recovery",
    "test_cli_alone",
    "test_adoption_on_stop",
    "test_db_care",
    "test_bad_input_doors",
    "test_examples_retraining",
    "test_adoption_orders",
    "test_executor_conformance",
    "test_dag_images",
    "test_forkserver_kernels",
    "test_trouble_database",
    "test_tasks_test",
)
"""The files that take half a minute or more, roughly the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files."""
    put_first(items, Path(__file__).parent, LONG)


@pytest.fixture(scope="module")
def kernel_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelPool]:
    """The kernel pool of a house, for all tests of a file."""
    with pool_of(config_of(tmp_path_factory.mktemp("pool"))) as pool:
        yield pool


@pytest.fixture
def attempts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Attempts]:
    """Makes attempts. Their kernels start cold, or as ``support.attempts.EACH_SOURCE`` says."""
    source = getattr(request, "param", "cold")
    path = None
    if source != "cold":
        pool: KernelPool = request.getfixturevalue("kernel_pool")
        pool.idle() if source == "forked" else pool.warm(1)
        wanted = 0 if source == "forked" else 1
        settle(pool, lambda counts: (counts.waiting, counts.starting) == (wanted, 0))
        path = pool.socket()
    made = Attempts(tmp_path, path)
    yield made
    made.end()
