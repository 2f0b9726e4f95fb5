"""Logins: a partner proves who it is once and is known by a token for a while.

The token is random and only its hash is stored; it works on every worker and host that shares the store. It ends by
time, at a change of password, when it is revoked and when the partner is disabled.
"""

import hashlib
import os
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from echs.audit.clock import TOLERANCE
from echs.base import trace, turn
from echs.base.errors import Reason, Refused, refuse
from echs.base.ground import Ground
from echs.partners import tables
from echs.partners.partner import PASSWORD_LIMIT, USER_ID_LIMIT, Partner, party_key
from echs.partners.password import matches
from echs.partners.register import LOCK, load, partner_of_login

TOKEN_BYTES = 32

# Hashing is slow on purpose: without a bound, a flood of wrong passwords would take every thread and 19 MiB each.
HASHING_SECONDS = 10
_hashing = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))


class LoginReason(Reason):
    """Why somebody is not known. Logging in again helps for all but the first."""

    LOGIN_REFUSED = "LOGIN_REFUSED"
    LOGIN_TOKEN_MISSING = "LOGIN_TOKEN_MISSING"
    LOGIN_TOKEN_REPEATED = "LOGIN_TOKEN_REPEATED"
    LOGIN_TOKEN_UNKNOWN = "LOGIN_TOKEN_UNKNOWN"
    LOGIN_TOKEN_EXPIRED = "LOGIN_TOKEN_EXPIRED"
    LOGIN_CERTIFICATE = "LOGIN_CERTIFICATE"
    LOGIN_BUSY = "LOGIN_BUSY"


def log_in(ground: Ground, user_id: str, password: str) -> str:
    """A new login token (64 hexadecimal digits) for the partner with this user id and password.

    Wrong user, wrong password and disabled partner get the same answer at the same cost.

    :raises Refused: LOGIN_REFUSED, LOGIN_CERTIFICATE, LOGIN_BUSY
    """
    usable = len(user_id) <= USER_ID_LIMIT and len(password) <= PASSWORD_LIMIT and "\0" not in user_id
    with ground.database.read() as snapshot:
        query = select(
            tables.partner.c.id, tables.partner.c.user_id, tables.partner.c.password_hash, tables.partner.c.active
        )
        row = snapshot.execute(query.where(tables.partner.c.user_key == party_key(user_id if usable else ""))).first()
        pinned = tables.partner_certificate
        mine = select(pinned.c.mark, pinned.c.ends_at).where(pinned.c.partner_id == (row.id if row else 0))
        rows: list[Any] = list(snapshot.execute(mine))
        certificates: dict[str, datetime] = dict(rows)
    turn.stand_aside()
    if not _hashing.acquire(timeout=HASHING_SECONDS):
        raise refuse(LoginReason.LOGIN_BUSY, "too many logins at this moment; send the same request again")
    try:
        right = matches(password if usable else "", row.password_hash if row is not None else None)
    finally:
        _hashing.release()
    if row is None or not right or not row.active:
        raise refuse(LoginReason.LOGIN_REFUSED, "the user id or the password is wrong")
    look_at_certificate(certificates, ground.clock())
    trace.current().actor = row.user_id
    return open_login(ground, row.id, row.password_hash)


def open_login(ground: Ground, partner_id: int, password_hash: str) -> str:
    """Store a new login and forget those of the partner that are over or too many.

    The partner is looked at once more, under the transaction: a password changed meanwhile opens nothing.
    """
    token = secrets.token_hex(TOKEN_BYTES)
    now = ground.clock()
    mine = tables.login.c.partner_id == partner_id
    with ground.database.write() as transaction:
        still = select(tables.partner.c.id).where(
            tables.partner.c.id == partner_id,
            tables.partner.c.password_hash == password_hash,
            tables.partner.c.active,
        )
        if transaction.execute(still.with_for_update(key_share=True)).first() is None:
            raise refuse(LoginReason.LOGIN_REFUSED, "the user id or the password is wrong")
        transaction.execute(delete(tables.login).where(mine, ended(now, ground.limits.login_seconds)))
        surplus = (
            select(tables.login.c.token_hash)
            .where(mine)
            .order_by(tables.login.c.created_at.desc(), tables.login.c.token_hash)
            .offset(ground.limits.logins_per_partner - 1)
        )
        hashes = list(transaction.execute(surplus).scalars())
        if hashes:
            transaction.execute(delete(tables.login).where(tables.login.c.token_hash.in_(hashes)))
        transaction.execute(
            insert(tables.login).values(
                token_hash=token_hash(token),
                partner_id=partner_id,
                created_at=now,
                expires_at=now + timedelta(seconds=ground.limits.login_seconds),
            )
        )
    return token


def forget_ended(ground: Ground) -> int:
    """Delete the logins that have ended, of all partners; how many they were."""
    with ground.database.write() as transaction:
        over = ended(ground.clock(), ground.limits.login_seconds)
        return transaction.execute(delete(tables.login).where(over)).rowcount


def forget_all(ground: Ground) -> int:
    """End every login of every partner; how many they were."""
    with ground.database.write() as transaction:
        return transaction.execute(delete(tables.login)).rowcount


def partner_of_token(ground: Ground, token: str) -> Partner:
    """The active partner that logged in with this token.

    :raises Refused: LOGIN_TOKEN_MISSING, LOGIN_TOKEN_UNKNOWN, LOGIN_TOKEN_EXPIRED, LOGIN_CERTIFICATE
    """
    if not token:
        raise refuse(LoginReason.LOGIN_TOKEN_MISSING, "the identity header is missing or empty; log in and send it")
    found = partner_of_login(ground, token_hash(token))
    if found is None:
        raise unknown_token()
    if not lasts(found.expires_at, ground.clock(), ground.limits.login_seconds):
        raise refuse(LoginReason.LOGIN_TOKEN_EXPIRED, "this login has ended; log in again")
    if not found.partner.active:
        raise unknown_token()
    look_at_certificate(found.certificates, ground.clock())
    return found.partner


def look_at_certificate(certificates: Mapping[str, datetime], now: datetime) -> None:
    """See whether the client showed one of the certificates of the partner, if it has any.

    :raises Refused: LOGIN_CERTIFICATE
    """
    if not certificates:
        return
    ends_at = certificates.get(trace.current().certificate)
    if ends_at is None or expired(ends_at, now):
        detail = "this partner is known by a client certificate, and none of its own that is valid was shown"
        raise refuse(LoginReason.LOGIN_CERTIFICATE, detail)


def confirm(ground: Ground, transaction: Connection, partner: Partner) -> Partner:
    """The partner as it stands inside a transaction, where it stays so: an upload takes time, and a right can end.

    :raises Refused: LOGIN_TOKEN_UNKNOWN where it has been disabled meanwhile
    """
    ground.database.lock(transaction, LOCK, shared=True)
    (now,) = load(transaction, tables.partner.c.id == partner.id)
    if not now.active:
        raise unknown_token()
    return now


def unknown_token() -> Refused:
    """The refusal of a token that opens nothing; never says why."""
    return refuse(LoginReason.LOGIN_TOKEN_UNKNOWN, "this login is not known; log in again")


def lasts(expires_at: datetime, now: datetime, life_seconds: int) -> bool:
    """Whether a login is not over. One that would last longer than one that is made now was made by a wrong clock, by
    hand, or under a longer life: its end is not believed.
    """
    return now < expires_at <= now + timedelta(seconds=life_seconds) + TOLERANCE


def ended(now: datetime, life_seconds: int) -> ColumnElement[bool]:
    """The condition for the logins that are over, as `lasts` has it."""
    end = tables.login.c.expires_at
    return or_(end <= now, end > now + timedelta(seconds=life_seconds) + TOLERANCE)


def expired(expires_at: datetime, now: datetime) -> bool:
    """Whether a login is over; at the very second it is."""
    return now >= expires_at


def token_hash(token: str) -> str:
    """What is stored of a token. It is random, so a plain SHA-256 cannot be turned back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
