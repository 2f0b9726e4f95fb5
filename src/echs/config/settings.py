"""Every setting of the program: read once from ``ECHS_*``, all errors at once, secrets also from files."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from echs.base.proxy_headers import Network, networks

PREFIX = "ECHS_"
SECRETS = ("database_url", "database_password", "secret_key")
SECRET_KEY_MINIMUM = 32
# A key of random digits has more; of one letter again and again, fewer.
SECRET_KEY_DIFFERENT = 8
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8080"

Positive = Annotated[int, Field(gt=0, le=10**12)]
URL_FOREIGN = re.compile(r"[^!#-;=?-\[\]_a-z~]")
DAYS, DAY_SECONDS = 3660, 86_400


class BadConfiguration(Exception):
    """The environment holds settings that cannot be; ``errors`` has a sentence for each of them."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class Settings(BaseSettings):
    """What can be set. Every name stands in the environment with ``ECHS_`` before it, in capitals."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Field(Path("data"), description="Directory for the SQLite store, the secret key and statements.")
    database_url: SecretStr | None = Field(
        None,
        description="`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`. Default: SQLite in `ECHS_DATA_DIR`.",
    )
    database_password: SecretStr | None = Field(
        None, description="Password for `ECHS_DATABASE_URL`, if the URL does not contain it."
    )
    public_url: str | None = Field(
        None, description="Address at which partners reach this server; used in the WSDL and in statement links."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Signs statement links; at least 32 characters. Default: generated, kept in the data directory.",
    )
    max_bulk_body_bytes: Positive = Field(
        128 * 1024 * 1024, description="Maximum size of a request with records, in bytes."
    )
    max_small_body_bytes: Positive = Field(256 * 1024, description="Maximum size of any other request, in bytes.")
    max_records_per_upload: Positive = Field(100_000, description="Maximum number of records in one upload.")
    max_xml_depth: Annotated[int, Field(ge=6, le=256)] = Field(32, description="Maximum nesting depth of elements.")
    max_xml_attributes: Annotated[int, Field(ge=8, le=10_000)] = Field(
        64, description="Maximum number of attributes, and of namespaces, of one element."
    )
    max_request_seconds: Positive = Field(
        120, description="Maximum request duration in seconds, including the response; then the connection is closed."
    )
    uploads_per_partner: Annotated[int, Field(gt=0, le=100)] = Field(
        2, description="Uploads of one partner processed at once, per host; further uploads wait."
    )
    max_uploads: Annotated[int, Field(gt=0, le=1000)] = Field(
        8, description="Uploads per worker, including waiting ones; further uploads get `UPLOAD_BUSY`."
    )
    upload_budget_bytes: Annotated[int, Field(ge=1024 * 1024, le=10**12)] = Field(
        256 * 1024 * 1024, description="Total size of the uploads processed at once in a worker, in bytes."
    )
    upload_wait_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        15, description="Maximum time an upload waits in the queue, in seconds; then it gets `UPLOAD_BUSY`."
    )
    max_body_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        600,
        description="Maximum time to receive an upload, in seconds, in addition to `ECHS_MAX_REQUEST_SECONDS`.",
    )
    min_free_bytes: Annotated[int, Field(ge=0, le=10**18)] = Field(
        64 * 1024 * 1024, description="Free disk space in bytes below which the server reports not ready."
    )
    trusted_proxies: str = Field(
        "",
        description="Comma-separated addresses or networks of the proxies trusted to report the client's address.",
    )
    drain_seconds: Annotated[int, Field(ge=0, le=300)] = Field(
        2,
        description="On shutdown, seconds during which the server keeps serving while it reports not ready.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Minimum log level.")
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`json`, `text`, or `auto`: text on a terminal, JSON elsewhere."
    )
    login_hours: Annotated[float, Field(ge=1 / 3600, le=24 * 31)] = Field(
        12, description="Lifetime of a login in hours."
    )
    login_failures: Annotated[int, Field(gt=0, le=10**6)] = Field(
        5, description="Failed logins of one user id from one address in five minutes before throttling."
    )
    login_failures_address: Annotated[int, Field(gt=0, le=10**6)] = Field(
        30, description="Failed logins of all user ids from one address in five minutes before throttling."
    )
    login_failures_user: Annotated[int, Field(gt=0, le=10**6)] = Field(
        20,
        description="Failed logins of one user id from all addresses in five minutes; then one attempt per address.",
    )
    max_logins_per_partner: Positive = Field(
        1000, description="Maximum open logins per partner; beyond it, the oldest one ends."
    )
    redelivery_hours: Annotated[float, Field(ge=0, le=24 * 366)] = Field(
        24, description="Hours during which a fetched run can be fetched again."
    )
    statement_link_days: Annotated[int, Field(gt=0, le=3660)] = Field(
        30, description="Lifetime of a statement link in days."
    )
    cdr_future_minutes: Annotated[int, Field(ge=0, le=DAYS * 24 * 60)] = Field(
        15,
        description="How far in the future a session may end, in minutes (clocks differ). Later CDRs are rejected.",
    )
    cdr_max_kwh: Annotated[int, Field(gt=0, le=999_999)] = Field(
        1000, description="Maximum energy of one CDR in kWh. CDRs above it are rejected."
    )
    cdr_duration_tolerance_seconds: Annotated[int, Field(ge=0, le=DAYS * DAY_SECONDS)] = Field(
        60, description="Allowed difference between `duration` and end minus start, in seconds. Beyond it, a warning."
    )
    cdr_max_kw: Annotated[int, Field(gt=0, le=1_000_000)] = Field(
        400, description="Maximum average power in kW, from volume and time. Above it, a warning."
    )
    cdr_short_seconds: Annotated[int, Field(ge=0, le=DAYS * DAY_SECONDS)] = Field(
        120, description="Sessions shorter than this, in seconds, get a warning."
    )
    cdr_max_age_days: Annotated[int, Field(gt=0, le=36_600)] = Field(
        90, description="Sessions that began more than this many days ago get a warning."
    )

    cdr_archive_days: Annotated[int, Field(gt=0, le=36_600)] = Field(
        90, description="OCHP 1.4: days for which approved and rejected CDRs can be downloaded."
    )
    cdr_silence_days: Annotated[int, Field(ge=0, le=36_600)] = Field(
        0,
        description="Days after its provider was given a CDR from when on silence is approval; 0 for never.",
    )
    status_ttl_minutes: Annotated[int, Field(gt=0, le=44_640)] = Field(
        1440, description="OCHP 1.4: minutes for which a live status without a `ttl` is valid."
    )
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = Field(
        "EUR", description="Currency (ISO 4217) of CDRs without a price, for partners whose protocol has a currency."
    )
    list_shrink_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        30,
        description="Share of a list in percent that an upload may remove, for partners with a shrink guard. Beyond, it"
        " is put aside until `echs list release`.",
    )
    set_refused_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        33,
        description="OCHP 1.4: share of the records of a Set in percent that may be wrong. Beyond, nothing of it is"
        " taken.",
    )
    delta_overlap_seconds: Annotated[int, Field(ge=60, le=DAY_SECONDS)] = Field(
        300,
        description="OCHP 1.4: downloads of changes begin so many seconds before the time that is asked for: clocks"
        " differ, and a change has its time a moment before it can be seen.",
    )
    tombstone_days: Annotated[int, Field(ge=31, le=36_600)] = Field(
        400,
        description="OCHP 1.4: days for which downloads of changes tell that a record is gone. Who asks for changes"
        " since before that gets everything.",
    )
    issuer_name: str = Field("", max_length=200, description="Issuer of statements: name of the clearing house.")
    issuer_address: str = Field("", max_length=1000, description="Issuer's postal address; lines separated by `|`.")
    issuer_register: str = Field(
        "",
        max_length=200,
        description="Issuer's company registration, like `KvK 12345678`; printed in the footer of statements.",
    )
    issuer_vat_id: str = Field("", max_length=40, description="Issuer's VAT number.")
    issuer_logo: Path | None = Field(
        None,
        description="Issuer's logo, a PNG or SVG file, at most 256 KiB and 2 million pixels; see administration.",
    )
    statement_seconds: Annotated[int, Field(gt=0, le=3600)] = Field(
        60, description="Maximum time to create a large statement, in seconds; then its process is terminated."
    )

    receipt_days: Annotated[int, Field(gt=0, le=3660)] = Field(
        90, description="Days for which upload receipts are kept."
    )
    foreign_ids: Literal["warn", "refuse"] = Field(
        "warn", description="Action on a list with a token, contract or EVSE of another partner: `warn` or `refuse`."
    )

    @field_validator("public_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        try:
            right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
        except ValueError:  # no port that there can be
            right = False
        if not right or parts.query or parts.fragment or URL_FOREIGN.search(value):
            raise ValueError("must be an address like https://echs.example.org")
        return value.rstrip("/")

    @field_validator("issuer_name", "issuer_address", "issuer_register", "issuer_vat_id")
    @classmethod
    def _is_printable(cls, value: str) -> str:
        if any(not character.isprintable() for character in value):
            raise ValueError("contains a control character; separate the lines of an address with |")
        return value.strip()

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    @property
    def proxies(self) -> list[Network]:
        """The trusted proxies as networks."""
        return networks(self.trusted_proxies)

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().strip()) < SECRET_KEY_MINIMUM:
            raise ValueError(f"must have at least {SECRET_KEY_MINIMUM} characters")
        if value is not None and len(set(value.get_secret_value())) < SECRET_KEY_DIFFERENT:
            raise ValueError("is too easy to guess; generate one with: openssl rand -hex 32")
        return value

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read_settings` hands in: it looks at the environment itself, for the sake of ``_FILE``."""
        return (init_settings,)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings from the environment.

    :raises BadConfiguration: with a sentence for every setting that is wrong, unknown ones included
    """
    environment = os.environ if environment is None else environment
    given = {name[len(PREFIX) :].lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    # Set but empty is how a compose file says "not set".
    given = {name: value for name, value in given.items() if value != ""}
    errors: list[str] = []
    for secret in SECRETS:
        file = given.pop(f"{secret}_file", None)
        if file is None:
            continue
        name = f"{PREFIX}{secret.upper()}"
        if secret in given:
            errors.append(f"{name}: set it or {name}_FILE, not both")
            continue
        try:
            given[secret] = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            errors.append(f"{name}_FILE: the file cannot be read ({type(error).__name__})")
            continue
        if not given[secret]:
            # To go on without would mean another store, or another key on each host.
            errors.append(f"{name}_FILE: the file is empty")
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        errors += [sentence(dict(each)) for each in error.errors(include_input=False, include_url=False)]
        raise BadConfiguration(errors) from None
    if errors:
        raise BadConfiguration(errors)
    return settings


def sentence(error: dict[str, Any]) -> str:
    """One error for a person; never with the value, which may be a secret."""
    name = PREFIX + "_".join(str(part) for part in error["loc"]).upper()
    if error["type"] == "extra_forbidden":
        return f"{name}: there is no such setting"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"
