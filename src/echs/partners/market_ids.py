"""Ids that carry the market id of somebody else: country and three signs, as contract ids and EVSE ids begin.

OCHP 0.2 has no register of market ids. Here one is a partner's where an id of its own is spelt so, whatever its
separators: the provider id ``NL-TNM`` makes contracts that begin with NL-TNM that partner's, the operator id ``NLTNM``
EVSE ids that begin with NL*TNM. Of ids such as ``TheNewMotion`` nothing follows.
"""

import re
from collections.abc import Mapping

from sqlalchemy import Connection, select

from echs.base.errors import Reason
from echs.partners import tables
from echs.partners.partner import PartyRole

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


def market_ids(snapshot: Connection, kind: PartyRole) -> Mapping[str, int]:
    """The market ids that are active partners' ids of this kind, each with its owner."""
    party = tables.party_id
    query = select(party.c.party_id, party.c.partner_id).where(party.c.kind == kind, party.c.active)
    spelt = ((party_id.upper().translate(SEPARATORS), owner) for party_id, owner in snapshot.execute(query))
    return {text: owner for text, owner in spelt if len(text) == 5 and market_id_of(text) == text}
