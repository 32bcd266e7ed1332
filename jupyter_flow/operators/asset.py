"""The task of an ``@asset`` function."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from ..authoring import runtime
from ..authoring.asset_functions import RESERVED
from ..authoring.assets import Asset
from ..authoring.context import Context
from ..authoring.exceptions import FlowNotFoundException
from ..authoring.task_kinds import register_kind
from .python import PythonOperator, call


class AssetOperator(PythonOperator):
    """Calls the function of ``@asset`` with the assets that its parameters name."""

    operator_name: ClassVar[str] = "@asset"

    def execute(self, context: Context) -> Any:
        """Call the function; what it returns is the ``return_value`` XCom."""
        own = next((item for item in self.outlets if isinstance(item, Asset)), None)
        arguments: dict[str, Any] = {}
        for item in inspect.signature(self.python_callable).parameters.values():
            if item.name == "self":
                arguments["self"] = own
            elif item.name not in RESERVED and item.default is item.empty:
                arguments[item.name] = _find_asset(item.name)
        return call(self.python_callable, (), arguments, {}, context)


def _find_asset(name: str) -> Asset:
    """Return the asset ``name`` as the house knows it. Raises :class:`FlowNotFoundException`."""
    running = runtime.current()
    found = None if running is None else running.ask("ask.asset", name=name)["asset"]
    if found is None:
        raise FlowNotFoundException(f"no DAG defines an asset {name!r}: a parameter of an asset function names one")
    return Asset(**found)


register_kind("asset", AssetOperator)
