"""Code blocks of our documents, for tests that hold the documents against the code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language and its text."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    """Return README and every page under ``docs/`` that people write."""
    pages = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "authoring").glob("*.md"))]
    pages = [path for path in pages if path.name != "architecture.md"]
    return [ROOT / "README.md", *pages]


def blocks(*languages: str) -> list[Block]:
    """Return the fenced blocks of ``languages`` in all documents, in order."""
    found = []
    for path in documents():
        for token in MarkdownIt().parse(path.read_text(encoding="utf-8")):
            language = token.info.split()[0] if token.type == "fence" and token.info else ""
            if language in languages and token.map:
                found.append(Block(path.relative_to(ROOT).as_posix(), token.map[0] + 1, language, token.content))
    return found
