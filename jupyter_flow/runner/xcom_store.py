"""Where XComs are kept that do not go into the database: backends for folders here and elsewhere.

A backend writes files named ``<attempt id>/<number><suffix>`` under its URL, so that all files of an attempt can be
deleted together. References are URLs of files under it; others are refused. Backends run in runners only.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from ..model.records import XComSettings

FOLDER = "xcoms"
"""Beneath the state folder, where no store is set."""


class XComStoreError(Exception):
    """The store cannot be used: one sentence."""


class XComBackend(ABC):
    """A place for the files of XComs. ``url``: its folder, without a slash at the end.

    Authors' backends derive from it and are named by the setting ``xcom_backend``.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    @abstractmethod
    def create(self, name: str) -> BinaryIO:
        """Return the new file ``name`` (``<attempt id>/<number><suffix>``), open for writing."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Return the file ``name``, open for reading. Raises FileNotFoundError."""

    @abstractmethod
    def delete(self, attempt_ids: Collection[str]) -> None:
        """Delete all files of these attempts; most have none, which is no error."""

    def reference(self, name: str) -> str:
        """Return the URL of the file ``name``."""
        return f"{self.url}/{name}"

    def name_of(self, reference: str) -> str:
        """Return the name behind ``reference``. Raises :class:`XComStoreError` for a file of another place."""
        start, name = reference[: len(self.url) + 1], reference[len(self.url) + 1 :]
        parts = name.split("/")
        if start != f"{self.url}/" or len(parts) != 2 or any(not part or part.startswith(".") for part in parts):
            raise XComStoreError(f"{reference} is not in the XCom store {self.url}: was xcom_store changed?")
        return name


class LocalFileBackend(XComBackend):
    """A folder of this machine (or of a file system that all share). ``url``: ``file:///path``."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.folder = Path(unquote(urlsplit(url).path))

    def create(self, name: str) -> BinaryIO:
        """Return the new file, readable for its owner only."""
        path = self.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")

    def open(self, name: str) -> BinaryIO:
        """Return the file, open for reading."""
        return os.fdopen(os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW), "rb")

    def delete(self, attempt_ids: Collection[str]) -> None:
        """Delete the attempts' folders."""
        for name in set(attempt_ids).intersection(os.listdir(self.folder) if self.folder.is_dir() else ()):
            shutil.rmtree(self.folder / name, ignore_errors=True)


class FsspecBackend(XComBackend):
    """A folder anywhere that fsspec reaches: ``s3://bucket/xcoms``, ``gs://…``, ``abfs://…``.

    How to log in there is what the protocol's own environment variables and files say.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        try:
            import fsspec  # type: ignore[import-untyped]

            self._files, self._folder = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            package = error.name or str(error)
            advice = "pip install 'jupyterlab-flow[stores]' and what the protocol needs"
            raise XComStoreError(f"xcom_store {url}: {package} is missing: {advice}") from None
        except ValueError as error:
            raise XComStoreError(f"xcom_store {url}: {error}") from None

    def create(self, name: str) -> BinaryIO:
        """Return the new file, open for writing."""
        path = f"{self._folder}/{name}"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        handle: BinaryIO = self._files.open(path, "wb")
        return handle

    def open(self, name: str) -> BinaryIO:
        """Return the file, open for reading."""
        handle: BinaryIO = self._files.open(f"{self._folder}/{name}", "rb")
        return handle

    def delete(self, attempt_ids: Collection[str]) -> None:
        """Delete the attempts' folders."""
        try:
            there = {str(path).rstrip("/").rpartition("/")[2] for path in self._files.ls(self._folder, detail=False)}
        except FileNotFoundError:
            return
        for name in there.intersection(attempt_ids):
            self._files.rm(f"{self._folder}/{name}", recursive=True)


def local_url(home: str) -> str:
    """Return the URL of the store in the state folder ``home``."""
    return (Path(home).absolute() / FOLDER).as_uri()


def backend_for(settings: XComSettings, home: str, dag_folder: str | None = None) -> XComBackend:
    """Return the backend that ``settings`` name. Raises :class:`XComStoreError`.

    ``dag_folder``: modules of an own backend may lie there too.
    """
    url = settings.store or local_url(home)
    if settings.backend:
        return _own_backend(settings.backend, url, dag_folder)
    return LocalFileBackend(url) if url.startswith("file:///") else FsspecBackend(url)


def _own_backend(name: str, url: str, dag_folder: str | None) -> XComBackend:
    module, _, qualname = name.partition(":")
    if dag_folder is not None and dag_folder not in sys.path:
        sys.path.append(dag_folder)
    try:
        cls: Any = getattr(importlib.import_module(module), qualname)
    except (ImportError, AttributeError, ValueError) as error:
        raise XComStoreError(f"xcom_backend {name!r} cannot be loaded: {error}: write module:Class") from None
    if not (isinstance(cls, type) and issubclass(cls, XComBackend)):
        raise XComStoreError(f"xcom_backend {name!r} is no class derived from XComBackend")
    made: XComBackend = cls(url)
    return made
