"""Room 5, house side: ``jupyter flow``.

May import: ``service``, ``wire``, ``model``, click, rich.
Must never: show a traceback for a refusal, decide.
A change violates this when a command does more than translate.
"""

from .main import main

__all__ = ["main"]
