"""The register of partners, read: one partner, all partners, who owns an id."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    literal_column,
    null,
    select,
    union_all,
)

from echs.base.context import Context
from echs.base.database import Database
from echs.base.errors import Refused, refuse, shown
from echs.base.prepared_query import PreparedQuery
from echs.partners import tables
from echs.partners.credential import CredentialKind
from echs.partners.partner import Answers, Group, Partner, PartnerReason, PartyRole, UidOrder, party_key

# Held by whoever changes partners, and shared by whoever relies on one to stay as it is for a transaction.
LOCK = "partners"
IDS_AT_ONCE = 500
# Made once: SQLAlchemy then keeps how each is compiled, and these are asked with every upload of CDRs.
PARTNERS = select(tables.partner).order_by(tables.partner.c.id)
PARTNER = PARTNERS.where(tables.partner.c.id == bindparam("partner_id"))
UID_ORDER = select(tables.partner.c.uid_order).where(tables.partner.c.id == bindparam("partner_id"))
_ids: Any = bindparam("ids", expanding=True)
GROUPS = select(tables.partner_group.c.partner_id, tables.partner_group.c.group_name).where(
    tables.partner_group.c.partner_id.in_(_ids)
)
HUBS = select(tables.partner_hub.c.partner_id, tables.partner_hub.c.hub).where(
    tables.partner_hub.c.partner_id.in_(_ids)
)
PARTY_IDS = select(tables.party_id).where(tables.party_id.c.partner_id.in_(_ids)).order_by(tables.party_id.c.party_key)
OWNERS_OF_PROVIDER_KEYS = select(tables.party_id.c.party_key, tables.party_id.c.partner_id).where(
    tables.party_id.c.role == PartyRole.PROVIDER,
    tables.party_id.c.active,
    tables.party_id.c.party_key.in_(bindparam("keys", expanding=True)),
)


def all_partners(context: Context) -> list[Partner]:
    """Every partner, in the order of enrolment."""
    with context.database.read() as snapshot:
        return load(snapshot)


def partner_of_user(context: Context, user_id: str) -> Partner:
    """The partner with this user id.

    :raises Refused: PARTNER_UNKNOWN
    """
    with context.database.read() as snapshot:
        return find(snapshot, user_id)


def find(snapshot: Connection, user_id: str) -> Partner:
    """As `partner_of_user`, inside a transaction of the caller's."""
    found = load(snapshot, tables.partner.c.user_key == party_key(user_id))
    if not found:
        raise unknown(user_id)
    return found[0]


def unknown(user_id: str) -> Refused:
    """The refusal for a user id that nobody has."""
    return refuse(PartnerReason.PARTNER_UNKNOWN, f"there is no partner {shown(user_id)}; see: echs partner list")


def load(snapshot: Connection, where: ColumnElement[bool] | None = None) -> list[Partner]:
    """The partners that match, whole, in the order of enrolment."""
    return whole(snapshot, snapshot.execute(PARTNERS if where is None else PARTNERS.where(where)).all())


def partner_of_id(snapshot: Connection, partner_id: int) -> Partner:
    """The partner of this number, which there is."""
    (found,) = whole(snapshot, snapshot.execute(PARTNER, {"partner_id": partner_id}).all())
    return found


def whole(snapshot: Connection, rows: Sequence[Any]) -> list[Partner]:
    """Partners with everything that they have."""
    among = {"ids": [row.id for row in rows]}
    groups, hubs = grouped(snapshot.execute(GROUPS, among)), grouped(snapshot.execute(HUBS, among))
    owned: dict[tuple[int, str], list[str]] = defaultdict(list)
    entered: dict[int, list[tuple[PartyRole, str, str]]] = defaultdict(list)
    for row in snapshot.execute(PARTY_IDS, among):
        owned[row.partner_id, row.role].append(row.party_id)
        if row.market_id is not None:
            entered[row.partner_id].append((PartyRole(row.role), row.party_id, row.market_id))
    return [
        Partner(
            id=row.id,
            user_id=row.user_id,
            name=row.name,
            timezone=row.timezone,
            active=row.active,
            created_at=row.created_at,
            groups=frozenset(map(Group, groups[row.id])),
            operator_ids=tuple(owned[row.id, PartyRole.OPERATOR]),
            provider_ids=tuple(owned[row.id, PartyRole.PROVIDER]),
            hubs=tuple(sorted(hubs[row.id])),
            address=row.address,
            vat_id=row.vat_id,
            retired_at=row.retired_at,
            numeric_pins=row.numeric_pins,
            shrink_guard=row.shrink_guard,
            answers=Answers(row.answers),
            uid_order=UidOrder(row.uid_order),
            market_ids=tuple(entered[row.id]),
        )
        for row in rows
    ]


def facts_of(mine: ScalarSelect[int], who: Sequence[Select[Any]]) -> CompoundSelect[Any]:
    """Everything about a partner as one statement, so that it is from one instant: the rows of ``who``, which say of
    what they are and who it is, and one for each thing that the partner ``mine`` has. Columns: what it is, three texts,
    a number, two flags, two instants.
    """
    party, nothing = tables.party_id, null()

    def thing(what: Any, table: Any, text: Any, key: Any, number: Any, until: Any = nothing) -> Select[Any]:
        columns = (what, text, key, nothing, number, nothing, nothing, nothing, until)
        return select(*columns).where(table.c.partner_id == mine)

    group, hub, certificate = tables.partner_group, tables.partner_hub, tables.partner_certificate
    return union_all(
        *who,
        thing(literal_column("'group'"), group, group.c.group_name, nothing, nothing),
        thing(literal_column("'hub'"), hub, nothing, nothing, hub.c.hub),
        select(party.c.role, party.c.party_id, party.c.party_key, party.c.market_id, *[nothing] * 5).where(
            party.c.partner_id == mine
        ),
        thing(
            literal_column("'certificate'"),
            certificate,
            certificate.c.fingerprint,
            nothing,
            nothing,
            certificate.c.ends_at,
        ),
    )


def partner_row(until: Any) -> Select[Any]:
    """A partner as a row of `facts_of`, with the end of whatever it is known by."""
    partner = tables.partner
    return select(
        literal_column("'partner'"),
        partner.c.user_id,
        partner.c.name,
        partner.c.timezone,
        partner.c.id,
        partner.c.active,
        partner.c.numeric_pins,
        partner.c.created_at,
        until,
    )


def facts_of_login() -> CompoundSelect[Any]:
    """`facts_of` the partner of a login."""
    login, partner = tables.login, tables.partner
    this = login.c.token_hash == bindparam("token_hash")
    who = partner_row(login.c.expires_at).join(login, login.c.partner_id == partner.c.id).where(this)
    return facts_of(select(login.c.partner_id).where(this).scalar_subquery(), [who])


def facts_of_credential() -> CompoundSelect[Any]:
    """`facts_of` the partner of a password, by the name that goes with it; and what is stored of the password."""
    credential, partner, nothing = tables.credential, tables.partner, null()
    this = and_(credential.c.kind == CredentialKind.PASSWORD.value, credential.c.name_key == bindparam("name_key"))
    who = partner_row(partner.c.created_at).join(credential, credential.c.partner_id == partner.c.id).where(this)
    kept = select(
        literal_column("'credential'"), credential.c.secret_hash, nothing, nothing, credential.c.id, *[nothing] * 4
    ).where(this)
    return facts_of(select(credential.c.partner_id).where(this).scalar_subquery(), [who, kept])


FACTS_OF_LOGIN = PreparedQuery(facts_of_login())
FACTS_OF_CREDENTIAL = PreparedQuery(facts_of_credential())

# By what it is, the rows of `facts_of` without that.
Facts = Mapping[str, Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who logged in, until when, and the certificates that it must show one of, with the end of each; none where it has
    none."""

    partner: Partner
    expires_at: datetime
    certificates: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class KnownByPassword:
    """Whose a password is, what is stored of it, and the partner's certificates, as `LoggedIn` has them."""

    partner: Partner
    secret_hash: str
    certificates: Mapping[str, datetime]


def partner_of_login(context: Context, token_hash: str) -> LoggedIn | None:
    """Whose a login is; None where there is no such login."""
    facts = grouped_facts(context.database.fetch_all(FACTS_OF_LOGIN, token_hash=token_hash))
    if not facts["partner"]:
        return None
    ((*_, expires_at),) = facts["partner"]
    partner = partner_of_facts(context.database, facts)
    return LoggedIn(partner, context.database.as_instant(expires_at), certificates_of(context.database, facts))


def partner_of_password(context: Context, name_key: str) -> KnownByPassword | None:
    """Whose the password is that goes with this name; None where there is no such name."""
    facts = grouped_facts(context.database.fetch_all(FACTS_OF_CREDENTIAL, name_key=name_key))
    if not facts["credential"]:
        return None
    ((secret_hash, *_),) = facts["credential"]
    partner = partner_of_facts(context.database, facts)
    return KnownByPassword(partner, secret_hash, certificates_of(context.database, facts))


def grouped_facts(rows: Iterable[tuple[Any, ...]]) -> Facts:
    """Rows of `facts_of` by what they are."""
    facts: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for what, *fact in rows:
        facts[what].append(tuple(fact))
    return facts


def certificates_of(database: Database, facts: Facts) -> dict[str, datetime]:
    """The end of each certificate of a partner, by its fingerprint."""
    return {fingerprint: database.as_instant(ends_at) for fingerprint, *_, ends_at in facts["certificate"]}


def partner_of_facts(database: Database, facts: Facts) -> Partner:
    """The partner that rows of `facts_of` tell of."""
    ((user_id, name, timezone, number, active, numeric_pins, created_at, _),) = facts["partner"]

    def ids(role: PartyRole) -> tuple[str, ...]:
        return tuple(text for text, *_ in sorted(facts[role], key=itemgetter(1)))

    return Partner(
        id=number,
        user_id=user_id,
        name=name,
        timezone=timezone,
        active=bool(active),
        created_at=database.as_instant(created_at),
        groups=frozenset(Group(text) for text, *_ in facts["group"]),
        operator_ids=ids(PartyRole.OPERATOR),
        provider_ids=ids(PartyRole.PROVIDER),
        hubs=tuple(sorted(number for _, _, _, number, *_ in facts["hub"])),
        numeric_pins=bool(numeric_pins),
        market_ids=tuple(
            (role, text, market_id)
            for role in PartyRole
            for text, _, market_id, *_ in sorted(facts[role], key=itemgetter(1))
            if market_id is not None
        ),
    )


def grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Values by partner."""
    values: dict[int, list[Any]] = defaultdict(list)
    for partner_id, value in rows:
        values[partner_id].append(value)
    return values


def uid_order_of(context: Context, partner_id: int) -> UidOrder:
    """Which byte the uids of a partner's cards begin with in its lists of OCHP 0.2."""
    with context.database.read() as snapshot:
        return UidOrder(snapshot.execute(UID_ORDER, {"partner_id": partner_id}).scalar_one())


def owners_of_provider_keys(snapshot: Connection, keys: Iterable[str]) -> dict[str, int]:
    """The active partner that owns it, for those of ``keys`` that are somebody's provider id."""
    wanted = list(keys)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = {"keys": wanted[start : start + IDS_AT_ONCE]}
        found.update((key, partner_id) for key, partner_id in snapshot.execute(OWNERS_OF_PROVIDER_KEYS, some))
    return found


def is_active(partner_id: Any) -> ColumnElement[bool]:
    """The condition that a column holds the id of an active partner."""
    condition: ColumnElement[bool] = partner_id.in_(select(tables.partner.c.id).where(tables.partner.c.active))
    return condition
