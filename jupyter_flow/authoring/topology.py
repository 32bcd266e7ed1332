"""The order of a graph, or the cycle in it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence


def topological_order(upstream: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """Return ``(order, cycle)`` of a graph given as id -> ids directly before it.

    ``order`` has every id after those before it, otherwise in the order of ``upstream``. If there is a cycle,
    ``cycle`` is its path with the first id again at the end; otherwise it is empty.
    """
    place = {name: index for index, name in enumerate(upstream)}
    names = list(upstream)
    missing = {name: len(set(before)) for name, before in upstream.items()}
    downstream: dict[str, list[str]] = {name: [] for name in upstream}
    for name, before in upstream.items():
        for other in dict.fromkeys(before):
            downstream[other].append(name)
    ready = [place[name] for name, count in missing.items() if count == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for after in downstream[name]:
            missing[after] -= 1
            if missing[after] == 0:
                heapq.heappush(ready, place[after])
    if len(order) == len(names):
        return order, []
    return order, _cycle(upstream, {name for name, count in missing.items() if count > 0})


def _cycle(upstream: Mapping[str, Sequence[str]], stuck: set[str]) -> list[str]:
    """Walk upstream within ``stuck`` (each has an upstream in it) until an id comes again."""
    name = next(name for name in upstream if name in stuck)
    seen: dict[str, int] = {}
    path: list[str] = []
    while name not in seen:
        seen[name] = len(path)
        path.append(name)
        name = next(before for before in upstream[name] if before in stuck)
    ring = path[seen[name] :][::-1]
    place = {name: index for index, name in enumerate(upstream)}
    first = min(range(len(ring)), key=lambda index: place[ring[index]])
    ring = ring[first:] + ring[:first]
    return [*ring, ring[0]]
