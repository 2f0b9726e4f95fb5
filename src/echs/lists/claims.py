"""Whether what a partner publishes is another partner's: a card or a socket that another list has, a market id that is
somebody else's. OCHP 0.2 has no register to refuse by, so it is a warning, or a refusal where the settings say so.
"""

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, select

from echs.base.context import Context
from echs.base.errors import Problem, ProblemCollector
from echs.lists.keyed_list import KeyedList
from echs.lists.list_content import PayloadContent
from echs.lists.list_format import KeyForm
from echs.partners import tables as partner_tables
from echs.partners.connection import ConnectionMode
from echs.partners.connections import mode
from echs.partners.market_ids import ForeignId, market_id_of, market_ids
from echs.partners.partner import Partner, PartyRole
from echs.partners.queries import is_active
from echs.partners.visibility import sees

DETAILS = {
    ForeignId.TOKEN_OF_ANOTHER: "another partner publishes this token already",
    ForeignId.CONTRACT_OF_ANOTHER: "the contract id begins with the market id of another partner",
    ForeignId.EVSE_OF_ANOTHER: (
        "another partner publishes this EVSE already, or its id begins with that one's market id"
    ),
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What of a list may be another's: the key that another list may have, what it is called then and which field it is
    of; and the field with an id that carries a market id, of which role, and what that is called.
    """

    key: KeyForm
    taken: ForeignId
    key_field: str
    role: PartyRole
    market: ForeignId
    market_field: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """How many records of an upload are another partner's, by the name of the warning: all that were found, and those
    that the sender may be told of, since it sees the other's list.
    """

    found: Counter[str]
    told: Counter[str]


@dataclass(frozen=True, slots=True)
class Others:
    """What some other partners have: the numbers of the keys of their lists that an upload has too, and market ids."""

    keys: Set[int]
    markets: Set[str]

    def __bool__(self) -> bool:
        return bool(self.keys or self.markets)

    def have(self, claims: Claims, key: str, carrier: str) -> dict[ForeignId, str]:
        """Why a record is one of theirs: the warnings with their fields."""
        reasons = {}
        if self.keys and hash(key) in self.keys:
            reasons[claims.taken] = claims.key_field
        if self.markets and market_id_of(carrier) in self.markets:
            reasons.setdefault(claims.market, claims.market_field)
        return reasons


def compare(
    context: Context,
    owner: Partner,
    lists: KeyedList,
    claims: Claims,
    upload: PayloadContent,
    problems: ProblemCollector,
) -> Foreign:
    """How many records of an upload are another partner's. Where the settings say that such an upload is refused, each
    that the sender may be told of is a problem instead.
    """
    found: Counter[str] = Counter()
    told: Counter[str] = Counter()
    everybody = others_of(context, owner, lists, claims, upload, is_active)
    if mode(context) is ConnectionMode.OPEN:
        if not everybody:
            return Foreign(found, told)
        visible = everybody
    else:
        # Whatever was found, the same work follows: how long it takes tells nothing of lists that are not seen.
        visible = others_of(context, owner, lists, claims, upload, partial(sees, lists.kind, owner.id))
    for positions, payloads in upload.placed():
        for position, payload, (key, carrier) in zip(positions, payloads, upload.form.claimed(payloads), strict=True):
            found.update(reason.value for reason in everybody.have(claims, key, carrier))
            for reason, field in visible.have(claims, key, carrier).items():
                if context.limits.refuse_foreign_ids:
                    label = upload.form.label(payload)
                    problems.add(Problem(reason, DETAILS[reason], position=position, field=field, label=label))
                else:
                    told[reason.value] += 1
    return Foreign(found, told)


def others_of(
    context: Context,
    owner: Partner,
    lists: KeyedList,
    claims: Claims,
    upload: PayloadContent,
    of: Callable[[Any], ColumnElement[bool]],
) -> Others:
    """What the partners have, but for the owner, whose id fulfils ``of``."""
    taken = lists.of_others(context, owner.id, claims.key, lambda: keys_of(upload), of)
    with context.database.read() as snapshot:
        partner = partner_tables.partner.c
        ids = set(snapshot.execute(select(partner.id).where(of(partner.id), partner.id != owner.id)).scalars())
        owned = market_ids(snapshot, claims.role).items()
        markets = {text for text, owners in owned if owner.id not in owners and owners & ids}
    return Others(taken, markets)


def keys_of(upload: PayloadContent) -> set[int]:
    """The numbers of the keys of an upload."""
    return {hash(key) for payloads in upload.blocks() for key, _ in upload.form.claimed(payloads)}
