"""Which executor a host gets: what its settings say, refused here if it cannot be."""

from __future__ import annotations

from ..model.config import FlowConfig
from .executor import Executor
from .inline import make_inline
from .local import make_executor as make_local


def make_executor(config: FlowConfig) -> Executor:
    """Return the executor of a host; creates the spool and the folder of the sockets.

    Raises :class:`~..model.errors.InvalidInput` for settings that cannot be followed, before anything is started.
    """
    if config.executor == "inline":
        return make_inline(config)
    if config.executor == "dask":
        from .dask_executor import make_dask  # and all that speaks over the network

        return make_dask(config)
    return make_local(config)
