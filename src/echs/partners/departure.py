"""A user id that changes, and a partner that leaves for good."""

from sqlalchemy import delete, update

from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.errors import refuse, shown
from echs.partners import tables
from echs.partners.enrolment import audited, check, end_logins, end_where, own_credential, refuse_user_id
from echs.partners.partner import Partner, PartnerReason, party_key, user_id_problem
from echs.partners.queries import LOCK, find
from echs.partners.visibility import note_owner


def rename(context: Context, user_id: str, new: str) -> Partner:
    """Give a partner another user id: from now on it logs in with that one. Its logins go on; runs of the past, and
    their statements, keep the old one.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE, PARTNER_EXISTS
    """
    check(user_id_problem(new))
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        refuse_user_id(transaction, new, partner)
        named = {"name": new, "name_key": party_key(new)}
        transaction.execute(update(tables.credential).where(own_credential(partner)).values(named))
        values = {"user_id": new, "user_key": party_key(new)}
        transaction.execute(update(tables.partner).where(tables.partner.c.id == partner.id).values(values))
        return audited(
            context, transaction, Action.PARTNER_RENAMED, find(transaction, new), {"before": partner.user_id}
        )


def retire(context: Context, user_id: str) -> Partner:
    """Let a partner go for good: it is disabled and can never be enabled again.

    Its logins end; its ids, hub numbers and certificates are given up. What it did stays: its CDRs, its runs and
    their statements.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_RETIRED
    """
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        if partner.retired_at is not None:
            detail = f"{shown(partner.user_id)} was retired on {partner.retired_at:%Y-%m-%d}; nothing was changed"
            raise refuse(PartnerReason.PARTNER_RETIRED, detail)
        values = {"active": False, "retired_at": context.clock()}
        transaction.execute(update(tables.partner).where(tables.partner.c.id == partner.id).values(values))
        end_logins(transaction, partner)
        end_where(context, transaction, tables.party_id.c.partner_id == partner.id)
        for table in (tables.partner_hub, tables.partner_certificate, tables.partner_group):
            transaction.execute(delete(table).where(table.c.partner_id == partner.id))
        if partner.active:
            note_owner(context, transaction, partner.id, hides=True)
        facts = {"operator": list(partner.operator_ids), "provider": list(partner.provider_ids), "hubs": partner.hubs}
        return audited(context, transaction, Action.PARTNER_RETIRED, find(transaction, user_id), facts)
