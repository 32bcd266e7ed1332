"""R19: the next version, with a migration of its own, takes over a house in the middle of its work; the old one is
refused afterwards.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

from support import journals
from support.houses import House
from support.waiting import wait_for

import jupyter_flow

TITLE = "upgrade to a version with a migration while 32 tasks run"
TARGET = "all adopted, none run again; the old version is refused in one line"
SCALE = 1.0
SMOKE = 0.1

DAG = """
with DAG("upgrade", max_active_tasks=64):
    for n in range(COUNT):
        PythonOperator(task_id=f"t{n}", python_callable=work, op_args=[f"t{n}", GATE])
"""
MIGRATION = '''"""A later version's change."""
import sqlalchemy as sa
from alembic import op

revision = "NEXT"
down_revision = "HEAD"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("dag", sa.Column("of_a_later_version", sa.Text(), nullable=True))
'''


def next_version(folder: Path) -> Path:
    """Make a copy of the package that is one version and one migration ahead; return what goes on ``PYTHONPATH``."""
    package = Path(jupyter_flow.__file__).parent
    target = folder / "next" / "jupyter_flow"
    shutil.copytree(package, target, ignore=shutil.ignore_patterns("__pycache__", "labextension", "_version.py"))
    from jupyter_flow.storage.migrating import HEAD

    after = f"{int(HEAD) + 1:04d}"
    text = MIGRATION.replace("NEXT", after).replace("HEAD", HEAD)
    (target / "storage" / "migrations" / "versions" / f"{after}_later.py").write_text(text)
    migrating = target / "storage" / "migrating.py"
    migrating.write_text(migrating.read_text().replace(f'HEAD = "{HEAD}"', f'HEAD = "{after}"'))
    sign = target / "__init__.py"
    changed, count = re.subn(r"^__version__ = .*$", '__version__ = "999.0"', sign.read_text(), flags=re.MULTILINE)
    assert count == 1, "the package says its version in another way: change this board"
    sign.write_text(changed)
    return folder / "next"


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Start the tasks under this version, kill its host, start the next version's, let the tasks end."""
    count = max(4, round(32 * scale))
    house = House(folder)
    gate = folder / "gate"
    journal = journals.write_dag(house, DAG.replace("COUNT", str(count)), GATE=str(gate))
    later = {"PYTHONPATH": str(next_version(folder))}
    try:
        house.start("--parallelism", "64")
        house.trigger("upgrade", run_id="r")
        wait_for(lambda: journal.count("start") == count, f"{count} tasks run", 120)
        house.kill()
        begun = time.monotonic()
        house.start("--parallelism", "64", env=later)
        seconds = time.monotonic() - begun
        version = house.call("host.status")["host"]["version"]
        gate.touch()
        done = house.wait_for_run("upgrade", "r", 120)
        house.kill()
        process = house.spawn()
        code = process.wait(60)
        said = [line for line in house.output().splitlines() if line.strip()]
    finally:
        house.close()
    states = {task["state"] for task in done["tasks"]}
    again = max(task["attempt_number"] for task in done["tasks"])
    refused = code == 2 and len(said) == 1 and "upgrade jupyterlab-flow" in said[0]
    passed = states == {"success"} and again == 1 and journal.count("start") == count and refused
    passed = passed and version == "999.0"
    last = said[-1][:200] if said else "nothing"
    return {
        "tasks": count,
        "run_again": journal.count("start") - count,
        "seconds_to_the_next_host": round(seconds, 2),
        "passed": passed,
        "detail": f"{count} tasks ended {sorted(states)} under {version}; the old version said: {last}",
    }
