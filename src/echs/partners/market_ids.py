"""Ids that carry the market id of somebody else: country and three signs, as contract ids and EVSE ids begin.

OCHP 0.2 has no register of market ids. Here one is a partner's where an administrator entered it, or where an id of its
own is spelt so, whatever its separators: the provider id ``NL-TNM`` makes contracts that begin with NL-TNM that
partner's, the operator id ``NLTNM`` EVSE ids that begin with NL*TNM. Of ids such as ``TheNewMotion`` nothing follows.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from echs.base.errors import Problem, Reason, shown
from echs.partners import tables
from echs.partners.partner import Partner, PartnerReason, PartyRole

MARKET_ID = re.compile(r"([A-Z]{2})[-*]?([A-Z0-9]{3})(?:[-*].*|[A-Z0-9].*)?")
SEPARATORS = str.maketrans("", "", "-*")


class ForeignId(Reason):
    """What of an upload is another partner's: a warning, or where the settings say so, a refusal."""

    TOKEN_OF_ANOTHER = "TOKEN_OF_ANOTHER"
    CONTRACT_OF_ANOTHER = "CONTRACT_OF_ANOTHER"
    EVSE_OF_ANOTHER = "EVSE_OF_ANOTHER"


FOREIGN_IDS = frozenset(each.value for each in ForeignId)


def market_id_of(text: str) -> str | None:
    """The market id that an id begins with, without its separator; None where it begins with none."""
    match = MARKET_ID.fullmatch(text.upper())
    return None if match is None else match[1] + match[2]


def market_id_problem(market_id: str) -> Problem | None:
    """Why this cannot be a market id, without its separator, if it cannot."""
    if len(market_id) == 5 and market_id_of(market_id) == market_id:
        return None
    detail = f"{shown(market_id)} is no market id: country and three signs, such as NL*TNM"
    return Problem(PartnerReason.PARTNER_VALUE, detail)


def market_ids(snapshot: Connection, role: PartyRole) -> Mapping[str, frozenset[int]]:
    """The market ids of active partners in this role, each with its owners: those that were entered, and those that an
    id is spelt as, which several may be in different spellings.
    """
    party = tables.party_id
    query = select(party.c.party_id, party.c.market_id, party.c.partner_id).where(party.c.role == role, party.c.active)
    found: dict[str, frozenset[int]] = {}
    for party_id, entered, owner in snapshot.execute(query):
        market_id = entered or spelt_market_id(party_id)
        if market_id is not None:
            found[market_id] = found.get(market_id, frozenset()) | {owner}
    return found


class PartyIds(NamedTuple):
    """The party ids in a role by their market ids, and the market ids of several partners, which are nobody's."""

    by_market_id: Mapping[str, str]
    of_several: frozenset[str]


def party_ids_by_market_id(snapshot: Connection, role: PartyRole, partner_id: int | None = None) -> PartyIds:
    """The party id in this role for each market id, of one partner or of all. Of several of one partner it is the one
    that it has had longest, so that an id that is added changes nothing. Where no active partner has a market id, it is
    that of a disabled one: it may come back.
    """
    party = tables.party_id.c
    query = select(party.party_id, party.market_id, party.partner_id, party.active).where(party.role == role)
    ordered = query.order_by(party.active.desc(), party.since.nulls_first(), party.party_key)
    found: dict[str, str] = {}
    owners: dict[str, tuple[int, bool]] = {}
    several: set[str] = set()
    for party_id, entered, owner, active in snapshot.execute(ordered):
        market_id = entered or spelt_market_id(party_id)
        if market_id is None:
            continue
        first, was_active = owners.setdefault(market_id, (owner, active))
        if first != owner and active == was_active:
            several.add(market_id)
        elif first == owner:
            found.setdefault(market_id, party_id)
    mine = {each for each in found if each not in several and partner_id in (None, owners[each][0])}
    return PartyIds({each: found[each] for each in mine}, frozenset(several))


def market_ids_by_party_key(snapshot: Connection, role: PartyRole) -> dict[str, str]:
    """The market id for each party key in this role, of disabled partners too, and of ids that somebody had: what was
    sent as them is still theirs.
    """
    found: dict[str, str] = {}
    for party in (tables.party_id.c, tables.party_id_former.c):
        query = select(party.party_key, party.party_id, party.market_id).where(party.role == role)
        for key, party_id, entered in snapshot.execute(query):
            market_id = entered or spelt_market_id(party_id)
            if market_id is not None:
                found.setdefault(key, market_id)
    return found


class SameOwner(NamedTuple):
    """An id under which a CDR may have been sent before; of somebody else ``market_id`` says which alone."""

    party_id: str
    market_id: str | None

    def may_be(self, cdr_id: str) -> bool:
        """Whether a CDR with this id may have been sent so."""
        return self.market_id is None or market_id_of(cdr_id) == self.market_id


def own_ids_ever(snapshot: Connection, role: PartyRole, partner_id: int) -> dict[str, SameOwner]:
    """The ids in this role, by their keys, that a partner has or had."""
    found: dict[str, SameOwner] = {}
    for party in (tables.party_id.c, tables.party_id_former.c):
        query = select(party.party_key, party.party_id).where(party.role == role, party.partner_id == partner_id)
        found |= {key: SameOwner(party_id, None) for key, party_id in snapshot.execute(query)}
    return found


def ids_of_same_owner(snapshot: Connection, role: PartyRole, partner_id: int) -> dict[str, SameOwner]:
    """The ids in this role, by their keys, under which what a partner sends may have been sent before: those that it
    has or had, and whosever they are or were, those with a market id that is or was one of its own.
    """
    mine: set[str] = set()
    for party in (tables.party_id.c, tables.party_id_former.c):
        query = select(party.party_id, party.market_id).where(party.role == role, party.partner_id == partner_id)
        found = (entered or spelt_market_id(party_id) for party_id, entered in snapshot.execute(query))
        mine |= {market_id for market_id in found if market_id is not None}
    if not mine:
        return own_ids_ever(snapshot, role, partner_id)
    others: dict[str, SameOwner] = {}
    for party in (tables.party_id.c, tables.party_id_former.c):
        spelt = func.replace(func.replace(func.upper(party.party_id), "-", ""), "*", "")
        same = func.coalesce(party.market_id, spelt).in_(sorted(mine))
        named = select(party.party_key, party.party_id, party.market_id).where(party.role == role, same)
        for key, party_id, entered in snapshot.execute(named):
            market_id = entered or spelt_market_id(party_id)
            if market_id in mine:
                others[key] = SameOwner(party_id, market_id)
    return others | own_ids_ever(snapshot, role, partner_id)


def market_ids_of(partner: Partner, role: PartyRole) -> frozenset[str]:
    """The market ids of a partner in this role: those that were entered, and those that its ids are spelt as."""
    entered = {party_id: market_id for of, party_id, market_id in partner.market_ids if of is role}
    party_ids = partner.provider_ids if role is PartyRole.PROVIDER else partner.operator_ids
    found = (entered.get(party_id) or spelt_market_id(party_id) for party_id in party_ids)
    return frozenset(market_id for market_id in found if market_id is not None)


def spelt_market_id(party_id: str) -> str | None:
    """The market id that an id is spelt as, whatever its separators; None where it is spelt otherwise."""
    text = party_id.upper().translate(SEPARATORS)
    return text if len(text) == 5 and market_id_of(text) == text else None
