"""The partners and records that tests play with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from echs.cdrs import intake
from echs.cdrs.intake import IntakeResult
from echs.config.app_context import AppContext
from echs.delivery.cleared_cdrs import deliver, mark_served
from echs.lists.keyed_list import ReplaceResult
from echs.lists.published_list import PublishedList
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.maintenance import verification
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.partners.partner import Partner
from echs.partners.password import hash_password
from echs.partners.queries import is_active
from echs.protocols.ochp02 import cdr_format, charge_point_format, token_format
from echs.protocols.ochp02.cdr_format import CdrRecord, read_cdrs
from echs.protocols.ochp02.charge_point_format import ChargePointRecord
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.ochp02.token_format import TokenRecord
from echs.protocols.record_formats import RECORD_FORMATS
from echs.protocols.rows.payload import row_of
from echs.protocols.rows.row_format import RowFormat
from echs.tokens.token_list import TOKENS

PASSWORDS = {name: f"password of {name}" for name in ("tnm", "lnd", "anwb", "office")}


@dataclass(frozen=True)
class Cast:
    """tnm and lnd are operators and providers, anwb only a provider, office may clear."""

    tnm: Partner
    lnd: Partner
    anwb: Partner
    office: Partner


@cache
def hashed(password: str) -> str:
    """A hash costs 30 ms; tests enrol the same partners hundreds of times."""
    return hash_password(password)


def enrol(context: AppContext) -> Cast:
    """Enrol them all."""
    original = enrolment.hash_password
    enrolment.hash_password = hashed
    try:
        add = enrolment.add_partner
        amsterdam, berlin = "Europe/Amsterdam", "Europe/Berlin"
        return Cast(
            tnm=add(
                context,
                "tnm",
                "The New Motion",
                PASSWORDS["tnm"],
                Ownership(["TheNewMotion"], ["TheNewMotion"], [5]),
                timezone=amsterdam,
            ),
            lnd=add(
                context,
                "lnd",
                "ladenetz.de Köln, Łódź",
                PASSWORDS["lnd"],
                Ownership(["ladenetz.de"], ["ladenetz.de"], [3]),
                timezone=berlin,
            ),
            anwb=add(context, "anwb", "ANWB", PASSWORDS["anwb"], Ownership([], ["ANWB"]), timezone=amsterdam),
            office=add(context, "office", "Clearing office", PASSWORDS["office"], Ownership(), administrator=True),
        )
    finally:
        enrolment.hash_password = original


# As a real back end sent it in 2014.
FIELD_CDR = CdrRecord(
    cdr_id="01001851_139038927377890",
    start_datetime="2014-01-22 10:16:38",
    end_datetime="2014-01-22 12:14:33",
    duration="7074",
    volume="4.6400",
    address="Roggestraat 111-163",
    postal_code="7311",
    city="Apeldoorn",
    country="NLD",
    chargepoint_type="2",
    product_type="0",
    tariff_type="A0",
    token_id="",
    contract_id="NL-ANW-133094-6",
    meter_id="01000851",
    obis_code="",
    chargepoint_id="01000851",
    provider_id="ANWB",
    operator_id="TheNewMotion",
    evse_id="01000851",
)


def cdr(number: int | str, **other: str) -> CdrRecord:
    """A CDR like the one of the field, under another number."""
    return FIELD_CDR._replace(cdr_id=str(number), **other)


def token(number: int, **other: object) -> TokenRecord:
    """A token of hub 5, or what else is said."""
    record = TokenRecord(
        contract_id=f"NL-TNM-{number:06d}",
        hub=5,
        token_type=1,
        token_id=f"C0FFEE{number:08X}",
        printed_number=f"printed {number}",
        expiry_date="31/12/2027",
        pin=f"secret{number}",
        pin_mandatory=0,
        activated=1,
        token_hash="",
    )
    return record._replace(**other)


def charge_point(number: int, **other: str) -> ChargePointRecord:
    """A charge point in Köln."""
    record = ChargePointRecord(
        evse_id=f"DE*LND*E{number:05d}",
        location_name="Dom/Hbf",
        location_name_language="de",
        house_number="1",
        street_name="Trankgasse",
        city="Köln",
        postal_code="50667",
        latitude="50.942",
        longitude="6.958",
        entrance_latitude="",
        entrance_longitude="",
        opening_times="",
        outlet_status="available",
        energy_provider="RheinEnergie",
        hub_name="ladenetz.de",
        telephone_number="",
        floor_level="0",
        payment_method="",
        receptacle_type="Mennekes Type II",
    )
    return record._replace(**other)


def add_cdrs(
    context: AppContext, sender: Partner, records: Iterable[object], request_id: str, lists: object
) -> IntakeResult:
    """As a partner sends CDRs by OCHP 0.2."""
    cdrs = read_cdrs(records, sender.zone)
    return intake.add(context, sender, cdrs, request_id, lists, cdr_format.FORMAT)


def set_tokens(context: AppContext, owner: Partner, records: Iterable[object]) -> ReplaceResult:
    """As a provider sends its roaming list by OCHP 0.2."""
    return TOKENS.replace(context, owner, records, token_format.FORMAT)


def set_charge_points(context: AppContext, owner: Partner, records: Iterable[object]) -> ReplaceResult:
    """As an operator sends its charge point list by OCHP 0.2."""
    return CHARGE_POINTS.replace(context, owner, records, charge_point_format.FORMAT)


def downloaded_tokens(context: AppContext) -> Iterator[TokenRecord]:
    """The tokens of all active partners, in the order in which a download has them."""
    return downloaded(context, TOKENS, token_format.FORMAT)


def downloaded_points(context: AppContext) -> Iterator[ChargePointRecord]:
    """The charge points of all active operators, in the order in which a download has them."""
    return downloaded(context, CHARGE_POINTS, charge_point_format.FORMAT)


def downloaded(context: AppContext, lists: PublishedList, form: RowFormat[Any]) -> Iterator[Any]:
    """The records of all active partners' lists."""
    with context.database.read() as snapshot:
        for state in lists.keyed.present(snapshot, is_active):
            for payloads in lists.keyed.payloads(snapshot, state):
                yield from map(form.of_row, map(row_of, payloads))


def verify(context: AppContext, *more: object, **named: object) -> Iterator[verification.Finding]:
    """Every finding of `echs verify`."""
    return verification.verify(context, RECORD_FORMATS, *more, **named)


def fetched(context: AppContext, partner: Partner) -> tuple[tuple[int, ...], list[str]]:
    """As a partner calls GetCDRs: the runs that it is given, and the ids of the CDRs; they count as served."""
    delivery = deliver(context, partner, PROTOCOL, lambda row: row.payload)
    ids = [payload.partition("\x1f")[0] for batch in delivery.payloads for payload in batch]
    mark_served(context, partner, delivery.runs)
    return delivery.runs, ids


def certificate_pem(now: datetime, days: int = 365) -> str:
    """A client certificate that its owner signed itself, in PEM."""
    return certificate_and_key(now, "a partner's back end", days)[0]


def certificate_and_key(now: datetime, name: str, days: int = 365) -> tuple[str, str]:
    """A certificate that signs itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(min(now, now + timedelta(days=days)) - timedelta(days=400))
    builder = builder.not_valid_after(now + timedelta(days=days))
    if "." in name:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
