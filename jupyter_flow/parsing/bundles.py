"""Bundles: read-only copies of the files a DAG version needs, named by the digest of their content."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..model.errors import InvalidInput
from ..model.faultpoint import faultpoint


def make_bundle(bundles: Path, folder: Path, files: Iterable[str]) -> str:
    """Copy ``files`` (posix paths relative to ``folder``) to ``bundles/<hash>/…`` and return the hash.

    An existing bundle of the same content is used again, and counts as young again: retention leaves young ones alone.
    Files that are missing or lie outside ``folder`` are left out: the problem list names them. The copies have the
    permissions 0400.

    Raises :class:`InvalidInput` if the bundle cannot be written.
    """
    contents: dict[str, bytes] = {}
    for name in sorted(set(files)):
        if (path := beneath(folder, name)) is not None:
            try:
                contents[name] = path.read_bytes()
            except OSError:
                continue
    total = hashlib.sha256()
    for name, content in contents.items():
        total.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    digest = total.hexdigest()
    target = bundles / digest
    try:
        if target.is_dir():
            os.utime(target)
        else:
            _write(target, contents)
    except OSError as error:
        raise InvalidInput(f"bundle {target} cannot be written: {error.strerror or error}") from None
    return digest


def has_bundle(bundles: Path, digest: str, others: Iterable[Path] = ()) -> bool:
    """Tell whether a bundle is in the folder ``bundles``, copied from one of the folders ``others`` if need be."""
    if (bundles / digest).is_dir():
        return True
    for folder in (other / digest for other in others):
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        if names and make_bundle(bundles, folder, names) == digest:
            return True
    return False


def beneath(folder: Path, name: str) -> Path | None:
    """Return the resolved path of ``name`` if it is a regular file beneath ``folder``, else None."""
    try:
        path = (folder / name).resolve(strict=True)
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None


def _write(target: Path, contents: dict[str, bytes]) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for name, content in contents.items():
            path = scratch / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o400)
        try:
            faultpoint("bundle.before_rename")
            os.rename(scratch, target)
            faultpoint("bundle.after_rename")
        except OSError:
            if not target.is_dir():  # another writer of the same content may have been first
                raise
            shutil.rmtree(scratch)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
