"""Whether what a partner publishes is another partner's: a card or a socket that another list has, a market id that is
somebody else's. OCHP 0.2 has no register to refuse by, so it is a warning, or a refusal where the settings say so.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from echs.base.context import Context
from echs.base.errors import Problem, ProblemCollector
from echs.base.spool import Row
from echs.lists.keyed_list import KeyedList
from echs.lists.list_schema import KeyForm
from echs.partners.market_ids import ForeignId, market_id_of, market_ids
from echs.partners.partner import Partner, PartyRole
from echs.partners.queries import is_active

Rows = Callable[[], Iterator[tuple[int, Row]]]

DETAILS = {
    ForeignId.TOKEN_OF_ANOTHER: "another partner publishes this token already",
    ForeignId.CONTRACT_OF_ANOTHER: "the contract id begins with the market id of another partner",
    ForeignId.EVSE_OF_ANOTHER: (
        "another partner publishes this EVSE already, or its id begins with that one's market id"
    ),
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What of a list may be another's: the key that another list may have and what it is called then, the field at this
    place of a row that carries a market id, of which kind, and what it is called; and how a person finds the record.
    """

    key: KeyForm
    taken: ForeignId
    key_field: str
    place: int
    kind: PartyRole
    market: ForeignId
    market_field: str
    label: Callable[[Row], tuple[str, str] | None]


def compare(
    context: Context, owner: Partner, lists: KeyedList[Any], claims: Claims, rows: Rows, problems: ProblemCollector
) -> Counter[str]:
    """How many records of an upload are another partner's, by the name of the warning. Where the settings say that such
    an upload is refused, each is a problem instead.
    """
    taken = lists.of_others(context, owner.id, claims.key, lambda: keys_of(rows, claims.key), is_active)
    with context.database.read() as snapshot:
        markets = {text for text, by in market_ids(snapshot, claims.kind).items() if by != owner.id}
    found: Counter[str] = Counter()
    if not taken and not markets:
        return found
    for position, row in rows():
        reasons = {}
        if taken and hash(claims.key.of_texts(row)) in taken:
            reasons[claims.taken] = claims.key_field
        if markets and market_id_of(row[claims.place]) in markets:
            reasons.setdefault(claims.market, claims.market_field)
        for reason, field in reasons.items():
            if context.limits.refuse_foreign_ids:
                label = claims.label(row)
                problems.add(Problem(reason, DETAILS[reason], position=position, field=field, label=label))
            else:
                found[reason.value] += 1
    return found


def keys_of(rows: Rows, key: KeyForm) -> set[int]:
    """The numbers of the keys of an upload."""
    return {hash(key.of_texts(row)) for _, row in rows()}
