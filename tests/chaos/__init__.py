"""The board of reliability: one module ``board_rNN.py`` for each line of the table in ``docs/reliability.md``.

A board has

- ``TITLE``: what is done, a few words; ``TARGET``: what must come out, at full scale;
- ``def run(scale: float, seed: int, folder: Path) -> dict``: do it in the empty ``folder`` and return the figures
  (numbers and short texts), with ``passed`` (bool: the target is met at this scale, also its times), ``detail`` (one
  sentence: what was seen, or what went wrong) and, where a slow machine may miss times, ``sound`` (bool: all but the
  times is right; default: ``passed``), which is all that ``make test`` asks for;
- if the defaults do not suit: ``SCALE`` (0.1: the scale of ``make chaos``; 1.0 is what ``TARGET`` speaks of),
  ``SMOKE`` (0.01: the scale in ``make test``, a few seconds; None: not there), ``LIMIT`` (300: seconds that
  ``make chaos`` gives it) and ``LONG_LIMIT`` (14,400: seconds of ``make chaos-long``).

Everything random comes from ``random.Random(seed)``. A board ends what it started, also when it fails; each runs in a
process of its own, which is ended with all that carries its mark when its time is over. What fails raises
AssertionError or gives ``passed: False``; figures go into the table either way.

``witnesses`` and ``invariants`` of ``tests/support`` say what every board checks at its end.
"""
