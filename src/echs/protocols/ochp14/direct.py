"""The two operations of OCHPdirect at the hub: from elements to endpoints, and from endpoints to elements."""

from collections.abc import Iterable
from datetime import date
from xml.sax.saxutils import escape

from echs.base.errors import Problem
from echs.base.fields import FieldReason
from echs.direct.endpoint import PATTERNS, Endpoint, EndpointReason
from echs.partners.partner import PartyRole
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_parser import split

# The elements that repeat, and the role that each is of.
ELEMENTS = {"providerEndpointArray": PartyRole.PROVIDER, "operatorEndpointArray": PartyRole.OPERATOR}
SINGLE = ("url", "namespaceUrl", "accessToken", "validDate")
REPEATED = ("whitelist", "blacklist")
# As one client in the field writes it.
SPELLINGS = {"accesstoken": "accessToken"}


def read_endpoint(element: Element, position: int, contract: Contract) -> Endpoint | list[Problem]:
    """An endpoint of a request, or what is wrong with its form."""
    namespace, name = split(element.name)
    if not element.name or namespace != contract.namespace or name not in ELEMENTS:
        detail = f"is not an element of this request; {' and '.join(ELEMENTS)} are"
        return [Problem(FieldReason.FIELD_UNKNOWN, detail, position, name or None, field_as_sent=True)]
    texts: dict[str, list[str]] = {each: [] for each in (*SINGLE, *REPEATED)}
    problems: list[Problem] = []
    for child in element.children:
        space, local = split(child.name)
        local = SPELLINGS.get(local, local)
        if space != contract.namespace or local not in texts:
            problems.append(unknown(position, f"{name}/{local}"))
        else:
            texts[local].append(child.text.strip())
    for each in SINGLE:
        if len(texts[each]) != 1:
            reason = FieldReason.FIELD_REPEATED if texts[each] else FieldReason.FIELD_MISSING
            detail = "stands more than once" if texts[each] else "is missing or empty; a value is mandatory"
            problems.append(Problem(reason, detail, position, f"{name}/{each}", field_as_sent=True))
    if problems:
        return problems
    try:
        day = date.fromisoformat(texts["validDate"][0])
    except ValueError:
        detail = "is no day like 2027-12-31"
        place = f"{name}/validDate"
        return [Problem(EndpointReason.ENDPOINT_VALUE, detail, position, place, field_as_sent=True)]
    whitelist, blacklist = tuple(texts["whitelist"]), tuple(texts["blacklist"])
    role = role_of(ELEMENTS[name], whitelist)
    url, spoken, token = (texts[each][0] for each in ("url", "namespaceUrl", "accessToken"))
    return Endpoint(role, url, spoken, token, day, whitelist, blacklist)


def unknown(position: int, place: str) -> Problem:
    """An element that has no place in an endpoint."""
    detail = "is not an element of this type"
    return Problem(FieldReason.FIELD_UNKNOWN, detail, position, place, field_as_sent=True)


def role_of(said: PartyRole, whitelist: tuple[str, ...]) -> PartyRole:
    """The role of an endpoint: one client sends those of providers as those of operators, and its patterns tell."""
    contracts = all(PATTERNS[PartyRole.PROVIDER].fullmatch(pattern) for pattern in whitelist)
    return PartyRole.PROVIDER if said is PartyRole.OPERATOR and whitelist and contracts else said


def endpoint_text(endpoint: Endpoint) -> str:
    """An endpoint as it goes out."""
    (name,) = (name for name, role in ELEMENTS.items() if role is endpoint.role)
    single = (endpoint.url, endpoint.namespace, endpoint.access_token, endpoint.day.isoformat())
    inside = [element(each, text) for each, text in zip(SINGLE, single, strict=True)]
    inside += [element("whitelist", pattern) for pattern in endpoint.whitelist]
    inside += [element("blacklist", pattern) for pattern in endpoint.blacklist]
    return f"<{name}>{''.join(inside)}</{name}>"


def element(name: str, text: str) -> str:
    """An element with a text."""
    return f"<{name}>{escape(text)}</{name}>"


def endpoints_text(endpoints: Iterable[Endpoint]) -> bytes:
    """Endpoints as they go out."""
    return "".join(map(endpoint_text, endpoints)).encode()
