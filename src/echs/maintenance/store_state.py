"""Facts about the store that metrics and doctor share: one query each."""

from typing import Any

from sqlalchemy import Select, func, select

from echs.audit import tables as audit_tables
from echs.audit.entry import Action
from echs.cdrs import tables as cdr_tables
from echs.cdrs.pending import stopped
from echs.cdrs.status import Decided
from echs.clearing import tables as clearing_tables
from echs.clearing.unfetched import unfetched
from echs.locations import tables as location_tables
from echs.partners import tables as partner_tables
from echs.tokens import tables as token_tables

LIST_HEADS = {"roaming": token_tables.token_list, "chargepoint": location_tables.charge_point_list}


def waiting_since() -> Select[Any]:
    """When the CDR was received that waits longest: numbers only grow. A rejected one waits for nothing."""
    cdr, uncleared = cdr_tables.cdr, cdr_tables.cdr_uncleared
    first = select(func.min(uncleared.c.cdr_id)).where(uncleared.c.cdr_id.not_in(stopped(Decided.REJECT)))
    return select(cdr.c.received_at).where(cdr.c.id == first.scalar_subquery())


def last_backup() -> Select[Any]:
    """When a backup was last made, as the audit trail has it."""
    entry = audit_tables.audit
    return select(func.max(entry.c.at)).where(entry.c.action == Action.BACKED_UP)


def unfetched_runs() -> Select[Any]:
    """The runs in which active partners receive CDRs and that they have not fetched: whose, and when each was made."""
    party, partner = clearing_tables.clearing_run_party, partner_tables.partner
    return unfetched().join(partner, partner.c.id == party.c.partner_id).where(partner.c.active)
