"""The tables of the partners."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from echs.base.columns import Identity, Instant, metadata

# Keys are casefolded ids, which can be up to three times as long as the id.
partner = Table(
    "partner",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("user_id", String(64), nullable=False),
    Column("user_key", String(192), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Its back end reads pins as numbers (the WSDL before August 2013) and loses a list with any other.
    Column("numeric_pins", Boolean, nullable=False, server_default=false()),
    Column("shrink_guard", Boolean, nullable=False, server_default=false()),
    # How it decides as a provider about the CDRs for it; `echs.partners.partner.Answers`.
    Column("answers", String(8), nullable=False, server_default="run"),
    # Which byte of a card's uid its tokens of OCHP 0.2 begin with; `echs.partners.partner.UidOrder`.
    Column("uid_order", String(6), nullable=False, server_default="big"),
    # As statements print them: lines of an address, and the number for VAT.
    Column("address", Text, nullable=False, server_default=""),
    Column("vat_id", String(40), nullable=False, server_default=""),
    # When it left for good; it stays, with all that it did, and can never be enabled again.
    Column("retired_at", Instant, nullable=True),
)

partner_group = Table(
    "partner_group",
    metadata,
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("group_name", String(32), primary_key=True),
)

# By which protocols it ever came, and since when.
partner_protocol = Table(
    "partner_protocol",
    metadata,
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("protocol", String(12), primary_key=True),
    Column("first_at", Instant, nullable=False),
)

# By what a partner is known, of which it may have several: `name` is what it logs in with, `secret_hash` the hash of
# its password. The first one has the partner's own user id for a name.
credential = Table(
    "credential",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("partner_id", ForeignKey("partner.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("name", String(64), nullable=False),
    Column("name_key", String(192), nullable=False),
    Column("secret_hash", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("kind IN ('password')", name="kind"),
    UniqueConstraint("kind", "name_key"),
    Index("ix_credential_partner_id", "partner_id"),
)

# `active` repeats the partner's own flag, so that the index below can hold "at most one active owner" by itself.
# `market_id` is country and three signs, where the party has one that its id does not say; `since` when the partner got
# the id, null where that was before 0013.
party_id = Table(
    "party_id",
    metadata,
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("role", String(10), primary_key=True),
    Column("party_key", String(192), primary_key=True),
    Column("party_id", String(64), nullable=False),
    Column("market_id", String(5), nullable=True),
    Column("since", Instant, nullable=True),
    Column("active", Boolean, nullable=False),
    CheckConstraint("role IN ('operator', 'provider')", name="role"),
)
# Ids that a partner had; only ever added to.
party_id_former = Table(
    "party_id_former",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("partner_id", ForeignKey("partner.id"), nullable=False),
    Column("role", String(10), nullable=False),
    Column("party_key", String(192), nullable=False),
    Column("party_id", String(64), nullable=False),
    Column("market_id", String(5), nullable=True),
    Column("since", Instant, nullable=True),
    Column("until", Instant, nullable=False),
    Index("ix_party_id_former_role_party_key", "role", "party_key"),
)
Index(
    "uq_party_id_active_owner",
    party_id.c.role,
    party_id.c.party_key,
    unique=True,
    sqlite_where=party_id.c.active,
    postgresql_where=party_id.c.active,
)

partner_hub = Table(
    "partner_hub",
    metadata,
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("hub", Integer, primary_key=True, autoincrement=False),
)

# A partner that has any is known only where one of them is shown: `fingerprint` is the SHA-256 of the certificate.
partner_certificate = Table(
    "partner_certificate",
    metadata,
    Column("partner_id", ForeignKey("partner.id"), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("added_at", Instant, nullable=False),
)

login = Table(
    "login",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("partner_id", ForeignKey("partner.id"), nullable=False),
    # With what it was made.
    Column("credential_id", Identity, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_login_partner_id_created_at", "partner_id", "created_at"),
)

# Failed logins of the last minutes, by host: what a host needs to know of the others. `subject` is a hash of an address
# or of a user id.
login_failure = Table(
    "login_failure",
    metadata,
    Column("window", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(64), primary_key=True),
    Column("host", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
)

# Words of the house that are no setting of a process, since they change with commands.
house = Table(
    "house",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(200), nullable=False),
)
CONNECTION_MODE = "connection-mode"

# A row for each kind and each time that it stood; `until` is null while it stands.
roaming_connection = Table(
    "roaming_connection",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("provider_partner_id", ForeignKey("partner.id"), nullable=False),
    Column("operator_partner_id", ForeignKey("partner.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=True),
    CheckConstraint("kind IN ('tokens', 'locations', 'cdrs')", name="kind"),
)
Index(
    "ix_roaming_connection_pair",
    roaming_connection.c.provider_partner_id,
    roaming_connection.c.operator_partner_id,
    roaming_connection.c.kind,
)
Index(
    "uq_roaming_connection_standing",
    roaming_connection.c.provider_partner_id,
    roaming_connection.c.operator_partner_id,
    roaming_connection.c.kind,
    unique=True,
    sqlite_where=roaming_connection.c.until.is_(None),
    postgresql_where=roaming_connection.c.until.is_(None),
)

# The newest number of a change of a kind of list, or of who sees it.
change_number = Table(
    "change_number",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# That what a reader sees of an owner changed, for all readers where none is named: `hides` where it saw it before, and
# does not now. `seq` is among the numbers of the changes of the lists.
visibility_change = Table(
    "visibility_change",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("reader_id", Identity, nullable=True),
    Column("owner_id", Identity, nullable=False),
    Column("hides", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("seq", BigInteger, nullable=True),
    # That the house was opened or closed: nothing changed for a reader that is connected anyway.
    Column("by_mode", Boolean, nullable=False, server_default=false()),
    Index("ix_visibility_change_kind_seq", "kind", "seq"),
)
