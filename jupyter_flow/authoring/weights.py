"""The effective priority weight of each task, by its weight rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

LEAST, MOST = -(2**31), 2**31 - 1
"""Effective weights are kept within what a database column holds, as in Airflow."""


def effective_weights(
    order: Sequence[str], upstream: Mapping[str, Sequence[str]], weights: Mapping[str, int], rules: Mapping[str, str]
) -> dict[str, int]:
    """Return task id -> weight. ``order``: all ids, topological; ``upstream``: id -> ids directly before it.

    ``absolute``: the task's own; ``downstream``: with those of all tasks after it, each counted once; ``upstream``:
    with those of all tasks before it.
    """
    result = dict(weights)
    if wanted := {name for name in order if rules[name] == "upstream"}:
        result |= _sums(order, upstream, weights, wanted)
    if wanted := {name for name in order if rules[name] == "downstream"}:
        after: dict[str, list[str]] = {name: [] for name in order}
        for name in order:
            for before in upstream[name]:
                after[before].append(name)
        result |= _sums(order[::-1], after, weights, wanted)
    return {name: max(LEAST, min(MOST, weight)) for name, weight in result.items()}


def _sums(
    order: Sequence[str], before: Mapping[str, Sequence[str]], weights: Mapping[str, int], wanted: set[str]
) -> dict[str, int]:
    """Return the weight of each wanted task with all that ``before`` leads to, sets of tasks being the bits of ints."""
    bit = dict(zip(order, count()))
    planes = _planes(order, weights)
    left = dict.fromkeys(order, 0)  # how many will still ask for a set: it goes with the last
    for name in order:
        for other in before[name]:
            left[other] += 1
    reached: dict[str, int] = {}
    result: dict[str, int] = {}
    for name in order:
        bits = 1 << bit[name]
        for other in before[name]:
            bits |= reached[other]
            left[other] -= 1
            if not left[other]:
                del reached[other]
        if left[name]:
            reached[name] = bits
        if name in wanted:
            result[name] = sum(factor * (bits & plane).bit_count() for factor, plane in planes)
    return result


def _planes(order: Sequence[str], weights: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return ``(factor, set of tasks)`` pairs whose sum over a set of tasks is the sum of their weights.

    One pair where all weights are equal, else one for each binary digit and sign: few, however many weights differ.
    """
    if len(set(weights.values())) == 1:
        return [(next(iter(weights.values())), -1)]
    digits: dict[int, bytearray] = {}
    size = len(order) // 8 + 1
    for place, name in enumerate(order):
        weight = weights[name]
        sign = -1 if weight < 0 else 1
        rest, factor = abs(weight), sign
        while rest:
            if rest & 1:
                digits.setdefault(factor, bytearray(size))[place >> 3] |= 1 << (place & 7)
            rest >>= 1
            factor *= 2
    return [(factor, int.from_bytes(plane, "little")) for factor, plane in digits.items()]
