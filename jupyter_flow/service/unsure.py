"""What a turn was about to do when its commit was not answered: it may have been done, or not.

The rows tell, in the next turn: an attempt that is the current one of its task was claimed, and nobody started it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from ..model.records import Workload
from ..model.rows import TaskInstance
from ..storage import attempts

Launch = tuple[Workload, str, TaskInstance]
Unmade = tuple[TaskInstance, str]


@dataclass
class Unsure:
    """Launches, and claimed attempts whose workload could not be made, of turns that failed."""

    launches: list[Launch] = field(default_factory=list)
    unmade: list[Unmade] = field(default_factory=list)
    is_any: bool = False
    """Whether the turn before failed: all that it recorded may stand in the rows already."""

    def keep(self, launches: list[Launch], unmade: list[Unmade]) -> None:
        """Keep what a turn that failed would have carried out."""
        self.is_any = True
        self.launches += [item for item in launches if item not in self.launches]
        self.unmade += [item for item in unmade if item not in self.unmade]

    def claimed(self, connection: Connection) -> tuple[list[Launch], list[Unmade]]:
        """Return those whose claim was committed after all; what nobody wants any more is not to be started.

        Its attempt has to be ended all the same: until then its task cannot be claimed again.
        """
        opened = attempts.which_are_open(
            connection,
            [item[0].attempt_id for item in self.launches] + [item[0].attempt_id or "" for item in self.unmade],
        )
        launches = [item for item in self.launches if opened.get(item[0].attempt_id)]
        late = [item for item in self.launches if opened.get(item[0].attempt_id) is False]
        unmade = [item for item in self.unmade if item[0].attempt_id in opened]
        return launches, unmade + [(row, "it was cleared or marked before it could start") for _, _, row in late]

    def start_nothing(self) -> None:
        """Forget what was about to start. What was recorded stays in doubt: another host may have recorded it."""
        self.launches.clear()
        self.unmade.clear()
        self.is_any = True

    def clear(self) -> None:
        """Forget all: a turn was committed, and answered."""
        self.launches.clear()
        self.unmade.clear()
        self.is_any = False
