"""The only token of a contract: for CDRs of OCHP 0.2 that name no card. Of several, none is as good as another."""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from echs.base import deadline
from echs.config.app_context import AppContext
from echs.lists.list_writer import ListState
from echs.lists.withheld import Withheld
from echs.partners.queries import owners_of_provider_keys
from echs.partners.standard_ids import contract_spellings
from echs.protocols.ochp14.list_changes import ROWS_AT_ONCE, Lists, visible_lists
from echs.protocols.ochp14.token_format import TokenRecord, record_of
from echs.tokens.tables import token
from echs.tokens.token_list import CONTRACT, TOKENS


class ContractTokens:
    """The tokens of contracts in the lists that a reader sees. A list is gone through once, and not before one of its
    contracts is asked for: no index finds a contract, since every upload of a list would pay for it.
    """

    def __init__(self, context: AppContext, reader_id: int) -> None:
        self._context, self._reader_id = context, reader_id
        self._lists: Lists | None = None
        self._indexes: dict[int, tuple[array[int], array[int]]] = {}

    def only_ones(self, cdrs: Sequence[Any]) -> Mapping[int, TokenRecord]:
        """The only token of the contract of each of these rows of CDRs, by the number of the row."""
        wanted: dict[str, dict[int, frozenset[str]]] = defaultdict(dict)
        for row in cdrs:
            wanted[row.provider_key][row.id] = contract_spellings(row.contract_id)
        found: dict[int, TokenRecord] = {}
        if not wanted:
            return found
        with self._context.database.read() as snapshot:
            self._lists = self._lists or visible_lists(self._context, TOKENS, self._reader_id, snapshot)
            for key, owner_id in owners_of_provider_keys(snapshot, wanted).items():
                state = self._lists.get(owner_id)
                if state is None:
                    continue
                spelt = {each for spellings in wanted[key].values() for each in spellings}
                if TOKENS.keyed.contained_in(snapshot, owner_id, CONTRACT, spelt):
                    found |= self._in_list(snapshot, state, wanted[key])
        return found

    def _in_list(
        self, snapshot: Connection, state: ListState, wanted: Mapping[int, frozenset[str]]
    ) -> dict[int, TokenRecord]:
        """The only tokens of contracts in a list, by what they are wanted for."""
        places = {number: self._places(snapshot, state, spellings) for number, spellings in wanted.items()}
        table, rows = token.c, {}
        at = sorted({place for some in places.values() for place in some})
        for start in range(0, len(at), ROWS_AT_ONCE):
            some = TOKENS.keyed.standing(state), table.position.in_(at[start : start + ROWS_AT_ONCE])
            for row in snapshot.execute(
                select(table.position, table.contract_key, table.protocol, table.payload).where(*some)
            ):
                rows[row.position] = row
        found: dict[int, TokenRecord] = {}
        for number, spellings in wanted.items():
            same = [rows[place] for place in places[number] if place in rows]
            same = [row for row in same if row.contract_key in spellings]
            if len(same) == 1:
                (noun,) = self._context.formats.tokens[same[0].protocol].nouns([same[0].payload], state.owner)
                record = record_of(noun, state.owner)
                if not isinstance(record, Withheld):
                    found[number] = record
        return found

    def _places(self, snapshot: Connection, state: ListState, spellings: frozenset[str]) -> list[int]:
        """Where tokens of this contract may stand in a list; a few others may be among them."""
        if state.owner_id not in self._indexes:
            self._indexes[state.owner_id] = index_of(snapshot, state)
        numbers, positions = self._indexes[state.owner_id]
        found: list[int] = []
        for spelling in spellings:
            number = hash(spelling)
            found += positions[bisect_left(numbers, number) : bisect_right(numbers, number)]
        return found


def index_of(snapshot: Connection, state: ListState) -> tuple["array[int]", "array[int]"]:
    """The numbers of the contracts of a list, sorted, and beside each the position of its token."""
    numbers, positions = array("q"), array("q")
    query = select(token.c.position, token.c.contract_key).where(TOKENS.keyed.standing(state))
    for some in snapshot.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).partitions():
        deadline.check()
        numbers.extend([hash(key) for _, key in some])
        positions.extend([position for position, _ in some])
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    return array("q", [numbers[place] for place in order]), array("q", [positions[place] for place in order])
