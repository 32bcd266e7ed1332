"""Certificates of a cluster under test, made by ``openssl``."""

from __future__ import annotations

import subprocess
from pathlib import Path


def certificates(folder: Path) -> dict[str, str]:
    """Return file names ``ca_file``, ``cert``, ``key``: an authority of the test's own and one certificate of it."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test ca")
    _openssl(folder, "req", *key, "-keyout", "cert.key", "-out", "cert.csr", "-subj", "/CN=cluster")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    _openssl(folder, "x509", "-req", "-in", "cert.csr", *signed, "-out", "cert.pem")
    return {
        name: str(folder / file) for name, file in (("ca_file", "ca.pem"), ("cert", "cert.pem"), ("key", "cert.key"))
    }


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
