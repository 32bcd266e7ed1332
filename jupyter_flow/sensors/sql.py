"""SqlSensor: waits until a query answers as wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..authoring.connection import Connection, ConnectionNotFound
from ..authoring.context import Context
from ..authoring.exceptions import DagError, FlowException, FlowFailException
from .base import FIELDS, BaseSensorOperator


class SqlSensor(BaseSensorOperator):
    """Waits until the first cell of what ``sql`` returns is true (not 0, empty or NULL).

    ``conn_id``: a connection, or an SQLAlchemy URL such as ``sqlite:///data.db``. ``parameters``: bound values for
    ``:name`` in the query. ``success(value)``: true means "it is so", instead of the truth of the value.
    ``failure(value)``: true fails. ``selector(row)``: which value of the row (its first cell). ``fail_on_empty``: no
    row is a failure instead of "not yet". ``sql`` (also the path of a ``.sql`` file) and ``parameters`` are templated.
    """

    template_fields: ClassVar[Sequence[str]] = ("sql", "parameters", "env", "cwd")
    template_ext: ClassVar[Sequence[str]] = (".sql",)
    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "conn_id", "sql", "parameters", "fail_on_empty")

    def __init__(
        self,
        task_id: str,
        *,
        conn_id: str,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        success: Callable[[Any], bool] | None = None,
        failure: Callable[[Any], bool] | None = None,
        selector: Callable[[Sequence[Any]], Any] | None = None,
        fail_on_empty: bool = False,
        hook_params: Mapping[str, Any] | None = None,
        **sensor_args: Any,
    ) -> None:
        super().__init__(task_id, **sensor_args)
        where = f"task {task_id!r}"
        for name, value in (("success", success), ("failure", failure), ("selector", selector)):
            if value is not None and not callable(value):
                raise DagError(f"{where}: {name} must be a function, not {value!r}")
        if not sql or not (isinstance(sql, str) or hasattr(sql, "resolve")):
            raise DagError(f"{where}: sql must be a query, not {sql!r}")
        if parameters is not None and not isinstance(parameters, Mapping):
            raise DagError(f"{where}: parameters must be a dict for the names in the query, not {parameters!r}")
        self.conn_id = str(conn_id)
        self.sql = sql
        self.parameters = dict(parameters or {})
        self.success, self.failure, self.selector = success, failure, selector
        self.fail_on_empty = bool(fail_on_empty)

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Only functions that judge the answer are not data."""
        return any(item is not None for item in (self.success, self.failure, self.selector))

    def poke(self, context: Context) -> bool:
        """Run the query."""
        from sqlalchemy import create_engine, text  # late: only tasks with a query need it
        from sqlalchemy.exc import SQLAlchemyError

        engine = create_engine(self._url())
        try:
            with engine.connect() as connection:
                row = connection.execute(text(self.sql), self.parameters).first()
        except SQLAlchemyError as error:
            raise FlowException(f"the query failed: {str(error).splitlines()[0]}") from None
        finally:
            engine.dispose()
        if row is None:
            if self.fail_on_empty:
                raise FlowException("the query returned no row (fail_on_empty)")
            return False
        value = row[0] if self.selector is None else self.selector(row)
        if self.failure is not None and self.failure(value):
            raise FlowException(f"failure says that {value!r} is a failure")
        self.log.info("the query returned %.200r", value)
        return bool(self.success(value)) if self.success is not None else value not in (0, "0", "", None, False)

    def _url(self) -> str:
        if "://" in self.conn_id:
            return self.conn_id
        try:
            return Connection.get(self.conn_id).get_uri()
        except ConnectionNotFound as error:
            raise FlowFailException(str(error)) from None
