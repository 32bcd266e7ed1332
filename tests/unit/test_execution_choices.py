"""What is decided before a child starts: image, environment, whether a kernel may be forked."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpec

from jupyter_flow.execution.environment import child_environment
from jupyter_flow.execution.probe import probe
from jupyter_flow.runner.forked_kernel import why_not_forkable
from jupyter_flow.runner.kernel_source import KernelRequest

ARGV = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def request(
    own_env: frozenset[str] = frozenset(), socket: str | None = "kernels.sock", **spec: object
) -> KernelRequest:
    kernelspec = KernelSpec(**{"argv": ARGV, "language": "python", **spec})
    return KernelRequest("a" * 32, "python3", kernelspec, "/", {}, own_env, Path("/"), socket, 60.0)


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(argv=["/usr/bin/python3", *ARGV[1:]]),
        request(argv=["python", "-Xfrozen_modules=off", *ARGV[1:]]),
        request(own_env=frozenset({"COLOUR", "PATH", "MPLBACKEND"}), env={"FOO": "1"}),
        request(metadata={"kernel_provisioner": {"provisioner_name": "local-provisioner"}}),
    ],
)
def test_plain_ipykernels_are_forked(asked):
    assert why_not_forkable(asked) is None


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (request(socket=None), "no kernel forkserver"),
        (request(argv=["python", "-m", "bash_kernel", "-f", "{connection_file}"]), "something else"),
        (request(argv=[*ARGV, "--IPKernelApp.trio_loop=True"]), "something else"),
        (request(argv=["conda", "run", *ARGV]), "something else"),
        (request(argv=["python", "-I", *ARGV[1:]]), "something else"),
        (request(metadata={"kernel_provisioner": {"provisioner_name": "cluster"}}), "cluster"),
        (request(interrupt_mode="message"), "message"),
        (request(own_env=frozenset({"OMP_NUM_THREADS"})), "OMP_NUM_THREADS"),
        (request(own_env=frozenset({"LD_PRELOAD", "COLOUR"})), "LD_PRELOAD"),
        (request(env={"PYTHONPATH": "/lib"}), "PYTHONPATH"),
    ],
)
def test_what_a_fork_cannot_give_starts_cold(asked, why):
    assert why in str(why_not_forkable(asked))


def test_children_get_no_secrets_and_no_foreign_tag():
    host = {"PATH": "/bin", "JUPYTER_TOKEN": "x", "JUPYTERHUB_API_TOKEN": "x", "JPY_PARENT_PID": "1"}
    assert child_environment({**host, "JUPYTER_FLOW_ATTEMPT": "a" * 32}) == {"PATH": "/bin"}


def test_every_mechanism_has_a_name_a_purpose_and_a_twin():
    mechanisms = probe()
    assert [item.name for item in mechanisms] == ["fork", "pidfd", "leash", "tag", "subreaper"]
    assert all(item.purpose and item.twin for item in mechanisms)
    assert all(item.available for item in mechanisms)  # this is what the figures were measured with
