"""What is refused of Dask's settings, before anything is started or connected; and how the load is smoothed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_flow.bridge import scaling
from jupyter_flow.bridge.scaling import Load
from jupyter_flow.execution.dask_settings import bridge_settings, check_address
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import InvalidInput

TLS = {"ca_file": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://127.9.9.9:1", "tcp://localhost:8786", "tcp://[::1]:1"]
)
def test_this_machine_needs_no_encryption(address: str) -> None:
    check_address(address, {})


def test_another_machine_by_tls() -> None:
    check_address("tls://10.0.0.5:8786", TLS)
    check_address("tls://scheduler.example:8786", TLS)


@pytest.mark.parametrize(
    ("address", "security", "words"),
    [
        ("tcp://10.0.0.5:8786", {}, "is refused: off this machine a scheduler needs tls:// and dask_security"),
        ("tcp://scheduler.example:8786", {}, "is refused"),
        ("tcp://0.0.0.0:8786", {}, "is refused"),
        ("tcp://localhost.example:8786", {}, "is refused"),
        ("tls://10.0.0.5:8786", {}, "needs dask_security with ca_file, cert and key"),
        ("tls://10.0.0.5:8786", {"ca_file": "ca.pem"}, "needs dask_security"),
        ("tcp://127.0.0.1:8786", TLS, "write tls://"),
        ("ucx://127.0.0.1:8786", {}, "must be tcp://127.0.0.1:PORT or tls://HOST:PORT"),
        ("10.0.0.5:8786", {}, "must be"),
        ("tls://10.0.0.5", TLS, "must be"),
        ("tls://10.0.0.5:99999", TLS, "must be"),
        ("inproc://1", {}, "must be"),
    ],
)
def test_refusals_are_one_line(address: str, security: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_address(address, security)
    assert words in str(caught.value)
    assert repr(address) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    config = FlowConfig(home=tmp_path, executor="dask", dask_address="tls://10.0.0.5:1", dask_security=TLS)
    with pytest.raises(InvalidInput, match=r"dask_security: ca_file 'ca\.pem' cannot be read"):
        bridge_settings(config)


def test_the_bridge_is_told_no_secret(tmp_path: Path) -> None:
    config = FlowConfig(
        home=tmp_path, executor="dask", db_url="postgresql+psycopg://me:hidden@db/flow", queues={"gpu": 2, "default": 3}
    )
    assert "hidden" not in str(bridge_settings(config))


def test_a_rise_counts_at_once_and_a_fall_by_halves() -> None:
    load = Load()
    load.now = 8.0
    assert load.workers(1) == 8
    load.now = 0.0
    seen = [load.look() for _ in range(4)]
    assert seen[1] == pytest.approx(4.0)
    assert seen[3] == pytest.approx(2.0)
    for _ in range(40):
        load.look()
    assert load.workers(1) == 0
    assert scaling.HALF_LIFE == 2.0


def test_workers_with_several_threads_are_fewer() -> None:
    load = Load()
    load.now = 7.0
    assert load.workers(3) == 3
