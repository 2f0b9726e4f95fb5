"""Logins: a partner proves who it is once and is known by a token for a while.

The token is random and only its hash is stored; it works on every worker and host that shares the store. It ends by
time, at a change of password, when it is revoked and when the partner is disabled.
"""

import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from echs.audit.clock import TOLERANCE
from echs.base import request_context, request_gate
from echs.base.context import Context
from echs.base.errors import Reason, Refused, refuse
from echs.base.metrics import Metric
from echs.partners import tables
from echs.partners.credential import CredentialKind
from echs.partners.partner import PASSWORD_LIMIT, USER_ID_LIMIT, Partner, party_key
from echs.partners.password import matches
from echs.partners.queries import LOCK, partner_of_id, partner_of_login
from echs.partners.throttle import Throttle

log = logging.getLogger(__name__)

TOKEN_BYTES = 32
LOGINS_REFUSED = Metric(
    "logins_refused_total",
    "counter",
    ("reason", "user_id"),
    "Failed logins; the user id is set if such a user exists.",
)

# Hashing is slow on purpose: without a bound, a flood of wrong passwords would take every thread and 19 MiB each. So
# many hash at once, and so many more wait for it; who comes then is told at once.
HASHING_SECONDS = 10
_hashing = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))
_waiting = threading.BoundedSemaphore(4)


def limit_waiting(logins: int) -> None:
    """From now on so many logins of this process hash or wait for it: half of the threads, and not all."""
    global _waiting  # noqa: PLW0603 - set once, before the first request
    _waiting = threading.BoundedSemaphore(logins)


class LoginReason(Reason):
    """Why somebody is not known. Logging in again helps for all but the first."""

    LOGIN_REFUSED = "LOGIN_REFUSED"
    LOGIN_TOKEN_MISSING = "LOGIN_TOKEN_MISSING"
    LOGIN_TOKEN_REPEATED = "LOGIN_TOKEN_REPEATED"
    LOGIN_TOKEN_UNKNOWN = "LOGIN_TOKEN_UNKNOWN"
    LOGIN_TOKEN_EXPIRED = "LOGIN_TOKEN_EXPIRED"
    LOGIN_CERTIFICATE = "LOGIN_CERTIFICATE"
    LOGIN_BUSY = "LOGIN_BUSY"
    LOGIN_THROTTLED = "LOGIN_THROTTLED"


def log_in(context: Context, user_id: str, password: str, throttle: Throttle | None = None) -> str:
    """A new login token (64 hexadecimal digits) for the partner with this user id and password.

    Wrong user, wrong password and disabled partner get the same answer at the same cost. ``throttle`` is asked before
    anything is hashed, where there is one.

    :raises Refused: LOGIN_REFUSED, LOGIN_CERTIFICATE, LOGIN_BUSY, LOGIN_THROTTLED
    """
    user_key = key_of_login(user_id, password)
    row, certificates = account_of(context, user_key or "")
    known = None if row is None else Account(row.user_id, row.secret_hash, row.active, certificates)
    prove(context, user_key, password, known, throttle)
    return open_login(context, row)


@dataclass(frozen=True, slots=True)
class Account:
    """What a password is compared with, and the certificates that the partner must show one of."""

    user_id: str
    secret_hash: str
    active: bool
    certificates: Mapping[str, datetime]


def key_of_login(user_id: str, password: str) -> str | None:
    """The key of a user id; None where it or the password can be nobody's."""
    usable = len(user_id) <= USER_ID_LIMIT and len(password) <= PASSWORD_LIMIT and "\0" not in user_id
    return party_key(user_id) if usable else None


def prove(
    context: Context, user_key: str | None, password: str, account: Account | None, throttle: Throttle | None
) -> None:
    """See whether a password is that of an account, None where there is none. ``user_key`` is that of `key_of_login`.

    :raises Refused: LOGIN_REFUSED, LOGIN_CERTIFICATE, LOGIN_BUSY, LOGIN_THROTTLED
    """
    counted, address, now = user_key or "", request_context.current().origin, context.clock().timestamp()
    known = "" if account is None else account.user_id
    wait = 0 if throttle is None else throttle.wait_seconds(address, counted, now)
    if wait:
        note_refused(LoginReason.LOGIN_THROTTLED, known)
        raise refuse(LoginReason.LOGIN_THROTTLED, f"too many failed logins; wait {wait} s and try again")
    right = matches_in_turn("" if user_key is None else password, None if account is None else account.secret_hash)
    if account is None or not right or not account.active:
        if throttle is not None:
            throttle.failed(address, counted, now)
        note_refused(LoginReason.LOGIN_REFUSED, known)
        raise wrong_password()
    show_certificate(context, account)
    request_context.current().actor = known
    if throttle is not None:
        throttle.succeeded(address, counted, now)


def show_certificate(context: Context, account: Account) -> None:
    """As `require_certificate`, and whoever shows none is found again.

    :raises Refused: LOGIN_CERTIFICATE
    """
    try:
        require_certificate(account.certificates, context.clock())
    except Refused:
        note_refused(LoginReason.LOGIN_CERTIFICATE, account.user_id)
        raise


def wrong_password() -> Refused:
    """The refusal of a login; it never says which of the two was wrong."""
    return refuse(LoginReason.LOGIN_REFUSED, "the user id or the password is wrong")


def account_of(context: Context, user_key: str) -> tuple[Any, dict[str, datetime]]:
    """The partner with a credential of this name, and the credential, None where there is none; and the end of each of
    the partner's certificates by its fingerprint.
    """
    partner, credential, pinned = tables.partner, tables.credential, tables.partner_certificate
    columns = (partner.c.id, partner.c.user_id, partner.c.active)
    query = select(*columns, credential.c.id.label("credential_id"), credential.c.secret_hash).join(
        credential, credential.c.partner_id == partner.c.id
    )
    with context.database.read() as snapshot:
        named = query.where(credential.c.kind == CredentialKind.PASSWORD, credential.c.name_key == user_key)
        row = snapshot.execute(named).first()
        mine = select(pinned.c.fingerprint, pinned.c.ends_at).where(pinned.c.partner_id == (row.id if row else 0))
        rows: list[Any] = list(snapshot.execute(mine))
    return row, dict(rows)


def matches_in_turn(password: str, password_hash: str | None) -> bool:
    """As `matches`, when it has its turn: as many at once as there are processors.

    :raises Refused: LOGIN_BUSY where too many wait already, or too long
    """
    request_gate.release()
    if not _waiting.acquire(blocking=False):
        raise login_busy()
    try:
        if not _hashing.acquire(timeout=HASHING_SECONDS):
            raise login_busy()
        try:
            return matches(password, password_hash)
        finally:
            _hashing.release()
    finally:
        _waiting.release()


def login_busy() -> Refused:
    """The refusal of a login that would wait too long."""
    return refuse(LoginReason.LOGIN_BUSY, "too many logins at this moment; send the same request again")


def note_refused(reason: LoginReason, known_user_id: str) -> None:
    """Have a refused login found again: in the log and in the metrics, with the user id where there is such a user.
    What was typed otherwise may be a password in the wrong field, and is never repeated.
    """
    present = request_context.current()
    present.count(LOGINS_REFUSED, reason.value, known_user_id)
    extra = {"user_id": known_user_id, "reason": reason.value, "origin": present.origin}
    log.warning("login refused", extra=extra)


def open_login(context: Context, account: Any) -> str:
    """Store a new login and forget those of the partner that are over or too many; ``account`` is of `account_of`.

    The partner and its credential are looked at once more, under the transaction: a password changed meanwhile, or a
    credential that was taken away, opens nothing.
    """
    token = secrets.token_hex(TOKEN_BYTES)
    now = context.clock()
    partner, credential = tables.partner, tables.credential
    mine = tables.login.c.partner_id == account.id
    with context.database.write() as transaction:
        still = (
            select(partner.c.id)
            .join(credential, credential.c.partner_id == partner.c.id)
            .where(
                partner.c.id == account.id,
                credential.c.id == account.credential_id,
                credential.c.secret_hash == account.secret_hash,
                partner.c.active,
            )
        )
        if transaction.execute(still.with_for_update(key_share=True)).first() is None:
            raise wrong_password()
        transaction.execute(delete(tables.login).where(mine, ended(now, context.limits.login_seconds)))
        surplus = (
            select(tables.login.c.token_hash)
            .where(mine)
            .order_by(tables.login.c.created_at.desc(), tables.login.c.token_hash)
            .offset(context.limits.logins_per_partner - 1)
        )
        hashes = list(transaction.execute(surplus).scalars())
        if hashes:
            transaction.execute(delete(tables.login).where(tables.login.c.token_hash.in_(hashes)))
        transaction.execute(
            insert(tables.login).values(
                token_hash=token_hash(token),
                partner_id=account.id,
                credential_id=account.credential_id,
                created_at=now,
                expires_at=now + timedelta(seconds=context.limits.login_seconds),
            )
        )
    return token


def forget_ended(context: Context) -> int:
    """Delete the logins that have ended, of all partners; how many they were."""
    with context.database.write() as transaction:
        over = ended(context.clock(), context.limits.login_seconds)
        return transaction.execute(delete(tables.login).where(over)).rowcount


def forget_all(context: Context) -> int:
    """End every login of every partner; how many they were."""
    with context.database.write() as transaction:
        return transaction.execute(delete(tables.login)).rowcount


def partner_of_token(context: Context, token: str) -> Partner:
    """The active partner that logged in with this token.

    :raises Refused: LOGIN_TOKEN_MISSING, LOGIN_TOKEN_UNKNOWN, LOGIN_TOKEN_EXPIRED, LOGIN_CERTIFICATE
    """
    if not token:
        raise refuse(LoginReason.LOGIN_TOKEN_MISSING, "the identity header is missing or empty; log in and send it")
    found = partner_of_login(context, token_hash(token))
    if found is None:
        raise unknown_token()
    if not lasts(found.expires_at, context.clock(), context.limits.login_seconds):
        note_refused(LoginReason.LOGIN_TOKEN_EXPIRED, found.partner.user_id)
        raise refuse(LoginReason.LOGIN_TOKEN_EXPIRED, "this login has ended; log in again")
    if not found.partner.active:
        raise unknown_token()
    require_certificate(found.certificates, context.clock())
    return found.partner


def require_certificate(certificates: Mapping[str, datetime], now: datetime) -> None:
    """See whether the client showed one of the certificates of the partner, if it has any.

    :raises Refused: LOGIN_CERTIFICATE
    """
    if not certificates:
        return
    ends_at = certificates.get(request_context.current().certificate)
    if ends_at is None or expired(ends_at, now):
        detail = "this account requires a client certificate; no valid certificate registered for it was presented"
        raise refuse(LoginReason.LOGIN_CERTIFICATE, detail)


def lock_active_partner(context: Context, transaction: Connection, partner: Partner) -> Partner:
    """The partner as it stands inside a transaction, where it stays so: an upload takes time, and a right can end.

    :raises Refused: LOGIN_TOKEN_UNKNOWN where it has been disabled meanwhile
    """
    context.database.lock(transaction, LOCK, shared=True)
    now = partner_of_id(transaction, partner.id)
    if not now.active:
        raise unknown_token()
    return now


def unknown_token() -> Refused:
    """The refusal of a token that opens nothing; never says why."""
    return refuse(LoginReason.LOGIN_TOKEN_UNKNOWN, "the login token is not valid; log in again")


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
