"""Partners: in step with themselves, and with the rights that an administrator gave them."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import or_, select

from echs.audit.clock import TOLERANCE
from echs.base.errors import shown
from echs.maintenance.checks.view import Found, View
from echs.partners import tables as partner_tables
from echs.partners.connection import ConnectionMode
from echs.partners.connections import connection_count, mode_in
from echs.partners.connections import state_of as state_of_connections
from echs.partners.partner import party_key
from echs.partners.state_digest import state_of

HASH_DIGITS = 64


def in_step(view: View) -> Iterator[Found]:
    """Partners whose ids are not in step with themselves."""
    partner, party = partner_tables.partner, partner_tables.party_id
    for user_id, key in view.snapshot.execute(select(partner.c.user_id, partner.c.user_key)):
        if key != party_key(user_id):
            yield f"partner {shown(user_id)}", "cannot log in: its user id and its normalised form differ"
    for party_id, key in view.snapshot.execute(select(party.c.party_id, party.c.party_key)):
        if key != party_key(party_id):
            yield f"party id {shown(party_id)}", "its normalised form is that of another id"
    out_of_step = select(partner.c.user_id, party.c.party_id).join(party, party.c.partner_id == partner.c.id)
    for user_id, party_id in view.snapshot.execute(out_of_step.where(partner.c.active != party.c.active)):
        yield f"partner {shown(user_id)}", f"its id {shown(party_id)} is enabled and the partner is not, or the reverse"


def rights(view: View) -> Iterator[Found]:
    """Partners that are not what the last thing that was done to them made them, as the audit trail has it."""
    partner, trail = partner_tables.partner.c, view.trail
    rows = view.snapshot.execute(select(partner.id, partner.user_id).order_by(partner.id)).all()
    for partner_id, user_id in rows:
        said, older = trail.partners.get(partner_id), trail.partners.get(party_key(user_id))
        if said is None:
            if older is None and trail.least_added is not None and partner_id > trail.least_added:
                yield f"partner {shown(user_id)}", "not in the audit trail: it was not enrolled with eCHS"
            continue
        if older is not None and older.number > said.number:
            continue  # a release before this one changed it last
        entered = said.facts["state"]
        present = state_of(view.snapshot, partner_id)
        wrong = [part for part, digest in present.items() if entered.get(part, digest) != digest]
        if wrong:
            parts = ", ".join(wrong)
            yield f"partner {shown(user_id)}", f"differs from entry {said.number} of the audit trail: {parts}"
    there = {partner_id for partner_id, _ in rows}
    for partner_id in trail.partners:
        if isinstance(partner_id, int) and partner_id not in there:
            yield f"partner {partner_id}", "missing, although the audit trail has its enrolment"


def connections(view: View) -> Iterator[Found]:
    """Connections that are not what the last thing that was done to any of them made them, as the trail has it."""
    said = view.trail.connections
    if said is None:
        count = connection_count(view.snapshot)
        if count:
            yield "connections", f"{count} stand, and the audit trail has none: they were not entered with eCHS"
        elif mode_in(view.snapshot) is ConnectionMode.CLOSED:
            yield "connections", "the house is closed, and the audit trail does not have that"
    elif state_of_connections(view.snapshot) != said.facts["state"]:
        yield "connections", f"differ from entry {said.number} of the audit trail"


def logins(view: View) -> Iterator[Found]:
    """Logins that nobody can have made: they end before they begin or last longer than any, they are older than what
    ended all of their partner, or their partner is disabled.
    """
    partner, login = partner_tables.partner, partner_tables.login
    for (user_id,) in view.snapshot.execute(
        select(partner.c.user_id)
        .join(login, login.c.partner_id == partner.c.id)
        .where(or_(login.c.expires_at <= login.c.created_at, ~partner.c.active))
    ):
        yield f"login of {shown(user_id)}", "expires before it begins, or its partner is disabled"
    now = view.context.clock()
    longest = timedelta(seconds=view.context.limits.login_seconds) + TOLERANCE
    facts = (partner.c.id, partner.c.user_id, partner.c.created_at, login.c.created_at, login.c.expires_at)
    rows = view.snapshot.execute(
        select(*facts, login.c.token_hash).join(login, login.c.partner_id == partner.c.id).order_by(partner.c.id)
    )
    for partner_id, user_id, enrolled_at, created_at, expires_at, token_hash in rows:
        subject = f"login of {shown(user_id)}"
        # What a wrong clock wrote from the future says nothing about the order.
        ends = [at for at in (enrolled_at, view.trail.logins_ended.get(partner_id)) if at is not None and at <= now]
        if expires_at > now + longest:
            yield subject, f"valid until {expires_at:%Y-%m-%d %H:%M}, longer than the maximum lifetime"
        elif len(token_hash) != HASH_DIGITS or not set(token_hash) <= set("0123456789abcdef"):
            yield subject, "not the hash of a login token: it was inserted by hand"
        elif any(created_at < at - TOLERANCE for at in ends):
            yield subject, "older than the action that ended all logins of the partner"
