"""``python -m simulation SEED [COUNT] [--trace]`` in ``tests``: run worlds, print the story of each that fails.

With ``--trace`` the story of each is printed; else one line with the digest of all stories. Exit 1 if one failed.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from .bench import Bench
from .faults import Violation
from .world import World, failing_story


def main() -> int:
    """Run the worlds that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--trace", action="store_true", help="print every story")
    given = parser.parse_args()
    failed, digest = 0, hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        bench = Bench(Path(folder))
        for seed in range(given.seed, given.seed + given.count):
            world = World(bench, seed)
            try:
                world.run()
            except Violation as violation:
                failed += 1
                print(failing_story(world, violation))
            else:
                if given.trace:
                    print("\n".join(world.trace))
            digest.update(world.digest.encode())
        bench.close()
    print(f"{given.count} worlds from seed {given.seed} on, {failed} failed; digest {digest.hexdigest()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
