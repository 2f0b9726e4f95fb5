"""Client certificates: a partner that has some is known only where one of them is shown.

They are pinned, not looked up: what counts is that the very certificate was handed over and that the client has its
key, which the proxy makes sure of. So nobody needs an authority, and nobody else's authority can let anybody in.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy import Connection, delete, insert, select

from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.errors import refuse, shown
from echs.base.proxy_headers import certificate_fingerprint
from echs.partners import tables
from echs.partners.enrolment import audited
from echs.partners.partner import NAME_LIMIT, Partner, PartnerReason
from echs.partners.queries import LOCK, find

FINGERPRINT_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Certificate:
    """A pinned certificate: its SHA-256, what it is called, and when it ends (UTC)."""

    fingerprint: str
    name: str
    ends_at: datetime
    added_at: datetime


def add(context: Context, user_id: str, pem: str) -> Certificate:
    """Pin a certificate, in PEM. From the first one on the partner is known by its certificates only.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE where it is no certificate, has ended, or is pinned already
    """
    fingerprint = certificate_fingerprint(pem)
    try:
        parsed = x509.load_pem_x509_certificate(pem.encode()) if fingerprint else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise refuse(PartnerReason.PARTNER_VALUE, "the file is not one certificate in PEM")
    now = context.clock()
    ends_at = parsed.not_valid_after_utc
    if ends_at <= now:
        raise refuse(PartnerReason.PARTNER_VALUE, f"the certificate ended on {ends_at:%Y-%m-%d}")
    certificate = Certificate(fingerprint, parsed.subject.rfc4514_string()[:NAME_LIMIT], ends_at, now)
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        if fingerprint in {each.fingerprint for each in of_partner(transaction, partner)}:
            raise refuse(PartnerReason.PARTNER_VALUE, "the certificate is pinned already")
        row = {"fingerprint": fingerprint, "name": certificate.name, "ends_at": ends_at, "added_at": now}
        transaction.execute(insert(tables.partner_certificate).values(partner_id=partner.id, **row))
        audited(
            context, transaction, Action.CERTIFICATE_ADDED, partner, {"fingerprint": fingerprint, "ends_at": ends_at}
        )
    return certificate


def remove(context: Context, user_id: str, beginning: str) -> Certificate:
    """Pin a certificate no more; it is named by at least eight digits from the beginning of its SHA-256.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE where that names none, or several
    """
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        wanted = beginning.strip().lower().replace(":", "")
        meant = [each for each in of_partner(transaction, partner) if each.fingerprint.startswith(wanted)]
        if len(wanted) < FINGERPRINT_PREFIX or len(meant) != 1:
            detail = f"{shown(beginning)} names no certificate of {shown(partner.user_id)}; see: echs partner cert list"
            raise refuse(PartnerReason.PARTNER_VALUE, detail)
        table = tables.partner_certificate
        transaction.execute(
            delete(table).where(table.c.partner_id == partner.id, table.c.fingerprint == meant[0].fingerprint)
        )
        audited(context, transaction, Action.CERTIFICATE_REMOVED, partner, {"fingerprint": meant[0].fingerprint})
    return meant[0]


def all_of(context: Context, user_id: str) -> list[Certificate]:
    """The certificates of a partner, the one that ends first first.

    :raises Refused: PARTNER_UNKNOWN
    """
    with context.database.read() as snapshot:
        return of_partner(snapshot, find(snapshot, user_id))


def of_partner(snapshot: Connection, partner: Partner) -> list[Certificate]:
    """As `all_of`, inside a transaction of the caller's."""
    table = tables.partner_certificate
    query = select(table.c.fingerprint, table.c.name, table.c.ends_at, table.c.added_at)
    rows = snapshot.execute(
        query.where(table.c.partner_id == partner.id).order_by(table.c.ends_at, table.c.fingerprint)
    )
    return [Certificate(*row) for row in rows]
