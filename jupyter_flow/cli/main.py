"""The command ``jupyter flow`` and its one way to end: an exit code, and a refusal as one line on stderr.

Exit codes: 0 done, 1 the run failed (``run``, ``demo``, ``dags trigger --wait``, ``runs watch``), 2 refused, 3 no
host where one is needed.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from .. import __version__
from ..model.errors import FlowError, NoHost
from . import (
    assets,
    backfills,
    calls,
    dags,
    db,
    demo,
    doctor,
    host,
    pools,
    prune,
    run,
    runs,
    simulate,
    task_test,
    tasks,
    variables,
    xcoms,
)
from .output import one_line
from .settings import FlowGroup

DEBUG_VARIABLE = "JUPYTER_FLOW_DEBUG"


@click.group("flow", cls=FlowGroup, no_args_is_help=False, invoke_without_command=True)
@click.version_option(__version__, "--version", prog_name="jupyter flow")
@click.pass_context
def cli(context: click.Context) -> None:
    """Schedule, run and watch notebooks as DAGs."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


cli.add_command(run.run)
cli.add_command(run.check)
cli.add_command(demo.demo)
cli.add_command(host.scheduler)
cli.add_command(host.status)
cli.add_command(host.stop)
db.db.add_command(prune.prune)
cli.add_command(db.db)
cli.add_command(doctor.doctor)
cli.add_command(dags.dags)
cli.add_command(runs.runs)
cli.add_command(simulate.simulate)
cli.add_command(tasks.tasks)
tasks.tasks.add_command(task_test.test)
cli.add_command(variables.variables)
cli.add_command(xcoms.xcoms)
cli.add_command(calls.slas)
cli.add_command(calls.deadlines)
cli.add_command(backfills.backfill)
cli.add_command(pools.pools)
cli.add_command(assets.assets)


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line ``args`` (default: of this process) and exit."""
    sys.exit(_run(args))


def _run(args: list[str] | None) -> int:
    try:
        answer = cli.main(args, prog_name="jupyter flow", standalone_mode=False)
        sys.stdout.flush()
        return answer if isinstance(answer, int) else 0
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "jupyter flow"
        return _refuse(f"{command}: {error.format_message()} (`{command} --help` says more)", 2)
    except click.ClickException as error:
        return _refuse(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return _refuse("interrupted", 130)
    except BrokenPipeError:
        # The reader went away (`| head`): nothing to say, and nothing must be said at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except NoHost as error:
        return _refuse(str(error), 3)
    except FlowError as error:
        return _refuse(str(error), 2)
    except OSError as error:
        return _refuse(_os_error(error), 2)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        name = type(error).__name__
        return _refuse(f"internal error: {name}: {error} (set {DEBUG_VARIABLE}=1 to see where, and report it)", 2)


def _os_error(error: OSError) -> str:
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}"


def _refuse(message: str, code: int) -> int:
    click.echo(f"error: {one_line(message)}", err=True)
    return code
