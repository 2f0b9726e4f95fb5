"""Queries that are compiled once for each kind of store."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Dialect, Select


class PreparedQuery:
    """A query that is made with every request: compiled once for each kind of store, not once a time.

    Its answers are as the driver gives them; `Database.as_instant` reads an instant.
    """

    def __init__(self, query: Select[Any] | CompoundSelect[Any]) -> None:
        self._query = query
        self._compiled: dict[str, Any] = {}

    def for_driver(
        self, dialect: Dialect, values: Mapping[str, object]
    ) -> tuple[str, Sequence[Any] | Mapping[str, Any]]:
        """The statement and its values as the driver of this dialect wants them."""
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled: Any = self._query.compile(dialect=dialect)
            names = compiled.positiontup if compiled.positional else None
            known = self._compiled[dialect.name] = compiled.string, names, compiled.construct_params(values)
        statement, names, defaults = known
        given = {**defaults, **values}
        return statement, given if names is None else [given[name] for name in names]
