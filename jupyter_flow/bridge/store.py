"""Bundles on their way to workers without shared files: as zip, through the shared store or over the connection."""

from __future__ import annotations

import base64
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..wire.link import CHUNK


def pack(bundle: Path) -> bytes:
    """Return the files of ``bundle`` as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder, _, names in os.walk(bundle):
            for name in sorted(names):
                path = Path(folder, name)
                archive.write(path, path.relative_to(bundle).as_posix())
    return buffer.getvalue()


def pieces(bundle: Path) -> Iterator[dict[str, Any]]:
    """Yield the zip of ``bundle`` in numbered pieces."""
    data = pack(bundle)
    for number, at in enumerate(range(0, len(data), CHUNK)):
        text = base64.b64encode(data[at : at + CHUNK]).decode("ascii")
        yield {"part": number, "last": at + CHUNK >= len(data), "data": text}


def url_of(store: str, bundle_hash: str) -> str:
    """Return where a bundle stands in the shared store."""
    return f"{store.rstrip('/')}/bundles/{bundle_hash}.zip"


def upload(url: str, data: bytes) -> None:
    """Put ``data`` at ``url`` unless something is there. Raises what fsspec raises."""
    import fsspec  # type: ignore[import-untyped]

    files, path = fsspec.core.url_to_fs(url)
    if files.exists(path):
        return
    files.makedirs(path.rpartition("/")[0], exist_ok=True)
    partial = f"{path}.{os.urandom(4).hex()}.new"
    with files.open(partial, "wb") as file:
        file.write(data)
    files.mv(partial, path)


def download(url: str, target: str) -> None:
    """Copy what is at ``url`` to the file ``target``. Raises what fsspec raises."""
    import fsspec

    with fsspec.open(url, "rb") as source, open(target, "wb") as file:
        while data := source.read(1 << 20):
            file.write(data)
