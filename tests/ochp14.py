"""Talking OCHP 1.4 to the WSGI application: envelopes by hand, answers as lxml reads them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree
from sqlalchemy import insert

from cast import PASSWORDS
from echs.base.resources import contracts
from echs.config.app_context import AppContext
from echs.partners import enrolment, tables
from echs.partners.partner import PartyRole, party_key
from echs.partners.queries import partner_of_user
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.security import PASSWORD_TEXT, WSSE
from echs.protocols.ochp14.token_format import TokenRecord
from wire import SOAP_11, Response, escaped, request

O = f"{{{PUBLISHED.namespace}}}"  # noqa: E741 - stands before every name
FAR = "2030-12-31T22:59:59Z"


def token14(number: int, **changed: Any) -> TokenRecord:
    """A valid token of a provider with the market id NL-TNM."""
    record = TokenRecord("", f"{number:014X}", "rfid", "mifareDes", f"NL-TNM-C{number:08d}", f"{number:06d}", FAR)
    return record._replace(**changed)


def optional(name: str, inside: str) -> str:
    """An element with XML in it, left out where it would be empty."""
    return f"<o:{name}>{inside}</o:{name}>" if inside else ""


def values(element: Any) -> list[tuple[str, str]]:
    """Everything in an element, in order, without white space and prefixes."""
    found = [(etree.QName(element).localname, (element.text or "").strip())]
    found += [(f"@{name}", text) for name, text in sorted(element.attrib.items())]
    return found + [each for child in element for each in values(child)]


def sent_values(text: str) -> list[tuple[str, str]]:
    """The same of XML as a client writes it."""
    return values(etree.fromstring(f'<r xmlns:o="{PUBLISHED.namespace}">{text}</r>')[0])


def token_xml(record: TokenRecord, element: str = "roamingAuthorisationInfoArray") -> str:
    """A token as a client writes it, with what is empty left out."""
    record = TokenRecord._make(map(escaped, record))
    given = f' representation="{record.representation}"' if record.representation else ""

    return (
        f"<o:{element}><o:EmtId{given}>{optional('instance', record.instance)}{optional('tokenType', record.token_type)}"
        f"{optional('tokenSubType', record.token_sub_type)}</o:EmtId>{optional('contractId', record.contract_id)}"
        f"{optional('printedNumber', record.printed_number)}<o:expiryDate>{optional('DateTime', record.expiry_date)}"
        f"</o:expiryDate></o:{element}>"
    )


def point_xml(
    evse_id: str = "NL*TNM*E1",
    *,
    name: str = "Station",
    language: str = "NLD",
    number: str = "10",
    country: str = "NLD",
    lat: str = "52.091200",
    timestamp: str = "",
    images: str = "",
    resources: str = "",
    related: str = "",
    zone: str = "",
    hours: str = "",
    status: str = "Operative",
    schedule: str = "",
    phone: str = "",
    spots: str = "",
    restrictions: str = "",
    methods: tuple[str, ...] = ("RfidMifareDes", "Iec15118"),
    ratings: str = "",
    languages: tuple[str, ...] = (),
    reservation: str = "",
    more: str = "",
) -> str:
    """A charge point as a client writes it, with what is empty left out."""

    plugs = "".join(
        f"<o:connectors><o:connectorStandard><o:ConnectorStandard>{standard}</o:ConnectorStandard></o:connectorStandard>"
        f"<o:connectorFormat><o:ConnectorFormat>{form}</o:ConnectorFormat></o:connectorFormat>"
        f"{optional('tariffId', tariff)}</o:connectors>"
        for standard, form, tariff in (("IEC_62196_T2", "Cable", "NL*TNM*T1"), ("DOMESTIC_F", "Socket", ""))
    )
    return (
        f"<o:chargePointInfoArray><o:evseId>{evse_id}</o:evseId><o:locationId>L 1</o:locationId>"
        f"{optional('timestamp', timestamp)}<o:locationName>{name}</o:locationName>"
        f"<o:locationNameLang>{language}</o:locationNameLang>{optional('images', images)}{resources}"
        f"<o:chargePointAddress>{optional('houseNumber', number)}<o:address>Kade</o:address><o:city>Utrecht</o:city>"
        f"<o:zipCode>3511 AB</o:zipCode><o:country>{country}</o:country></o:chargePointAddress>"
        f'<o:chargePointLocation lat="{lat}" lon="5.122100"/>{related}{optional("timeZone", zone)}'
        f"{optional('openingTimes', hours)}<o:status><o:ChargePointStatusType>{status}</o:ChargePointStatusType></o:status>"
        f"{schedule}{optional('telephoneNumber', phone)}<o:location><o:GeneralLocationType>on-street"
        f"</o:GeneralLocationType></o:location>{spots}{restrictions}"
        + "".join(optional("authMethods", optional("AuthMethodType", each)) for each in methods)
        + f"{plugs}<o:chargePointType>AC</o:chargePointType>{optional('ratings', ratings)}"
        + "".join(optional("userInterfaceLang", each) for each in languages)
        + f"{optional('maxReservation', reservation)}{more}</o:chargePointInfoArray>"
    )


def period_xml(
    item: str = "energy",
    value: str = "12.5",
    price: str = "0.40",
    cost: str = "5.00",
    *,
    tax: str = "21",
    more: str = "",
) -> str:
    """A billing period over the whole session of `cdr_xml`."""

    return (
        f"<o:chargingPeriods><o:startDateTime><o:LocalDateTime>{START}</o:LocalDateTime></o:startDateTime><o:endDateTime>"
        f"<o:LocalDateTime>{END}</o:LocalDateTime></o:endDateTime><o:billingItem><o:BillingItemType>{item}"
        f"</o:BillingItemType></o:billingItem><o:billingValue>{value}</o:billingValue><o:itemPrice>{price}</o:itemPrice>"
        f"{optional('periodCost', cost)}{optional('taxrate', tax)}{more}</o:chargingPeriods>"
    )


START, END = "2026-09-24T10:00:00+02:00", "2026-09-24T11:30:00+02:00"


def cdr_xml(
    cdr_id: str = "NLTNM000001",
    *,
    status: str = "new",
    evse_id: str = "NL*TNM*E01000851",
    instance: str = "04A1B2C3D4E5F6",
    representation: str = "",
    token_type: str = "rfid",
    contract_id: str = "NL-ANW-C00000001",
    start: str = START,
    end: str = END,
    duration: str = "001:30:00",
    periods: tuple[str, ...] | None = None,
    total: str = "5.00",
    currency: str = "EUR",
    more: str = "",
) -> str:
    """A CDR of an operator with the market id NL-TNM for a provider with NL-ANW, as a client writes it."""

    given = f' representation="{representation}"' if representation else ""
    return (
        f"<o:cdrInfoArray>{optional('CdrId', cdr_id)}<o:evseId>{evse_id}</o:evseId><o:emtId{given}><o:instance>{instance}"
        f"</o:instance><o:tokenType>{token_type}</o:tokenType></o:emtId><o:contractId>{contract_id}</o:contractId>"
        f"<o:status><o:CdrStatusType>{status}</o:CdrStatusType></o:status><o:startDateTime><o:LocalDateTime>{start}"
        f"</o:LocalDateTime></o:startDateTime><o:endDateTime><o:LocalDateTime>{end}</o:LocalDateTime></o:endDateTime>"
        f"{optional('duration', duration)}<o:chargePointAddress><o:houseNumber>10</o:houseNumber><o:address>Kade"
        "</o:address><o:city>Utrecht</o:city><o:zipCode>3511 AB</o:zipCode><o:country>NLD</o:country>"
        "</o:chargePointAddress><o:chargePointType>AC</o:chargePointType><o:connectorType><o:connectorStandard>"
        "<o:ConnectorStandard>IEC_62196_T2</o:ConnectorStandard></o:connectorStandard><o:connectorFormat>"
        "<o:ConnectorFormat>Cable</o:ConnectorFormat></o:connectorFormat><o:tariffId>NL*TNM*T1</o:tariffId>"
        "</o:connectorType><o:ratings><o:maximumPower>22.08</o:maximumPower></o:ratings><o:meterId>M-1</o:meterId>"
        + "".join((period_xml(),) if periods is None else periods)
        + f"{optional('totalCost', total)}<o:currency>{currency}</o:currency>{more}</o:cdrInfoArray>"
    )


def security(user_id: str, password: str, type_: str = PASSWORD_TEXT, more: str = "") -> str:
    """The header of WS-Security."""
    return (
        f'<w:Security e:mustUnderstand="1" xmlns:w="{WSSE}"><w:UsernameToken><w:Username>{escaped(user_id)}</w:Username>'
        f'<w:Password Type="{type_}">{escaped(password)}</w:Password>{more}</w:UsernameToken></w:Security>'
    )


@dataclass
class Answer14:
    """An answer of OCHP 1.4."""

    response: Response

    @property
    def code(self) -> str | None:
        """The result code; None where the answer has none."""
        return self.response.document.findtext(f".//{O}result/{O}resultCode/{O}resultCode")

    @property
    def text(self) -> str:
        """The description."""
        return self.response.document.findtext(f".//{O}result/{O}resultDescription") or ""

    @property
    def fault(self) -> str | None:
        """The subcode of a fault."""
        return self.response.document.findtext(f".//{O}subcode")

    def elements(self, name: str) -> list[Any]:
        """The children of the response element with this name."""
        (body,) = self.response.document.iter(f"{{{SOAP_11}}}Body")
        return list(body[0].iterfind(f"{O}{name}"))

    def tokens(self, name: str) -> list[TokenRecord]:
        """The tokens under this name."""
        return [read_token(each) for each in self.elements(name)]


@cache
def schema(wsdl_file: str) -> etree.XMLSchema:
    """The schema of a contract, by itself, with the prefixes that are declared above it."""
    found = etree.parse(str(contracts() / wsdl_file)).find(".//{http://www.w3.org/2001/XMLSchema}schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


def valid(answer: Answer14, wsdl_file: str = PUBLISHED.wsdl_file) -> Answer14:
    """The answer, when it is valid by its contract."""
    assert answer.response.status == 200, answer.response.body
    (body,) = answer.response.document.iter(f"{{{SOAP_11}}}Body")
    schema(wsdl_file).assertValid(etree.ElementTree(body[0]))
    return answer


def read_token(element: Any) -> TokenRecord:
    """A token as an answer has it."""
    emt = element.find(f"{O}EmtId")
    return TokenRecord(
        emt.get("representation", ""),
        *(emt.findtext(f"{O}{name}") or "" for name in ("instance", "tokenType", "tokenSubType")),
        *(element.findtext(f"{O}{name}") or "" for name in ("contractId", "printedNumber")),
        element.findtext(f"{O}expiryDate/{O}DateTime") or "",
    )


def envelope14(body: str, header: str) -> bytes:
    """An envelope of SOAP 1.1 around a body, with ``o`` for the namespace of OCHP 1.4."""
    return (
        f'<e:Envelope xmlns:e="{SOAP_11}" xmlns:o="{PUBLISHED.namespace}"><e:Header>{header}</e:Header>'
        f"<e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


class Caller14:
    """A partner's back end that speaks OCHP 1.4."""

    def __init__(self, app: Any, user_id: str) -> None:
        self.app, self.user_id = app, user_id
        self.header = security(user_id, PASSWORDS[user_id])

    def send(
        self,
        operation: str,
        members: str = "",
        header: str | None = None,
        path: str = PUBLISHED.service_path,
        **more: Any,
    ) -> Answer14:
        """One call with these members as XML."""
        inside = f"<o:{operation}Request>{members}</o:{operation}Request>"
        body = envelope14(inside, self.header if header is None else header)
        return Answer14(request(self.app, body, content_type="text/xml; charset=utf-8", path=path, **more))

    def set(self, *tokens: TokenRecord) -> Answer14:
        """SetRoamingAuthorisationList."""
        return self.send("SetRoamingAuthorisationList", "".join(map(token_xml, tokens)))

    def update(self, *tokens: TokenRecord) -> Answer14:
        """UpdateRoamingAuthorisationList."""
        return self.send("UpdateRoamingAuthorisationList", "".join(map(token_xml, tokens)))

    def get(self) -> Answer14:
        """GetRoamingAuthorisationList."""
        return self.send("GetRoamingAuthorisationList")

    def updates(self, since: str) -> Answer14:
        """GetRoamingAuthorisationListUpdates."""
        member = f"<o:lastUpdate><o:DateTime>{since}</o:DateTime></o:lastUpdate>"
        return self.send("GetRoamingAuthorisationListUpdates", member)

    def single(self, record: TokenRecord) -> Answer14:
        """GetSingleRoamingAuthorisation, of the EmtId of a token."""
        given = f' representation="{record.representation}"' if record.representation else ""
        member = f"<o:instance>{record.instance}</o:instance><o:tokenType>{record.token_type}</o:tokenType>"
        return self.send("GetSingleRoamingAuthorisation", f"<o:emtId{given}>{member}</o:emtId>")


def drawn(record: TokenRecord) -> TokenRecord:
    """A token as it comes out: plain is said."""
    return record._replace(representation=record.representation or "plain")


def two_of_one_market_id(context: AppContext, user_id: str, role: PartyRole, party_id: str) -> None:
    """Give a partner an id whose market id another one has, as only stores of older releases have it."""
    owner = partner_of_user(context, user_id)
    row = {"partner_id": owner.id, "role": role, "party_key": party_key(party_id), "party_id": party_id, "active": True}
    with context.database.write() as transaction:
        transaction.execute(insert(tables.party_id).values(**row))


def with_market_ids(context: AppContext) -> None:
    """Let the partners of the cast meet partners of OCHP 1.4: each gets a market id for each of its roles."""
    for user_id, party_id, market_id, roles in (
        ("tnm", "TheNewMotion", "NLTNM", (PartyRole.OPERATOR, PartyRole.PROVIDER)),
        ("lnd", "ladenetz.de", "DELND", (PartyRole.OPERATOR, PartyRole.PROVIDER)),
        ("anwb", "ANWB", "NLANW", (PartyRole.PROVIDER,)),
    ):
        for role in roles:
            enrolment.set_market_id(context, user_id, role, party_id, market_id)
