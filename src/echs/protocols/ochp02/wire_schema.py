"""How OCHP 0.2 spells things: the one table of names, by record and in the order of the wire.

The deployed spelling is what we publish and send. What the specification prints differently (4.2, 4.9) is read as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from echs.base.fields import Field
from echs.protocols.ochp02 import cdr_format, charge_point_format, token_format
from echs.protocols.soap.record_fast_path import FieldShape, RecordShape

NAMESPACE = "http://www.evclearinghouse.eu/service/"
IDENTITY_HEADERS = frozenset({"UserIdentityHeader", "token"})
# As expat gives them.
UNDERSTOOD = frozenset(f"{NAMESPACE} {name}" for name in IDENTITY_HEADERS)


@dataclass(frozen=True, slots=True)
class WireField:
    """A field's name on the wire, and the noun's field that it is."""

    name: str
    field: Field


@dataclass(frozen=True, eq=False)
class WireRecord:
    """A record of the protocol: its type, the element that repeats it, the field by which a person finds it again,
    its fields in order, other spellings."""

    type_name: str
    element: str
    label: str
    fields: Sequence[WireField]
    aliases: dict[str, str]

    @cached_property
    def places(self) -> dict[str, int]:
        """From a name as expat gives it (``namespace name``) to the field's place."""
        spelt = {wire.name: place for place, wire in enumerate(self.fields)}
        spelt.update({alias: spelt[name] for alias, name in self.aliases.items()})
        return {f"{NAMESPACE} {name}": place for name, place in spelt.items()}

    @cached_property
    def shape(self) -> RecordShape:
        """What the envelope reader needs to know of the regular ones among these records."""
        fields = (FieldShape(wire.name, wire.field) for wire in self.fields)
        return RecordShape(NAMESPACE, self.element, tuple(fields))

    @cached_property
    def spelling(self) -> dict[str, str]:
        """From the noun's field names to the names on the wire."""
        return {wire.field.name: wire.name for wire in self.fields}


def wire_record(
    type_name: str,
    element: str,
    label: str,
    fields: Sequence[Field],
    names: str,
    aliases: dict[str, str] | None = None,
) -> WireRecord:
    """The record with these wire names for the noun's fields, in their order."""
    spelt = [WireField(name, field) for name, field in zip(names.split(), fields, strict=True)]
    return WireRecord(type_name, element, label, spelt, aliases or {})


CDR_INFO = wire_record(
    "CDRInfo",
    "cdrInfoArray",
    "cdrId",
    cdr_format.FIELDS,
    "cdrId startDatetime endDatetime duration volume chargePointAddress chargePointZip chargePointCity "
    "chargePointCountry chargePointType productType tariffType authenticationId evcoId meterId obisCode chargePointId "
    "serviceProviderId infraProviderId evseId",
    aliases={"meterid": "meterId"},
)
ROAMING_AUTHORISATION_INFO = wire_record(
    "RoamingAuthorisationInfo",
    "roamingAuthorisationInfoArray",
    "evcoId",
    token_format.FIELDS,
    "evcoId roamingHubId tokenType tokenId printedNumber expiryDate pin pinMandatory tokenActivated hash",
)
CHARGEPOINT_INFO = wire_record(
    "ChargepointInfo",
    "chargepointInfoArray",
    "evseId",
    charge_point_format.FIELDS,
    "evseId locationName locationNameLang houseNumber streetName city postalCode taLat taLon taLatEntranceExit "
    "taLonEntranceExit openingTimes powerOutletStatus energyProviderId roamingHubId telephoneNumber floorLevel "
    "paymentMethod evChargingReceptacleType",
    aliases={"esveId": "evseId", "openingTime": "openingTimes"},
)
RECORDS = (CDR_INFO, ROAMING_AUTHORISATION_INFO, CHARGEPOINT_INFO)

# Elements whose values no error shows, in lower case.
SECRET_NAMES = frozenset(
    name.lower()
    for name in (
        "password",
        *IDENTITY_HEADERS,
        *(wire.name for record in RECORDS for wire in record.fields if wire.field.secret),
    )
)
