"""What the audit trail holds of a partner after each change: a digest of each part of its state.

So nobody can change, in the store alone, who a partner is, what it owns, what it may, or by what it is known, without
`echs verify` naming it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from echs.base.digest import digest_of_rows
from echs.partners import tables

DIGITS = 32

_partner, _party = tables.partner.c, tables.party_id.c
_certificate, _credential = tables.partner_certificate.c, tables.credential.c
_former = tables.party_id_former.c

# A digest that was entered once is compared for ever: what these name may grow by parts, but no part may change.
PARTS: Mapping[str, tuple[Any, ...]] = {
    "account": (
        _partner.user_id,
        _partner.user_key,
        _partner.name,
        _partner.timezone,
        _partner.active,
        _partner.created_at,
        _partner.numeric_pins,
        _partner.retired_at,
    ),
    "address": (_partner.address, _partner.vat_id),
    "lists": (_partner.shrink_guard,),
    "answers": (_partner.answers,),
    "uid_order": (_partner.uid_order,),
    "password": (_credential.secret_hash,),
    "credentials": (_credential.kind, _credential.name, _credential.name_key, _credential.created_at),
    "groups": (tables.partner_group.c.group_name,),
    "ids": (_party.role, _party.party_key, _party.party_id, _party.active),
    "market_ids": (_party.role, _party.party_key, _party.market_id, _party.since),
    "former_ids": (_former.role, _former.party_key, _former.party_id, _former.market_id, _former.since, _former.until),
    "hubs": (tables.partner_hub.c.hub,),
    "certificates": (_certificate.fingerprint, _certificate.name, _certificate.ends_at, _certificate.added_at),
}


def state_of(snapshot: Connection, partner_id: int) -> dict[str, str]:
    """The digest of each part of a partner's state, by the name of the part. It is a hash of a hash that stands for the
    password, and says nothing about it.
    """
    found = {}
    for part, columns in PARTS.items():
        table = columns[0].table
        owner = table.c.id if table is tables.partner else table.c.partner_id
        rows = snapshot.execute(select(*columns).where(owner == partner_id)).all()
        found[part] = digest_of_rows(sorted(map(tuple, rows), key=sortable))[:DIGITS]
    return found


def sortable(row: Any) -> tuple[tuple[bool, Any], ...]:
    """A row of values that can be null, to be sorted by."""
    return tuple((value is not None, value if value is not None else 0) for value in row)
