"""Assets: names for data that tasks make and that DAGs wait for. What schedules, inlets and outlets say of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .exceptions import DagError
from .location import warn

LONGEST_NAME = 250
LONGEST_URI = 1500
DEFAULT_GROUP = "asset"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class BaseAsset:
    """What can stand in ``schedule=``: combine with ``&`` (all of them) and ``|`` (any of them)."""

    def to_condition(self) -> dict[str, Any]:
        """Return the condition as data: see ``ScheduleSpec.assets``."""
        raise NotImplementedError

    def __and__(self, other: BaseAsset) -> AssetAll:
        return AssetAll(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def __or__(self, other: BaseAsset) -> AssetAny:
        return AssetAny(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def __bool__(self) -> bool:
        return True


class Asset(BaseAsset):
    """Data with a ``name`` and a ``uri``; one of them is enough, the other is the same then.

    ``group`` sorts lists of assets, ``extra`` is a dict of JSON. The uri is a name too: nothing is read from it, and a
    user or password in it is dropped. Raises :class:`DagError` for what cannot be a name.
    """

    def __init__(
        self,
        name: str | None = None,
        uri: Any = None,
        *,
        group: str | None = None,
        extra: Mapping[str, Any] | None = None,
        watchers: Any = None,
    ) -> None:
        if name is None and uri is None:
            raise DagError("Asset() needs a name or a uri, e.g. Asset('sales') or Asset('s3://bucket/sales.csv')")
        if uri is not None and not isinstance(uri, str) and hasattr(uri, "__fspath__"):
            uri = uri.__fspath__()
        checked_uri = _without_user(_identifier("Asset", "uri", uri, LONGEST_URI)) if uri is not None else None
        self.name = _identifier("Asset", "name", _without_user(name) if name else checked_uri or name, LONGEST_NAME)
        self.uri = checked_uri or self.name
        self.group = _identifier(
            f"Asset {self.name!r}", "group", DEFAULT_GROUP if group is None else group, LONGEST_NAME
        )
        self.extra = _extra(f"Asset {self.name!r}", extra)
        if watchers:
            warn(f"Asset {self.name!r}: watchers have no effect in this version")

    def to_data(self) -> dict[str, Any]:
        """Return the asset as inlets and outlets of a task have it."""
        return self._facts()

    def to_condition(self) -> dict[str, Any]:
        """Return the condition that this asset has an event."""
        return {"asset": self._facts()}

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"name": self.name, "uri": self.uri}
        if self.group != DEFAULT_GROUP:
            facts["group"] = self.group
        if self.extra:
            facts["extra"] = dict(self.extra)
        return facts

    @staticmethod
    def ref(*, name: str | None = None, uri: str | None = None) -> AssetRef:
        """Return an inlet that names an asset which another file defines."""
        if (name is None) == (uri is None):
            raise DagError("Asset.ref() takes either name= or uri=")
        return AssetRef(str(name or uri))

    def __fspath__(self) -> str:
        return self.uri

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and (self.name, self.uri) == (other.name, other.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __repr__(self) -> str:
        uri = "" if self.uri == self.name else f", uri={self.uri!r}"
        return f"Asset(name={self.name!r}{uri})"


class AssetRef:
    """An asset that is meant by its name or uri only (an inlet)."""

    def __init__(self, name: str) -> None:
        self.name = _identifier("Asset.ref", "name", name, LONGEST_NAME)

    def to_data(self) -> dict[str, Any]:
        """Return the reference as inlets of a task have it."""
        return {"name": self.name}

    def __repr__(self) -> str:
        return f"Asset.ref(name={self.name!r})"


class AssetAlias(BaseAsset):
    """A name for assets that are known at run time only: the task adds them by ``outlet_events[alias].add(asset)``.

    As a schedule: any event that was added through the alias.
    """

    def __init__(self, name: str, group: str | None = None) -> None:
        self.name = _identifier("AssetAlias", "name", name, LONGEST_NAME)
        self.group = _identifier(
            f"AssetAlias {name!r}", "group", DEFAULT_GROUP if group is None else group, LONGEST_NAME
        )

    def to_data(self) -> dict[str, Any]:
        """Return the alias as outlets of a task have it."""
        return {"alias": self.name}

    def to_condition(self) -> dict[str, Any]:
        """Return the condition that an event came through this alias."""
        return {"alias": self.name}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAlias) and self.name == other.name

    def __hash__(self) -> int:
        return hash(("alias", self.name))

    def __repr__(self) -> str:
        return f"AssetAlias(name={self.name!r})"


class _Several(BaseAsset):
    """Conditions taken together."""

    word = ""

    def __init__(self, *objects: BaseAsset) -> None:
        if not objects:
            raise DagError(f"{type(self).__name__}() needs at least one asset")
        for item in objects:
            if not isinstance(item, BaseAsset):
                raise DagError(f"{type(self).__name__} takes assets, not {item!r}")
        self.objects = [*self._flat(objects)]

    def _flat(self, objects: tuple[BaseAsset, ...]) -> Iterator[BaseAsset]:
        for item in objects:
            if type(item) is type(self):
                yield from item.objects
            else:
                yield item

    def to_condition(self) -> dict[str, Any]:
        """Return the condition as data."""
        return {self.word: [item.to_condition() for item in self.objects]}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.objects))})"


class AssetAll(_Several):
    """All of these assets had an event since the last run: what ``a & b`` and a list in ``schedule=`` mean."""

    word = "all"


class AssetAny(_Several):
    """One of these assets had an event: what ``a | b`` means."""

    word = "any"


class Metadata:
    """What a task function may ``yield`` to say something of an outlet: ``extra`` goes into the event of ``asset``.

    ``alias``: the event of ``asset`` is added through this alias.
    """

    def __init__(self, asset: Asset, extra: Mapping[str, Any] | None = None, alias: AssetAlias | str | None = None):
        if not isinstance(asset, Asset):
            raise TypeError(f"Metadata takes an Asset, not {asset!r}")
        self.asset = asset
        self.extra = dict(extra or {})
        self.alias = AssetAlias(alias) if isinstance(alias, str) else alias

    def note(self, outlet_events: Mapping[Any, Any]) -> None:
        """Write this into the ``outlet_events`` of the running task. KeyError if it has no such outlet."""
        if self.alias is None:
            outlet_events[self.asset].extra.update(self.extra)
        else:
            outlet_events[self.alias].add(self.asset, extra=self.extra)


def take_metadata(results: Iterator[Any], outlet_events: Mapping[Any, Any]) -> Any:
    """Run a task's generator to its end and return what it returns; each :class:`Metadata` goes to ``outlet_events``.

    TypeError for anything else that it yields.
    """
    while True:
        try:
            item = next(results)
        except StopIteration as end:
            return end.value
        if not isinstance(item, Metadata):
            raise TypeError(f"a task yields Metadata(asset, extra) only, not {item!r:.100}: return a value instead")
        item.note(outlet_events)


class Dataset(Asset):
    """The old name of :class:`Asset`."""

    def __init__(self, uri: Any, extra: Mapping[str, Any] | None = None) -> None:
        warn(f"Dataset is the old name of Asset: write Asset({uri!r})")
        super().__init__(uri=uri, extra=extra)


class DatasetAlias(AssetAlias):
    """The old name of :class:`AssetAlias`."""

    def __init__(self, name: str, group: str | None = None) -> None:
        warn(f"DatasetAlias is the old name of AssetAlias: write AssetAlias({name!r})")
        super().__init__(name, group)


DatasetAll = AssetAll
DatasetAny = AssetAny


def _identifier(where: str, what: str, value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise DagError(f"{where}: {what} must be text, not {value!r}")
    if not value.strip() or not value.isprintable() or len(value) > longest:
        raise DagError(f"{where}: {what} must be 1 to {longest} printable characters, not {value[:100]!r}")
    if value.strip() != value:
        raise DagError(f"{where}: {what} {value[:100]!r} begins or ends with a space")
    return value


def _without_user(uri: Any) -> Any:
    """Return ``uri`` without user and password, which do not belong into a name that everybody sees."""
    if not isinstance(uri, str) or not _SCHEME.match(uri):
        return uri
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    warn("Asset: a uri must not have a user or password in it: they are dropped")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _extra(where: str, extra: Any) -> dict[str, Any]:
    if extra is None:
        return {}
    if not isinstance(extra, Mapping) or not all(isinstance(name, str) for name in extra):
        raise DagError(f"{where}: extra must be a dict with texts as keys, not {extra!r}")
    try:
        json.dumps(dict(extra), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DagError(f"{where}: extra must be plain JSON: {error}") from None
    return dict(extra)
