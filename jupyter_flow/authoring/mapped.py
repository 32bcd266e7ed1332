"""Dynamic mapping: ``Operator.partial(…).expand(…)`` makes one task that has an instance for each element."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from . import checks, deprecated, expansion, operator, registry, unfinished
from .exceptions import DagError, FlowWarning
from .expansion import KWARGS, PRODUCT, Expansion
from .jsonable import to_jsonable
from .trigger_rule import TriggerRule
from .xcom_arg import XComArg

if TYPE_CHECKING:
    from .task_group import TaskGroup

OF_ONE_INSTANCE = frozenset({"env", "cwd"})
"""Arguments of every operator that may differ between the instances of a mapped task."""
_LOOKED_AT = 1024
"""How many instances are tried out when the DAG file is loaded, if it says all of their arguments."""
_REQUIRED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class OperatorPartial:
    """``Operator.partial(…)``: the arguments that all instances share. :meth:`expand` makes the mapped task."""

    def __init__(self, cls: type[operator.BaseOperator], arguments: dict[str, Any]) -> None:
        task_id = arguments.pop("task_id", None)
        if task_id is None:
            raise DagError(f"{cls.__name__}.partial(): task_id is missing")
        self._cls = cls
        self._task_id = task_id
        self._where = f"task {task_id!r}"
        self._arguments = deprecated.renamed(self._where, arguments, deprecated.OPERATOR)
        parted(self._where, cls, self._arguments)  # refuses unknown names where they are written
        message = f"{self._where}: partial() alone makes no task: add .expand(…) to it"
        unfinished.begin(self, self._arguments.get("dag") or registry.current_dag(), message)

    def expand(self, *args: Any, **inputs: Any) -> MappedOperator:
        """Make the task: an instance for each combination of the elements, the rightmost argument changing fastest."""
        if args:
            raise DagError(f"{self._where}: expand() takes named arguments only, e.g. expand(x=[1, 2])")
        self._check_names("expand()", inputs)
        if twice := [name for name in inputs if name in self._arguments]:
            raise DagError(f"{self._where}: {twice[0]!r} is given in partial() already")
        return self._make(expansion.product(self._where, inputs))

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> MappedOperator:
        """Make the task: an instance for each dict of arguments in the list (or output of a task) ``kwargs``.

        ``strict``: the dicts may not name an argument of ``partial``; else theirs counts.
        """
        made = expansion.kwargs(self._where, kwargs, strict)
        for item in () if made.literal_length is None else kwargs:
            if isinstance(item, Mapping):
                self._check_names("expand_kwargs()", item)
                if strict and (twice := [name for name in item if name in self._arguments]):
                    raise DagError(f"{self._where}: {twice[0]!r} is given in partial() already")
        return self._make(made)

    def _check_names(self, where: str, given: Mapping[str, Any]) -> None:
        accepted = operator.accepted_arguments(self._cls)
        common = operator.accepted_arguments(operator.BaseOperator)
        for name in given:
            if name in common and name not in OF_ONE_INSTANCE:
                why = "it is the same for all instances, give it in partial()"
                raise DagError(f"{self._where}: {where} cannot map over {name!r}: {why}")
            if name not in accepted:
                known = [item for item in accepted if item not in common]
                hint = checks.suggestion(name, known)
                raise DagError(f"{self._where}: {self._cls.__name__} has no argument {name!r}{hint}")

    def _make(self, made: Expansion) -> MappedOperator:
        unfinished.done(self)
        own, shared = parted(self._where, self._cls, self._arguments)
        for name in made.inputs:
            own.pop(name, None)
        _check_required(self._where, self._cls, {*own, *shared}, made)
        task = MappedOperator(self._task_id, mapped_class=self._cls, mapped_arguments=own, mapped_over=made, **shared)
        task.try_out()
        return task


class MappedOperator(operator.BaseOperator):
    """A mapped task. ``mapped_class``: the operator of its instances, ``mapped_arguments``: its own arguments that all
    share, ``mapped_over``: what they differ in. ``into``: the argument (a dict) that takes the values, if they are
    no arguments themselves.
    """

    def __init__(
        self,
        task_id: str,
        *,
        mapped_class: type[operator.BaseOperator],
        mapped_arguments: Mapping[str, Any],
        mapped_over: Expansion,
        into: str | None = None,
        **shared: Any,
    ) -> None:
        self.mapped_class = mapped_class
        self.mapped_arguments = dict(mapped_arguments)
        self.mapped_over = mapped_over
        self.into = into
        self.shared = {name: value for name, value in shared.items() if name not in ("dag", "task_group")}
        super().__init__(task_id, **shared)
        where = f"task {self.task_id!r}"
        refuse_within_mapped_group(where, self.task_group)
        if self.trigger_rule == TriggerRule.ALWAYS and mapped_over.sources:
            raise DagError(f"{where}: a task that is mapped over an output cannot have the trigger rule 'always'")

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if name.startswith("_") or "mapped_over" not in own:
            raise AttributeError(name)
        if self.into is None and name in own["mapped_over"].inputs:
            return own["mapped_over"].inputs[name]
        if name in own["mapped_arguments"]:
            return own["mapped_arguments"][name]
        if name in self.template_fields or name in self.mapped_class.spec_fields:
            return None
        raise AttributeError(f"the mapped task {self.task_id!r} has no {name!r}: its instances may")

    @property
    def operator_class(self) -> type[operator.BaseOperator]:
        """The operator of the instances."""
        return self.mapped_class

    @property
    def template_fields(self) -> Sequence[str]:  # type: ignore[override]
        """The templated fields of the instances."""
        return self.mapped_class.template_fields

    @property
    def template_ext(self) -> Sequence[str]:  # type: ignore[override]
        """The endings of template files of the instances."""
        return self.mapped_class.template_ext

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Whether the instances need the DAG file: of some operators because a function is among their arguments."""
        needs: Any = self.mapped_class.needs_dag_file
        if isinstance(needs, property):
            needs = any(map(_holds_function, (self.mapped_arguments, self.mapped_over.inputs)))
        return needs or self.mapped_over.needs_dag_file

    @property
    def spec_fields(self) -> Sequence[str]:  # type: ignore[override]
        """What is shown of the task: the arguments that are shared, and those that are mapped over."""
        return [*self.mapped_arguments, *(name for name in self.mapped_over.inputs if self.into is None and name)]

    def template_values(self) -> dict[str, Any]:
        """Return the arguments by name, those that are mapped over as far as the DAG file says them."""
        literals = {name: value for name, value in self.mapped_over.inputs.items() if not isinstance(value, XComArg)}
        return {**self.mapped_arguments, **literals, "env": self.env, "cwd": self.cwd}

    def references(self) -> Iterator[XComArg]:
        """Yield the XComArgs that the instances get, and those that the task is mapped over."""
        yield from super().references()
        yield from (value for value in self.mapped_over.inputs.values() if isinstance(value, XComArg))

    def expansion_xcoms(self) -> Iterable[tuple[str, str]]:
        """Return the pairs that the task is mapped over, but for those of tasks that are mapped themselves."""
        return self.mapped_over.xcoms()

    def expansion_spec(self) -> dict[str, Any]:
        """Return ``expand`` of the spec."""
        return self.mapped_over.to_spec()

    def arguments(self) -> dict[str, Any]:
        """Return the arguments as JSON, those that are mapped over beside the shared ones."""
        where = f"task {self.task_id!r}"
        found = {name: to_jsonable(value, f"{where}: {name}") for name, value in self.mapped_arguments.items()}
        inputs = self.mapped_over.inputs.items()
        found.update(
            {name: expansion.input_data(value, f"{where}: {name or 'expand_kwargs'}") for name, value in inputs}
        )
        if self.cwd is not None:
            found["cwd"] = self.cwd
        return found

    def static_files(self) -> list[str]:
        """Return the files that the instances name, as far as they are known."""
        return list(dict.fromkeys(path for task in self._known_instances() for path in task.static_files()))

    def try_out(self) -> None:
        """Refuse now what the instances would refuse later, as far as the DAG file says their arguments."""
        for _ in self._known_instances():
            pass

    def _known_instances(self) -> Iterator[operator.BaseOperator]:
        if self.into is not None:  # a function's arguments were looked at before
            yield self.unmap({})
            return
        count = self.mapped_over.literal_length
        if count is None:
            if self.mapped_over.kind == PRODUCT and not _required(self.mapped_class) & {*self.mapped_over.inputs}:
                yield self.unmap({})
            return
        lengths = {name: len(value) for name, value in self.mapped_over.inputs.items()}
        for index in range(min(count, _LOOKED_AT)):
            values, _ = self.mapped_over.values(index, lengths, None)
            try:
                yield self.unmap(values)
            except DagError as error:
                message = f"{error} (map index {index})"
                raise DagError(message, error.location or self.location) from None

    def unmap(self, values: Mapping[str, Any]) -> operator.BaseOperator:
        """Return the operator of one instance, in the place of this task but in no DAG's list.

        Raises :class:`DagError` for values that it does not take.
        """
        where = f"task {self.task_id!r}"
        own = dict(self.mapped_arguments)
        if self.mapped_over.kind == KWARGS and self.mapped_over.strict:
            taken = own.get(self.into, {}) if self.into else {**own, **self.shared}
            if twice := [name for name in values if name in taken]:
                raise DagError(f"{where}: {twice[0]!r} is given in partial() already")
        if self.into is None:
            own.update(values)
        else:
            own[self.into] = {**own.get(self.into, {}), **values}
        shared = {name: value for name, value in self.shared.items() if name not in own}
        with registry.outside(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FlowWarning)  # the mapped task itself has warned
            made: operator.BaseOperator = self.mapped_class(task_id=self.task_id, **shared, **own)
        made.dag, made.task_group, made.location = self.dag, self.task_group, self.location
        made._upstream, made._downstream = self._upstream, self._downstream
        return made

    def __repr__(self) -> str:
        return f"<Mapped({self.mapped_class.__name__}): {self.task_id}>"


def parted(
    where: str, cls: type[operator.BaseOperator], arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments that are ``cls``'s own, its ``default_args`` included, and those that every operator has.

    Raises :class:`DagError` for names that it does not take.
    """
    accepted = operator.accepted_arguments(cls)
    for name in arguments:
        if name not in accepted:
            raise DagError(f"{where}: {cls.__name__} has no argument {name!r}{checks.suggestion(name, accepted)}")
    common = operator.accepted_arguments(operator.BaseOperator)
    group = arguments.get("task_group") or registry.current_group(arguments.get("dag"))
    own = operator.default_arguments(cls, where, group, arguments.get("default_args"))
    own = {**own, **arguments}
    shared = {name: value for name, value in arguments.items() if name in common}
    return {name: value for name, value in own.items() if name not in common}, shared


def partial(cls: type[operator.BaseOperator], args: Sequence[Any], arguments: dict[str, Any]) -> OperatorPartial:
    """Return what ``cls.partial(**arguments)`` gives."""
    if args:
        raise DagError(f"{cls.__name__}.partial() takes named arguments only, e.g. partial(task_id='copy')")
    return OperatorPartial(cls, arguments)


def refuse_within_mapped_group(where: str, group: TaskGroup | None) -> None:
    """Raise :class:`DagError` if ``group`` is mapped, or is within one that is."""
    while group is not None:
        if group.expand_input is not None:
            raise DagError(f"{where}: there is no mapping within the mapped task group {group.group_id!r}")
        group = group.parent_group


def _holds_function(value: Any) -> bool:
    if isinstance(value, (Mapping, list, tuple)):
        return any(map(_holds_function, value.values() if isinstance(value, Mapping) else value))
    return callable(value)


def _check_required(where: str, cls: type, given: set[str], made: Expansion) -> None:
    if made.kind == KWARGS:
        return
    missing = _required(cls) - given - {*made.inputs} - {"task_id"}
    if missing:
        name = min(missing)
        raise DagError(f"{where}: {cls.__name__} needs {name!r}: give it in partial() or expand()")


@cache
def _required(cls: type) -> frozenset[str]:
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    return frozenset(item.name for item in parameters if item.kind in _REQUIRED and item.default is item.empty)
