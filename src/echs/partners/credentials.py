"""What an administrator does with a partner's credentials: add, change, take away."""

from sqlalchemy import Connection, delete, select, update

from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.errors import NOTHING_CHANGED, Refused, refuse, shown
from echs.partners import tables
from echs.partners.credential import Credential, CredentialKind, CredentialReason
from echs.partners.enrolment import audited, check, insert_password
from echs.partners.partner import Partner, party_key, password_problem, user_id_problem
from echs.partners.password import hash_password
from echs.partners.queries import LOCK, find

PASSWORD = tables.credential.c.kind == CredentialKind.PASSWORD


def add(context: Context, user_id: str, name: str, password: str) -> Partner:
    """Let a partner log in with another name and password too.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE; CREDENTIAL_EXISTS where somebody logs in with this name already
    """
    check(user_id_problem(name), password_problem(password))
    secret_hash = hash_password(password)
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        refuse_taken_name(transaction, name)
        insert_password(context, transaction, partner.id, name, secret_hash)
        return audited(context, transaction, Action.CREDENTIAL_ADDED, partner, {"name": name})


def set_password(context: Context, user_id: str, name: str, password: str) -> Partner:
    """Set a new password of one of a partner's credentials, and end the logins that were made with it.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE, CREDENTIAL_UNKNOWN
    """
    check(password_problem(password))
    secret_hash = hash_password(password)
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        number = number_of(transaction, partner, name)
        mine = tables.credential.c.id == number
        transaction.execute(update(tables.credential).where(mine).values(secret_hash=secret_hash))
        end_logins_of(transaction, number)
        return audited(context, transaction, Action.CREDENTIAL_CHANGED, partner, {"name": name})


def remove(context: Context, user_id: str, name: str) -> Partner:
    """Take a credential away, and end the logins that were made with it. A partner keeps the one of its user id.

    :raises Refused: PARTNER_UNKNOWN, CREDENTIAL_UNKNOWN, CREDENTIAL_OWN
    """
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        number = number_of(transaction, partner, name)
        if party_key(name) == party_key(partner.user_id):
            detail = f"{shown(name)} is the partner's user id; echs partner passwd changes its password"
            raise refuse(CredentialReason.CREDENTIAL_OWN, detail, effect=NOTHING_CHANGED)
        # The credential first: a login that is being made with it holds its row.
        transaction.execute(delete(tables.credential).where(tables.credential.c.id == number))
        end_logins_of(transaction, number)
        return audited(context, transaction, Action.CREDENTIAL_REMOVED, partner, {"name": name})


def all_of(context: Context, user_id: str) -> list[Credential]:
    """A partner's credentials, the one of its user id first.

    :raises Refused: PARTNER_UNKNOWN
    """
    table = tables.credential.c
    with context.database.read() as snapshot:
        partner = find(snapshot, user_id)
        query = select(table.name, table.kind, table.created_at).where(table.partner_id == partner.id)
        rows = snapshot.execute(query.order_by(table.id)).all()
    own = party_key(partner.user_id)
    found = [Credential(name, CredentialKind(kind), at, party_key(name) == own) for name, kind, at in rows]
    return sorted(found, key=lambda each: not each.own)


def number_of(transaction: Connection, partner: Partner, name: str) -> int:
    """The row of a partner's credential.

    :raises Refused: CREDENTIAL_UNKNOWN
    """
    table = tables.credential.c
    mine = select(table.id).where(PASSWORD, table.partner_id == partner.id, table.name_key == party_key(name))
    number = transaction.execute(mine).scalar()
    if number is None:
        raise unknown(partner, name)
    return int(number)


def unknown(partner: Partner, name: str) -> Refused:
    """The refusal of a name that the partner does not log in with."""
    detail = f"{shown(partner.user_id)} has no credential {shown(name)}; see: echs partner credential list"
    return refuse(CredentialReason.CREDENTIAL_UNKNOWN, detail, effect=NOTHING_CHANGED)


def refuse_taken_name(transaction: Connection, name: str) -> None:
    """A name is of one credential, and of no other partner's user id.

    :raises Refused: CREDENTIAL_EXISTS
    """
    key = party_key(name)
    taken = select(tables.credential.c.id).where(PASSWORD, tables.credential.c.name_key == key)
    account = select(tables.partner.c.id).where(tables.partner.c.user_key == key)
    if transaction.execute(taken).first() is not None or transaction.execute(account).first() is not None:
        detail = f"somebody logs in with {shown(name)} already"
        raise refuse(CredentialReason.CREDENTIAL_EXISTS, detail, effect=NOTHING_CHANGED)


def end_logins_of(transaction: Connection, number: int) -> None:
    """Every login ends that was made with this credential."""
    transaction.execute(delete(tables.login).where(tables.login.c.credential_id == number))
