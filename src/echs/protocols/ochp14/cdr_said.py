"""CDRs that came by another protocol, as OCHP 1.4 says them; and ids that are made so that they can be found again."""

import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from echs.base.energy import kwh
from echs.cdrs.cdr import Cdr, CdrWithheld
from echs.cdrs.part_plan import MadeIds
from echs.lists.withheld import Withheld
from echs.locations.charge_point import ChargePoint, Connector, Current
from echs.partners.market_ids import market_id_of
from echs.protocols.ochp14.charge_point_format import (
    NO_CITY,
    NO_ZIP_CODE,
    NOT_SAID,
    country_of,
    said_street,
    said_zip_code,
)
from echs.protocols.ochp14.contracts import PROTOCOL
from echs.protocols.ochp14.evse_ids import said_evse_id
from echs.protocols.ochp14.leaf_rules import CONNECTOR_STANDARDS, country_codes
from echs.protocols.ochp14.token_format import REMOTE, TokenRecord, said_contract_id, written
from echs.protocols.ochp14.tree_types import tag
from echs.tokens.byte_order import card_uid

_CDR_ID = re.compile("[0-9A-Z]{1,36}")
_NO_SIGN = re.compile("[^0-9A-Z]")
# A made id ends with the number of the row, which finds it again: so many digits to the base of 36.
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ROW_DIGITS, MADE, SIGNS = 10, "X", 20
LONGEST_DURATION_S = 1000 * 3600
USUAL_CONNECTOR = Connector("IEC_62196_T2", "Socket")


class Facts(NamedTuple):
    """What a CDR does not say of itself: a market id of its operator, the row of its first revision, in which currency
    nothing is rated, where it is in the list of its operator the charge point, and where the contract has one only the
    token.
    """

    market_id: str
    first_row: int
    currency: str
    point: ChargePoint | None
    token: TokenRecord | None = None


def said_cdr(cdr: Cdr, facts: Facts) -> str | Withheld:
    """A CDR as OCHP 1.4 says it: as it was sent, where it was sent so; else its values. Withheld where nobody could
    tell whose it is: without a market id of the operator, with an EVSE id or a contract id of no form.
    """
    if cdr.protocol == PROTOCOL:
        return cdr.payload
    evse_id = said_evse_id(cdr.socket, facts.market_id)
    if not facts.market_id or evse_id is None:
        return CdrWithheld.OPERATOR_FORM
    contract_id = said_contract_id(cdr.contract_id)
    if contract_id is None:
        return CdrWithheld.CONTRACT_FORM
    start, end = said_local(cdr.started_at, cdr.started_offset_s), said_local(cdr.ended_at, cdr.ended_offset_s)
    cdr_id = said_cdr_id(cdr.cdr_id, facts)
    connector, current = connector_of(facts.point)
    times = f"<startDateTime>{tag('LocalDateTime', start)}</startDateTime><endDateTime>{tag('LocalDateTime', end)}"
    times += "</endDateTime>"
    duration = ""
    if cdr.duration_s is not None and cdr.duration_s < LONGEST_DURATION_S:
        duration = f"{cdr.duration_s // 3600:03d}:{cdr.duration_s // 60 % 60:02d}:{cdr.duration_s % 60:02d}"
    return (
        f"{tag('CdrId', cdr_id)}{tag('evseId', evse_id)}{said_emt_id(cdr, cdr_id, facts.token)}"
        f"{tag('contractId', contract_id)}{times}"
        f"{tag('duration', duration)}{said_address(cdr, evse_id, facts.point)}{tag('chargePointType', current)}"
        f"<connectorType><connectorStandard>{tag('ConnectorStandard', connector.standard)}</connectorStandard>"
        f"<connectorFormat>{tag('ConnectorFormat', connector.format)}</connectorFormat></connectorType>"
        f"{tag('meterId', cdr.meter_id[:20].strip())}<chargingPeriods>{times}<billingItem>"
        f"{tag('BillingItemType', 'energy')}</billingItem>{tag('billingValue', kwh(cdr.volume_e4_kwh))}"
        f"{tag('itemPrice', '0')}</chargingPeriods>{tag('currency', facts.currency)}"
    )


def said_emt_id(cdr: Cdr, cdr_id: str, token: TokenRecord | None) -> str:
    """By what a session was authorised: the card that the CDR names; where it names none the contract's only token;
    else something remote, called as the CDR.
    """
    uid = card_uid(cdr.token_id)
    if uid or cdr.token_id or token is None:
        kind, instance = ("rfid", uid) if uid else (REMOTE, REMOTE.upper() + cdr_id)
        return f'<emtId representation="plain">{tag("instance", instance)}{tag("tokenType", kind)}</emtId>'
    return (
        f'<emtId representation="{written(token.representation)}">{tag("instance", token.instance)}'
        f"{tag('tokenType', token.token_type)}{tag('tokenSubType', token.token_sub_type)}</emtId>"
    )


def said_local(instant: datetime, offset_s: int) -> str:
    """A local time with its offset in full minutes, without fractions of a second."""
    east = timedelta(minutes=offset_s // 60)
    return instant.replace(microsecond=0).astimezone(timezone(east)).isoformat()


def said_cdr_id(cdr_id: str, facts: Facts) -> str:
    """The id of a CDR as OCHP 1.4 has it: as it is, where it has the form and begins with the market id; else made."""
    if _CDR_ID.fullmatch(cdr_id) and cdr_id.startswith(facts.market_id):
        return cdr_id
    row, number = "", facts.first_row
    for _ in range(ROW_DIGITS):
        number, digit = divmod(number, 36)
        row = DIGITS[digit] + row
    return f"{facts.market_id}{_NO_SIGN.sub('', cdr_id.upper())[:SIGNS]}{MADE}{row}"


def row_of_made(cdr_id: str) -> int | None:
    """The row of the first revision of a CDR whose id may be made; None where it is not."""
    if not _CDR_ID.fullmatch(cdr_id) or len(cdr_id) < ROW_DIGITS + 6 or cdr_id[-ROW_DIGITS - 1] != MADE:
        return None
    return int(cdr_id[-ROW_DIGITS:], 36)


def made_of(said: str, cdr_id: str, first_row: int) -> bool:
    """Whether an id was made of the CDR with this id and first row, whatever market id its operator had."""
    return said != cdr_id and said == said_cdr_id(cdr_id, Facts(market_id_of(said) or "", first_row, "", None))


MADE_IDS = MadeIds(row_of_made, made_of)


def connector_of(point: ChargePoint | None) -> tuple[Connector, Current]:
    """The plug of a session, as the list of the operator says it; else the usual one."""
    if point is None:
        return USUAL_CONNECTOR, Current.AC
    known = [each for each in point.connectors if each.standard in CONNECTOR_STANDARDS]
    return (known or [USUAL_CONNECTOR])[0], point.current or Current.AC


def said_address(cdr: Cdr, evse_id: str, point: ChargePoint | None) -> str:
    """Where a session was; what the CDR does not say, the list of the operator may."""
    listed = ("", "", "") if point is None else (point.street_name, point.city, point.postal_code)
    street, number = said_street(
        cdr.address or listed[0] or cdr.city or listed[1] or NOT_SAID,
        "" if cdr.address or point is None else point.house_number,
    )
    country = cdr.country if cdr.country in country_codes() else country_of(evse_id[:2].upper())
    return (
        f"<chargePointAddress>{tag('houseNumber', number)}{tag('address', street)}"
        f"{tag('city', (cdr.city or listed[1])[:45] or NO_CITY)}"
        f"{tag('zipCode', said_zip_code(cdr.postal_code or listed[2]) or NO_ZIP_CODE)}{tag('country', country)}"
        "</chargePointAddress>"
    )
