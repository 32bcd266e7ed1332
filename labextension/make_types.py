"""Write ``src/client/openapi.ts``: the REST documents' types, from the server's own OpenAPI document.

``python make_types.py`` writes it, ``--check`` fails if it is not as it would be written.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from jupyter_flow.server.openapi import document

HERE = Path(__file__).resolve().parent
TYPES = HERE / "src" / "client" / "openapi.ts"
NODE_PROGRAMS = HERE / "node_modules" / ".bin"


def types() -> str:
    """Return the TypeScript of all named documents; what routes there are is the matter of ``client/api.ts``."""
    described = {**document(), "paths": {}}
    described["info"] = {"title": "Jupyter Flow", "version": ""}  # a release alone changes no type
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "openapi.json"), Path(folder, "openapi.ts")
        source.write_text(json.dumps(described), encoding="utf-8")
        _run("openapi-typescript", str(source), "--output", str(target))
        _run("prettier", "--config", str(HERE / "package.json"), "--log-level", "warn", "--write", str(target))
        return target.read_text(encoding="utf-8")


def _run(program: str, *arguments: str) -> None:
    subprocess.run([NODE_PROGRAMS / program, *arguments], check=True, stdout=subprocess.DEVNULL)


def main(arguments: list[str]) -> None:
    """Write the file, or with ``--check`` compare it."""
    written = types()
    if "--check" not in arguments:
        TYPES.write_text(written, encoding="utf-8")
    elif not TYPES.exists() or TYPES.read_text(encoding="utf-8") != written:
        sys.exit(f"{TYPES.relative_to(HERE)} is not what the server's document says: run make types")


if __name__ == "__main__":
    main(sys.argv[1:])
