"""What an administrator does with partners: add, change, give and take ids, set a password, disable, enable.

Every verb is one transaction. All of them take the same lock, so that two administrators never both give the same id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from echs.audit import trail
from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.errors import NOTHING_CHANGED, Problem, Refused, refuse, shown
from echs.partners import tables
from echs.partners.credential import CredentialKind
from echs.partners.market_ids import SEPARATORS, market_id_problem, market_ids, spelt_market_id
from echs.partners.partner import (
    Answers,
    Group,
    Partner,
    PartnerReason,
    PartyRole,
    UidOrder,
    address_problem,
    first_of,
    hub_problem,
    name_problem,
    party_id_problem,
    party_key,
    password_problem,
    timezone_problem,
    user_id_problem,
    vat_id_problem,
)
from echs.partners.password import hash_password
from echs.partners.queries import LOCK, find
from echs.partners.state_digest import state_of
from echs.partners.visibility import note_owner


@dataclass(frozen=True, slots=True)
class Ownership:
    """Ids to give to a partner or to take from it."""

    operator_ids: Sequence[str] = ()
    provider_ids: Sequence[str] = ()
    hubs: Sequence[int] = ()

    def party_ids(self) -> list[tuple[PartyRole, str]]:
        """The party ids with their kinds, each once."""
        pairs = [(PartyRole.OPERATOR, each) for each in self.operator_ids]
        pairs += [(PartyRole.PROVIDER, each) for each in self.provider_ids]
        return list({(role, party_key(each)): (role, each) for role, each in pairs}.values())

    def facts(self) -> dict[str, object]:
        """The ids as the audit trail holds them."""
        return {"operator": list(self.operator_ids), "provider": list(self.provider_ids), "hubs": list(self.hubs)}

    def problem(self) -> Problem | None:
        """The first id that cannot be one."""
        return first_of([*(party_id_problem(each) for _, each in self.party_ids()), *map(hub_problem, self.hubs)])


def add_partner(
    context: Context,
    user_id: str,
    name: str,
    password: str,
    owns: Ownership,
    *,
    administrator: bool = False,
    navigation: bool = False,
    timezone: str = "UTC",
    address: Sequence[str] = (),
    vat_id: str = "",
    numeric_pins: bool = False,
    shrink_guard: bool = False,
) -> Partner:
    """Enrol a partner.

    :raises Refused: PARTNER_VALUE, PARTNER_EXISTS, PARTY_ID_TAKEN
    """
    check(
        user_id_problem(user_id),
        name_problem(name),
        timezone_problem(timezone),
        password_problem(password),
        address_problem(address),
        vat_id_problem(vat_id),
        owns.problem(),
    )
    password_hash = hash_password(password)
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        refuse_user_id(transaction, user_id, None)
        result = transaction.execute(
            insert(tables.partner).values(
                user_id=user_id,
                user_key=party_key(user_id),
                name=name,
                timezone=timezone,
                active=True,
                created_at=context.clock(),
                address="\n".join(address),
                vat_id=vat_id,
                numeric_pins=numeric_pins,
                shrink_guard=shrink_guard,
            )
        )
        (partner_id,) = result.inserted_primary_key or (0,)
        insert_password(context, transaction, partner_id, user_id, password_hash)
        for group, wanted in ((Group.ADMINISTRATOR, administrator), (Group.NAVIGATION, navigation)):
            if wanted:
                set_group(transaction, partner_id, group, member=True)
        insert_ids(context, transaction, find(transaction, user_id), owns)
        facts: dict[str, object] = {**owns.facts(), "administrator": administrator}
        if address or vat_id:
            facts.update(address="\n".join(address), vat_id=vat_id)
        if navigation:
            facts["navigation"] = True
        if numeric_pins:
            facts["numeric_pins"] = True
        if shrink_guard:
            facts["shrink_guard"] = True
        return audited(context, transaction, Action.PARTNER_ADDED, find(transaction, user_id), facts)


def assign_ids(context: Context, user_id: str, owns: Ownership) -> Partner:
    """Give ids to a partner. What it has already stays; the spelling of an id that it has becomes the new one.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE, PARTY_ID_TAKEN
    """
    check(owns.problem())
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        insert_ids(context, transaction, find(transaction, user_id), owns)
        return audited(context, transaction, Action.PARTNER_GIVEN, find(transaction, user_id), owns.facts())


def revoke_ids(context: Context, user_id: str, owns: Ownership) -> Partner:
    """Take ids from a partner. CDRs that wait for a provider id that nobody owns then are held.

    :raises Refused: PARTNER_UNKNOWN, PARTY_ID_NOT_OWNED
    """
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        for role, party_id in owns.party_ids():
            if not end_ids(context, transaction, partner, role, party_id):
                raise not_owned(user_id, f"{role} id {shown(party_id)}")
        for hub in set(owns.hubs):
            where = (tables.partner_hub.c.partner_id == partner.id) & (tables.partner_hub.c.hub == hub)
            if not transaction.execute(delete(tables.partner_hub).where(where)).rowcount:
                raise not_owned(user_id, f"hub {hub}")
        return audited(context, transaction, Action.PARTNER_TAKEN, find(transaction, user_id), owns.facts())


def not_owned(user_id: str, what: str) -> Refused:
    """The refusal to take what is not there."""
    return refuse(PartnerReason.PARTY_ID_NOT_OWNED, f"{shown(user_id)} does not own {what}; nothing was changed")


def change(
    context: Context,
    user_id: str,
    *,
    name: str | None = None,
    timezone: str | None = None,
    administrator: bool | None = None,
    navigation: bool | None = None,
    address: Sequence[str] | None = None,
    vat_id: str | None = None,
    numeric_pins: bool | None = None,
    shrink_guard: bool | None = None,
    answers: Answers | None = None,
    uid_order: UidOrder | None = None,
) -> Partner:
    """Change what is given and leave the rest. An address without a line, and an empty number for VAT, take it away.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE
    """
    check(
        None if name is None else name_problem(name),
        None if timezone is None else timezone_problem(timezone),
        None if address is None else address_problem(address),
        None if vat_id is None else vat_id_problem(vat_id),
    )
    given = {
        "name": name,
        "timezone": timezone,
        "address": None if address is None else "\n".join(address),
        "vat_id": vat_id,
        "numeric_pins": numeric_pins,
        "shrink_guard": shrink_guard,
        "answers": answers,
        "uid_order": uid_order,
    }
    values = {key: value for key, value in given.items() if value is not None}
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        if values:
            write_values(transaction, partner, values)
        facts: dict[str, object] = dict(values)
        for group, wanted in ((Group.ADMINISTRATOR, administrator), (Group.NAVIGATION, navigation)):
            if wanted is None:
                continue
            facts[group.value] = wanted
            if wanted != (group in partner.groups):
                set_group(transaction, partner.id, group, member=wanted)
        return audited(context, transaction, Action.PARTNER_CHANGED, find(transaction, user_id), facts)


def set_group(transaction: Connection, partner_id: int, group: Group, *, member: bool) -> None:
    """Put a partner into a group that it is not in, or take it out of it."""
    table = tables.partner_group
    if member:
        transaction.execute(insert(table).values(partner_id=partner_id, group_name=group))
    else:
        transaction.execute(delete(table).where(table.c.partner_id == partner_id, table.c.group_name == group))


def decides_itself(context: Context, transaction: Connection, partner: Partner) -> Partner:
    """From now on a partner answers about each CDR for it. The caller holds the lock of the partners alone."""
    values = {"answers": Answers.EXPLICIT}
    write_values(transaction, partner, values)
    return audited(context, transaction, Action.PARTNER_CHANGED, find(transaction, partner.user_id), dict(values))


def write_values(transaction: Connection, partner: Partner, values: Mapping[str, object]) -> None:
    """Write these columns of a partner."""
    transaction.execute(update(tables.partner).where(tables.partner.c.id == partner.id).values(values))


def set_password(context: Context, user_id: str, password: str) -> Partner:
    """Set a new password for the partner's user id, and end every login of the partner.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE
    """
    check(password_problem(password))
    password_hash = hash_password(password)
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        own = own_credential(partner)
        transaction.execute(update(tables.credential).where(own).values(secret_hash=password_hash))
        end_logins(transaction, partner)
        return audited(context, transaction, Action.PARTNER_PASSWORD, partner)


def log_out(context: Context, user_id: str) -> Partner:
    """End every login of a partner, as when a token has leaked; it may log in again.

    :raises Refused: PARTNER_UNKNOWN
    """
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        end_logins(transaction, partner)
        return audited(context, transaction, Action.PARTNER_LOGGED_OUT, partner)


def disable(context: Context, user_id: str) -> Partner:
    """Shut a partner out: its logins end, its lists are no longer given out, its ids are free for others.

    Nothing of it is deleted. CDRs addressed to it are held from now on.

    :raises Refused: PARTNER_UNKNOWN
    """
    return set_active(context, user_id, active=False)


def enable(context: Context, user_id: str) -> Partner:
    """Let a partner in again, with the ids that it had.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_RETIRED, PARTY_ID_TAKEN where another partner has taken one of its ids
    """
    return set_active(context, user_id, active=True)


def set_active(context: Context, user_id: str, *, active: bool) -> Partner:
    """Enable or disable, with the party ids in step."""
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        if active and partner.retired_at is not None:
            detail = f"{shown(partner.user_id)} was retired on {partner.retired_at:%Y-%m-%d} and cannot come back"
            raise refuse(PartnerReason.PARTNER_RETIRED, f"{detail}; add it anew under another user id")
        transaction.execute(update(tables.partner).where(tables.partner.c.id == partner.id).values(active=active))
        if active:
            for role, ids in ((PartyRole.OPERATOR, partner.operator_ids), (PartyRole.PROVIDER, partner.provider_ids)):
                for party_id in ids:
                    refuse_taken(transaction, partner, role, party_id)
        else:
            end_logins(transaction, partner)
        transaction.execute(
            update(tables.party_id).where(tables.party_id.c.partner_id == partner.id).values(active=active)
        )
        note_owner(context, transaction, partner.id, hides=not active)
        action = Action.PARTNER_ENABLED if active else Action.PARTNER_DISABLED
        return audited(context, transaction, action, find(transaction, user_id))


def audited(
    context: Context,
    transaction: Connection,
    action: Action,
    partner: Partner,
    facts: Mapping[str, object] | None = None,
) -> Partner:
    """The partner, when what was done to it is entered into the audit trail, with what it is after that: the last
    step."""
    told = {**(facts or {}), "partner": partner.id, "state": state_of(transaction, partner.id)}
    trail.record(context, transaction, action, f"partner {partner.user_id}", told)
    return partner


def insert_password(context: Context, transaction: Connection, partner_id: int, name: str, secret_hash: str) -> None:
    """Write a name that a partner logs in with from now on, and the hash of its password."""
    row = {"partner_id": partner_id, "kind": CredentialKind.PASSWORD, "name": name, "name_key": party_key(name)}
    values = {**row, "secret_hash": secret_hash, "created_at": context.clock()}
    transaction.execute(insert(tables.credential).values(values))


def own_credential(partner: Partner) -> ColumnElement[bool]:
    """The condition for the credential of a partner's user id."""
    table = tables.credential.c
    return and_(table.partner_id == partner.id, table.name_key == party_key(partner.user_id))


def insert_ids(context: Context, transaction: Connection, partner: Partner, owns: Ownership) -> None:
    """Write the ids that a partner gets; one that it has takes the new spelling."""
    table = tables.party_id
    for role, party_id in owns.party_ids():
        refuse_taken(transaction, partner, role, party_id)
        respelt = update(table).where(own_id(partner, role, party_id)).values(party_id=party_id)
        if transaction.execute(respelt).rowcount:
            continue
        row = {"partner_id": partner.id, "role": role, "party_key": party_key(party_id), "party_id": party_id}
        try:
            transaction.execute(insert(table).values(active=partner.active, since=context.clock(), **row))
        except IntegrityError:
            raise taken(role, party_id, "another partner") from None
    for hub in set(owns.hubs) - set(partner.hubs):
        transaction.execute(insert(tables.partner_hub).values(partner_id=partner.id, hub=hub))


def own_id(partner: Partner, role: PartyRole, party_id: str) -> ColumnElement[bool]:
    """The condition for an id of the partner's, in any spelling."""
    table = tables.party_id.c
    return and_(table.partner_id == partner.id, table.role == role, table.party_key == party_key(party_id))


def end_ids(context: Context, transaction: Connection, partner: Partner, role: PartyRole, party_id: str) -> bool:
    """Take an id from the partner, in any spelling; it goes among those that it had. Whether it was there."""
    return end_where(context, transaction, own_id(partner, role, party_id)) > 0


def end_where(context: Context, transaction: Connection, mine: ColumnElement[bool]) -> int:
    """Take ids from their owners; how many they were."""
    table, former = tables.party_id, tables.party_id_former
    names = ["partner_id", "role", "party_key", "party_id", "market_id", "since"]
    for row in transaction.execute(select(*(table.c[name] for name in names)).where(mine)).all():
        transaction.execute(insert(former).values(until=context.clock(), **row._asdict()))
    return transaction.execute(delete(table).where(mine)).rowcount


def set_market_id(context: Context, user_id: str, role: PartyRole, party_id: str, market_id: str | None) -> Partner:
    """Enter the market id of a party, country and three signs, or with None take it away.

    :raises Refused: PARTNER_UNKNOWN, PARTNER_VALUE, PARTY_ID_NOT_OWNED; PARTY_ID_TAKEN where it is another partner's
    """
    wanted = None if market_id is None else market_id.upper().translate(SEPARATORS)
    check(None if wanted is None else market_id_problem(wanted))
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        partner = find(transaction, user_id)
        refuse_market_id(transaction, partner, role, wanted or spelt_market_id(party_id))
        mine = update(tables.party_id).where(own_id(partner, role, party_id)).values(market_id=wanted)
        if not transaction.execute(mine).rowcount:
            raise not_owned(user_id, f"{role} id {shown(party_id)}")
        facts = {"role": role.value, "party_id": party_id, "market_id": wanted}
        return audited(context, transaction, Action.PARTNER_MARKET_ID, find(transaction, user_id), facts)


def refuse_user_id(transaction: Connection, user_id: str, partner: Partner | None) -> None:
    """A user id is of one partner, and no other partner logs in with it.

    :raises Refused: PARTNER_EXISTS
    """
    key = party_key(user_id)
    by = select(tables.partner.c.id).where(tables.partner.c.user_key == key)
    logs_in = select(tables.credential.c.partner_id).where(tables.credential.c.name_key == key)
    same = partner is not None and key == party_key(partner.user_id)
    for query in (by, logs_in):
        if not same and transaction.execute(query).first() is not None:
            raise refuse(PartnerReason.PARTNER_EXISTS, f"there is a partner {shown(user_id)} already")


def refuse_taken(transaction: Connection, partner: Partner, role: PartyRole, party_id: str) -> None:
    """An id has at most one active owner in each role, and so has the market id that it is spelt as: by that alone a
    record is somebody's in OCHP 1.4.
    """
    query = (
        select(tables.partner.c.user_id)
        .join(tables.party_id, tables.party_id.c.partner_id == tables.partner.c.id)
        .where(
            tables.party_id.c.role == role,
            tables.party_id.c.party_key == party_key(party_id),
            tables.party_id.c.active,
            tables.party_id.c.partner_id != partner.id,
        )
    )
    owner = transaction.execute(query).scalar()
    if owner is not None:
        raise taken(role, party_id, shown(owner))
    refuse_market_id(transaction, partner, role, market_id_of_party(transaction, partner, role, party_id))


def market_id_of_party(transaction: Connection, partner: Partner, role: PartyRole, party_id: str) -> str | None:
    """The market id that an id of a partner has, or would have where it gets it now."""
    entered = select(tables.party_id.c.market_id).where(own_id(partner, role, party_id))
    return transaction.execute(entered).scalar() or spelt_market_id(party_id)


def refuse_market_id(transaction: Connection, partner: Partner, role: PartyRole, market_id: str | None) -> None:
    """A market id has at most one active owner in each role.

    :raises Refused: PARTY_ID_TAKEN
    """
    if market_ids(transaction, role).get(market_id or "", frozenset()) - {partner.id}:
        detail = f"market id {market_id} is another partner's {role} already; nothing was changed"
        raise refuse(PartnerReason.PARTY_ID_TAKEN, detail)


def taken(role: PartyRole, party_id: str, owner: str) -> Refused:
    """The refusal to give an id that somebody has."""
    return refuse(PartnerReason.PARTY_ID_TAKEN, f"{role} id {shown(party_id)} is owned by {owner}; nothing was changed")


def end_logins(transaction: Connection, partner: Partner) -> None:
    """Every login of the partner ends."""
    transaction.execute(delete(tables.login).where(tables.login.c.partner_id == partner.id))


def check(*problems: Problem | None) -> None:
    """Refuse with every problem that there is."""
    found = [problem for problem in problems if problem is not None]
    if found:
        raise Refused(found, effect=NOTHING_CHANGED)
