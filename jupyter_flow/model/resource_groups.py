"""Resource groups: named limits on what tasks of one kind hold together on one host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .reason import Reason


@dataclass(frozen=True)
class ResourceGroup:
    """Named limits for tasks of one kind (``interactive``, ``batch`` …) on one host. None: no bound.

    ``slots``: tasks at once. ``memory``: bytes, ``cpu``: cores, ``gpu``: devices that tasks of the group may hold
    together, by what each asks for (``resources``). ``priority``: added to the priority weight of its tasks.
    ``task_memory`` (bytes), ``task_cpu`` (cores): limits on the process tree of each of its tasks.
    """

    slots: int | None = None
    memory: int | None = None
    cpu: float | None = None
    gpu: float | None = None
    priority: int = 0
    task_memory: int | None = None
    task_cpu: float | None = None


@dataclass(frozen=True)
class Asked:
    """What one task asks for: bytes, cores, devices."""

    memory: float = 0.0
    cpu: float = 1.0
    gpu: float = 0.0

    @classmethod
    def of(cls, resources: Mapping[str, float]) -> Asked:
        """Read ``TaskSpec.resources``. A task that does not say needs one core."""
        return cls(resources.get("memory", 0.0), resources.get("CPU", 1.0), resources.get("GPU", 0.0))


@dataclass
class GroupUse:
    """What the active tasks of one group hold together."""

    slots: int = 0
    memory: float = 0.0
    cpu: float = 0.0
    gpu: float = 0.0

    def add(self, asked: Asked, by: int = 1) -> None:
        """Count a task in (``by`` 1) or out (−1)."""
        self.slots += by
        self.memory += by * asked.memory
        self.cpu += by * asked.cpu
        self.gpu += by * asked.gpu

    def refusals(self, name: str, asked: Asked, limits: ResourceGroup) -> Iterator[Reason]:
        """Yield why a task that asks for ``asked`` has to wait."""
        wanted = (
            ("slots", 1.0, limits.slots),
            ("memory", asked.memory, limits.memory),
            ("cpu", asked.cpu, limits.cpu),
            ("gpu", asked.gpu, limits.gpu),
        )
        for what, needed, limit in wanted:
            used = getattr(self, what)
            if limit is not None and used + needed > limit:
                values = {"group": name, "what": what, "used": used, "limit": limit, "needed": needed}
                yield Reason("resource_group_full", values)
