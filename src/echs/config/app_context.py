"""The application context: everything that an operation is handed, opened once a process from the settings."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from echs.audit.receipts import Receipts
from echs.base.admission import Admission, AdmissionLimits
from echs.base.clock import Clock, system_clock
from echs.base.context import Context
from echs.base.database import Database
from echs.base.energy import UNITS_PER_KWH
from echs.base.limits import Limits
from echs.base.store_file import FileIdentity
from echs.cdrs.cross_checks import ListLookups
from echs.config.record_formats import NO_FORMATS, RecordFormats
from echs.config.settings import (
    DEFAULT_PUBLIC_URL,
    SECRET_KEY_DIFFERENT,
    SECRET_KEY_MINIMUM,
    BadConfiguration,
    Settings,
)
from echs.direct.secret_box import box_key
from echs.lists.list_cache import ListCache
from echs.live.live_store import LiveStore
from echs.locations import charge_point_list
from echs.partners.partner import Partner
from echs.partners.throttle import Throttle, ThrottleLimits
from echs.partners.verified_passwords import VerifiedPasswords
from echs.statements import link
from echs.statements.issuer import LOGO_BYTES, NOBODY, BadLogo, Issuer, check_logo
from echs.statements.statement import numbers_text, safe_name
from echs.statements.statement_cache import StatementCache
from echs.tokens import token_list

STATEMENTS_PATH = "/statements/"
SECRET_KEY_FILE = "secret-key"
DATABASE_FILE = "echs.sqlite3"


LISTS = ListLookups(
    token_list.existing_tokens,
    token_list.turned_tokens,
    token_list.existing_contracts,
    charge_point_list.existing_evses,
)


@dataclass(frozen=True)
class AppContext(Context):
    """The context of every operation, with the statement cache, the key for statement links, and the list cache."""

    statement_cache: StatementCache
    drawn: ListCache
    link_key: bytes
    # For the secrets of OCHPdirect.
    box_key: bytes
    public_url: str
    data_dir: Path
    live: LiveStore
    admission: Admission = field(default_factory=Admission)
    throttle: Throttle | None = None
    receipts: Receipts = field(default_factory=Receipts)
    # What CDRs are compared with, for the rooms that do not know each other.
    lists: ListLookups = LISTS
    # Who issues statements.
    issuer: Issuer = NOBODY
    # Passwords that came with a request of this process and were right.
    verified: VerifiedPasswords = field(default_factory=VerifiedPasswords)
    # What the protocols know of the records that others brought; served requests have those of all.
    formats: RecordFormats = NO_FORMATS

    def statement_url(self, partner: Partner, runs: Sequence[int], spans: Sequence[link.Span]) -> str:
        """A link to the partner's statement about these runs, which are those in ``spans``; see
        `echs.statements.link`. It ends with the name of the file."""
        signed = link.sign(self.link_key, partner.id, spans, self.clock(), self.limits.statement_link_seconds)
        name = safe_name(f"statement-{numbers_text(runs)}-{partner.user_id}.pdf")
        return f"{self.public_url}{STATEMENTS_PATH}{signed}/{name}"


def open_app_context(
    settings: Settings,
    clock: Clock = system_clock,
    public_url: str | None = None,
    shared: Path | None = None,
    store_file: FileIdentity | None = None,
) -> AppContext:
    """The context that these settings describe. ``public_url`` serves where the settings name none; ``shared`` is a
    directory that the workers of a server share; ``store_file`` is the file that an embedded store must be.

    :raises BadConfiguration: the data directory cannot be used, or the database URL cannot be read
    """
    prepare_data_directory(settings.data_dir)
    database, secret = open_database(settings, store_file), secret_key(settings)
    return AppContext(
        database=database,
        clock=clock,
        limits=limits(settings),
        statement_cache=StatementCache(settings.data_dir / "statements"),
        drawn=ListCache(settings.data_dir / "lists"),
        link_key=link.signing_key(secret),
        box_key=box_key(secret),
        public_url=settings.public_url or public_url or DEFAULT_PUBLIC_URL,
        data_dir=settings.data_dir,
        live=LiveStore(database, settings.data_dir),
        admission=Admission(admission_limits(settings), shared),
        throttle=Throttle(database, throttle_limits(settings), shared),
        receipts=Receipts(settings.receipt_days),
        issuer=issuer(settings),
    )


def throttle_limits(settings: Settings) -> ThrottleLimits:
    """How many logins may fail before the next must wait."""
    return ThrottleLimits(
        pair=settings.login_failures, address=settings.login_failures_address, user=settings.login_failures_user
    )


def admission_limits(settings: Settings) -> AdmissionLimits:
    """How many uploads at once these settings allow."""
    return AdmissionLimits(
        per_partner=settings.uploads_per_partner,
        seats=settings.max_uploads,
        budget_bytes=settings.upload_budget_bytes,
        wait_seconds=settings.upload_wait_seconds,
    )


def issuer(settings: Settings) -> Issuer:
    """Who issues statements, with the logo read and tried.

    :raises BadConfiguration: the logo cannot be read or drawn, or there is a logo or an address without a name
    """
    told = [settings.issuer_address, settings.issuer_register, settings.issuer_vat_id, settings.issuer_logo]
    if not settings.issuer_name and any(told):
        raise BadConfiguration(["ECHS_ISSUER_NAME: must be set if any other ECHS_ISSUER_… setting is set"])
    lines = tuple(line.strip() for line in settings.issuer_address.split("|") if line.strip())
    logo = None if settings.issuer_logo is None else logo_of(settings.issuer_logo)
    return Issuer(settings.issuer_name, lines, settings.issuer_register, settings.issuer_vat_id, logo)


def logo_of(path: Path) -> bytes:
    """The file of a logo that can be drawn.

    :raises BadConfiguration:
    """
    try:
        with path.open("rb") as file:
            logo = file.read(LOGO_BYTES + 1)
    except OSError as error:
        raise BadConfiguration([f"ECHS_ISSUER_LOGO: {path} cannot be read ({error.strerror})"]) from None
    try:
        check_logo(logo)
    except BadLogo as error:
        raise BadConfiguration([f"ECHS_ISSUER_LOGO: {error}"]) from None
    return logo


def limits(settings: Settings) -> Limits:
    """The limits that these settings describe."""
    return Limits(
        bulk_body_bytes=settings.max_bulk_body_bytes,
        small_body_bytes=settings.max_small_body_bytes,
        records_per_upload=settings.max_records_per_upload,
        xml_depth=settings.max_xml_depth,
        xml_attributes=settings.max_xml_attributes,
        free_bytes=settings.min_free_bytes,
        body_seconds=settings.max_body_seconds,
        login_seconds=round(settings.login_hours * 3600),
        logins_per_partner=settings.max_logins_per_partner,
        redelivery_seconds=round(settings.redelivery_hours * 3600),
        statement_link_seconds=settings.statement_link_days * 86_400,
        cdr_future_seconds=settings.cdr_future_minutes * 60,
        cdr_volume_e4_kwh=settings.cdr_max_kwh * UNITS_PER_KWH,
        cdr_duration_tolerance_seconds=settings.cdr_duration_tolerance_seconds,
        cdr_power_kw=settings.cdr_max_kw,
        cdr_short_seconds=settings.cdr_short_seconds,
        cdr_age_days=settings.cdr_max_age_days,
        cdr_archive_days=settings.cdr_archive_days,
        cdr_silence_days=settings.cdr_silence_days,
        currency=settings.currency,
        status_ttl_minutes=settings.status_ttl_minutes,
        list_shrink_percent=settings.list_shrink_percent,
        set_refused_percent=settings.set_refused_percent,
        delta_overlap_seconds=settings.delta_overlap_seconds,
        tombstone_days=settings.tombstone_days,
        refuse_foreign_ids=settings.foreign_ids == "refuse",
        statement_seconds=settings.statement_seconds,
    )


def open_database(settings: Settings, file: FileIdentity | None = None) -> Database:
    """The store alone.

    :raises BadConfiguration: the URL cannot be read
    """
    if settings.database_url is None:
        prepare_data_directory(settings.data_dir)
        return Database(URL.create("sqlite", database=str(settings.data_dir / DATABASE_FILE)), file=file)
    try:
        return Database(settings.database_url.get_secret_value(), database_password(settings), file)
    except ValueError as error:
        raise BadConfiguration([f"ECHS_DATABASE_URL: {error}"]) from None


def database_password(settings: Settings) -> str | None:
    """The password that is set apart from the URL, if one is."""
    return None if settings.database_password is None else settings.database_password.get_secret_value()


def missing_store(settings: Settings) -> Path | None:
    """The file of the embedded store, where it should be and is not; None where it is, or on a server."""
    if settings.database_url is not None:
        return None
    file = settings.data_dir / DATABASE_FILE
    return None if file.exists() else file


def prepare_data_directory(directory: Path) -> None:
    """Make the data directory, for its owner only."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfiguration([f"ECHS_DATA_DIR: {directory} cannot be created ({error.strerror})"]) from None


def secret_key(settings: Settings) -> str:
    """The secret that is set, or the one in the data directory, made when it is not there.

    Two processes that start at once agree: the key is written aside and linked into place, and only one link is made.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    file = settings.data_dir / SECRET_KEY_FILE
    try:
        if not file.exists():
            aside = file.with_name(f".{SECRET_KEY_FILE}-{secrets.token_hex(8)}")
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
                written.write(secrets.token_hex(32))
                written.flush()
                os.fsync(written.fileno())
            try:
                os.link(aside, file)
            except FileExistsError:
                pass
            finally:
                aside.unlink()
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration([f"ECHS_DATA_DIR: {file} cannot be used ({error})"]) from None
    if len(key) < SECRET_KEY_MINIMUM:
        # With a key that can be guessed anybody could sign links to statements.
        needed = f"it must have at least {SECRET_KEY_MINIMUM} characters"
        raise BadConfiguration(
            [f"ECHS_DATA_DIR: {file} has {len(key)} characters, {needed}; delete it to get a new one"]
        )
    if len(set(key)) < SECRET_KEY_DIFFERENT:
        raise BadConfiguration([f"ECHS_DATA_DIR: {file} is too easy to guess; delete it to get a new one"])
    return key
