"""Odd but legal envelopes, generated: each is read as lxml reads it.

The reference reading takes the bytes that are sent, finds the records with lxml and looks at the text of each field.
Ours goes the whole way: uploaded over WSGI, downloaded again, compared value by value.
"""

import gzip
import io
import itertools
from dataclasses import dataclass, replace

import pytest
from lxml import etree

from cast import charge_point, token
from echs.protocols.ochp02.contracts import CONTRACTS, DEPLOYED, SPECIFIED, Contract
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO, NAMESPACE, ROAMING_AUTHORISATION_INFO
from wire import SOAP_11, SOAP_12, TYPES, escaped, identity, request

XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"
LATIN = {"city": " Kö&ln <1> ", "location_name": "a \"b\" 'c'", "postal_code": "]]", "opening_times": "a  b"}
WIDE = {"street_name": "Łódź Straße 😀", "hub_name": "Αθήνα"}


# ---------------------------------------------------------------------- how names are spelt


@dataclass(frozen=True)
class Prefixes:
    """Where the namespace is declared, and under which prefix, for each level of the document."""

    name: str
    envelope: str
    operation: str
    record: str
    field: str
    soap: str = "e"

    def tag(self, level: str, name: str) -> tuple[str, str]:
        """A name with its prefix, and the declarations that stand beside it."""
        declared = getattr(self, level)
        prefix, _, where = declared.partition("@")
        declaration = ""
        if where == "here":
            declaration = f' xmlns{":" + prefix if prefix else ""}="{NAMESPACE}"'
        return f"{prefix}:{name}" if prefix else name, declaration


PREFIXES = (
    Prefixes("one prefix, declared on the envelope", "n@here", "n", "n", "n"),
    Prefixes("the default namespace on the envelope", "@here", "", "", ""),
    Prefixes("the default namespace on the request", "z", "@here", "", ""),
    Prefixes("declared anew on every record", "z", "a@here", "b@here", "b"),
    Prefixes("declared anew on every field", "z", "a@here", "b@here", "c@here"),
    Prefixes("default on every field, prefix above", "n@here", "n", "n", "@here"),
    Prefixes("a long prefix with every sign", "_x.1-ÿ@here", "_x.1-ÿ", "_x.1-ÿ", "_x.1-ÿ"),
    Prefixes("the prefix that others use for SOAP", "soapenv@here", "soapenv", "soapenv", "soapenv"),
    Prefixes("SOAP is the default namespace", "n@here", "n", "n", "n", soap=""),
)

# ---------------------------------------------------------------------- how a value is written


def plain(tag: str, declaration: str, text: str) -> str:
    return f"<{tag}{declaration}>{escaped(text)}</{tag}>"


def closed(tag: str, declaration: str, text: str) -> str:
    return plain(tag, declaration, text) if text else f"<{tag}{declaration}/>"


def absent(tag: str, declaration: str, text: str) -> str:
    return plain(tag, declaration, text) if text else ""


def nil(tag: str, declaration: str, text: str) -> str:
    return plain(tag, declaration, text) if text else f'<{tag}{declaration} xsi:nil="true"/>'


def nil_with_white_space(tag: str, declaration: str, text: str) -> str:
    return plain(tag, declaration, text) if text else f"<{tag}{declaration} xsi:nil=' 1 '> </{tag}>"


def typed(tag: str, declaration: str, text: str) -> str:
    return f'<{tag}{declaration} xsi:type="xsd:string">{escaped(text)}</{tag}>'


def cdata(tag: str, declaration: str, text: str) -> str:
    return f"<{tag}{declaration}><![CDATA[{text}]]></{tag}>"


def cdata_in_pieces(tag: str, declaration: str, text: str) -> str:
    middle = len(text) // 2
    return f"<{tag}{declaration}>{escaped(text[:middle])}<![CDATA[{text[middle:]}]]><![CDATA[]]></{tag}>"


def with_comments(tag: str, declaration: str, text: str) -> str:
    middle = len(text) // 2
    inside = f"{escaped(text[:middle])}<!-- </{tag}> & ]]> -->{escaped(text[middle:])}"
    return f"<!-- <x> --><{tag}{declaration}>{inside}<!----></{tag}>"


def references(tag: str, declaration: str, text: str) -> str:
    signs = "".join(f"&#{ord(sign)};" if place % 2 else f"&#x{ord(sign):X};" for place, sign in enumerate(text))
    return f"<{tag}{declaration}>{signs}</{tag}>"


def with_attributes(tag: str, declaration: str, text: str) -> str:
    return f"<{tag} xml:space='preserve' id=\"1\"\n\t{declaration}  a='>' >{escaped(text)}</{tag}\n >"


WRITINGS = (
    plain,
    closed,
    absent,
    nil,
    nil_with_white_space,
    typed,
    cdata,
    cdata_in_pieces,
    with_comments,
    references,
    with_attributes,
)

# ---------------------------------------------------------------------- how it becomes bytes

# (declaration in the document, encoding, mark before it, charset in the header)
ENCODINGS = {
    "UTF-8": ("UTF-8", "utf-8", b"", None),
    "UTF-8 in small letters with a charset": ("utf-8", "utf-8", b"", "utf-8"),
    "UTF-8 without a declaration": (None, "utf-8", b"", None),
    "UTF-8 with a mark": ("UTF-8", "utf-8", b"\xef\xbb\xbf", None),
    "UTF-8 with a mark against its declaration": ("ISO-8859-1", "utf-8", b"\xef\xbb\xbf", None),
    "UTF-8 with a charset against its declaration": ("ISO-8859-1", "utf-8", b"", "UTF-8"),
    "UTF-16 little-endian": ("UTF-16", "utf-16-le", b"\xff\xfe", None),
    "UTF-16 big-endian": ("UTF-16", "utf-16-be", b"\xfe\xff", None),
    "UTF-16 without a declaration": (None, "utf-16-le", b"\xff\xfe", None),
    "UTF-16 with a charset": ("utf-16", "utf-16-le", b"\xff\xfe", "utf-16"),
    "UTF-16LE with a charset and no mark": (None, "utf-16-le", b"", "utf-16le"),
    "ISO-8859-1": ("ISO-8859-1", "iso-8859-1", b"", None),
    "ISO-8859-1 by its charset alone": (None, "iso-8859-1", b"", "iso-8859-1"),
    "latin1": ("latin1", "iso-8859-1", b"", None),
    "US-ASCII": ("US-ASCII", "ascii", b"", None),
}
NARROW = {"iso-8859-1", "ascii"}
ORDERS = {
    "as it stands": lambda fields: fields,
    "backwards": lambda fields: fields[::-1],
    "turned": lambda f: f[5:] + f[:5],
}
LAYOUTS = {"none": "", "lines": "\n    ", "carriage returns": "\r\n\t"}
TRANSPORTS = ("plain", "gzip", "gzip in members", "without a length", "byte by byte")


@dataclass(frozen=True)
class Case:
    """One envelope; everything not named is as a toolkit would do it."""

    prefixes: Prefixes = PREFIXES[0]
    writing: object = plain
    encoding: str = "UTF-8"
    order: str = "as it stands"
    layout: str = "none"
    transport: str = "plain"
    version: str = SOAP_12
    contract: Contract = SPECIFIED
    header: str = ""
    records: str = "points"

    def __str__(self) -> str:
        usual = Case()
        odd = []
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value != getattr(usual, name):
                odd.append(getattr(value, "name", None) or getattr(value, "__name__", None) or str(value))
        return ", ".join(odd).replace(SOAP_11, "SOAP 1.1") or "the usual"

    @property
    def operation(self) -> str:
        return "SetRoamingAuthorisationList" if self.records == "tokens" else f"Set{self.contract.chargepoint}List"

    def nouns(self):
        narrow = ENCODINGS[self.encoding][1] in NARROW
        if self.records == "tokens":
            odd = {"printed_number": " 1 & 2 ", "pin": "0042", "expiry_date": ""}
            return ROAMING_AUTHORISATION_INFO, [token(1, **odd), token(2, hub=0)]
        odd = LATIN | ({} if narrow else WIDE)
        if ENCODINGS[self.encoding][1] == "ascii" and self.writing is not references:
            odd = {"city": "Koeln & <1>", "street_name": "Koenigsallee"}
        return CHARGEPOINT_INFO, [charge_point(1, **odd), charge_point(2, city="Koeln", telephone_number=" ")]

    def document(self) -> str:
        record, nouns = self.nouns()
        gap = LAYOUTS[self.layout]
        body = []
        for noun in nouns:
            tag, declared = self.prefixes.tag("record", record.element)
            fields = []
            for wire, value in ORDERS[self.order](list(zip(record.fields, noun, strict=True))):
                fields.append(self.writing(*self.prefixes.tag("field", wire.name), str(value)))
            body.append(f"<{tag}{declared}>{gap}{gap.join(fields)}{gap}</{tag}>")
        tag, declared = self.prefixes.tag("operation", f"{self.operation}Request")
        inner = f"<{tag}{declared}>{gap}{gap.join(body)}{gap}</{tag}>"
        _, declared = self.prefixes.tag("envelope", "")
        soap = self.prefixes.soap
        e, own = (f"{soap}:", f"xmlns:{soap}") if soap else ("", "xmlns")
        known = identity("@TOKEN@", self.contract.identity_header)
        head = f'<{e}Header xmlns:n="{NAMESPACE}">{self.header}{known}</{e}Header>'
        instance = f'xmlns:xsi="{XSI}" xmlns:xsd="{XSD}"'
        envelope = (
            f'<{e}Envelope {own}="{self.version}" {instance}{declared}>{gap}{head}{gap}'
            f"<{e}Body>{gap}{inner}{gap}</{e}Body>{gap}</{e}Envelope>{gap}"
        )
        declaration = ENCODINGS[self.encoding][0]
        return (f'<?xml version="1.0" encoding="{declaration}"?>{gap}' if declaration else "") + envelope

    def send(self, app, login: str):
        """The bytes of the document, and the answer to them."""
        _, encoding, mark, charset = ENCODINGS[self.encoding]
        body = mark + self.document().replace("@TOKEN@", login).encode(encoding)
        media_type = TYPES[self.version].partition(";")[0] + (f"; charset={charset}" if charset else "")
        sent, environ = body, {}
        if self.transport.startswith("gzip"):
            half = len(body) // 2
            members = (body,) if self.transport == "gzip" else (body[:half], b"", body[half:])
            sent = b"".join(map(gzip.compress, members))
            environ["HTTP_CONTENT_ENCODING"] = "gzip"
        elif self.transport == "without a length":
            environ.update({"length": "", "wsgi.input_terminated": True})
        elif self.transport == "byte by byte":

            class Slow(io.BytesIO):
                def read(self, size=-1):
                    return super().read(min(size, 1))

            environ["wsgi.input"] = Slow(body)
        return body, request(app, sent, content_type=media_type, path=self.contract.path, **environ)


def every_case() -> list[Case]:
    """Every oddity with those that it could get in the way of."""
    usual = Case()
    cases = [replace(usual, prefixes=p, writing=w) for p, w in itertools.product(PREFIXES, WRITINGS)]
    cases += [
        replace(usual, encoding=name, version=version, contract=contract)
        for name, version, contract in itertools.product(ENCODINGS, (SOAP_11, SOAP_12), CONTRACTS)
    ]
    cases += [
        replace(usual, writing=w, order=order, layout=layout, version=SOAP_11, contract=DEPLOYED)
        for w, order, layout in itertools.product(WRITINGS, ORDERS, ("lines", "carriage returns"))
    ]
    cases += [
        replace(usual, transport=transport, encoding=name, writing=cdata_in_pieces)
        for transport, name in itertools.product(TRANSPORTS, ("UTF-8", "UTF-16 big-endian", "ISO-8859-1"))
    ]
    cases += [replace(usual, encoding=name, writing=references) for name in ("US-ASCII", "ISO-8859-1")]
    cases += [
        replace(usual, records="tokens", writing=w, version=version, contract=contract)
        for w, version, contract in itertools.product(
            (plain, typed, cdata, with_comments), (SOAP_11, SOAP_12), CONTRACTS
        )
    ]
    headers = (
        '<w:Action xmlns:w="http://www.w3.org/2005/08/addressing">x</w:Action>',
        '<w:Security xmlns:w="urn:wsse"><w:UsernameToken a="1"><w:Username>x</w:Username></w:UsernameToken></w:Security>',
        '<x xmlns="" id="1"/>',
        "<!-- nothing -->",
    )
    cases += [replace(usual, header=header, version=v) for header in headers for v in (SOAP_11, SOAP_12)]
    return list(dict.fromkeys(cases))


CASES = every_case()


def reference(body: bytes, case: Case) -> list[tuple[str, ...]]:
    """The records as lxml reads them, by the names and in the order of the protocol."""
    record, _ = case.nouns()
    mark, charset = ENCODINGS[case.encoding][2:]
    parser = etree.XMLParser(encoding=None if mark else charset)
    read = []
    for element in etree.fromstring(body, parser).iter(f"{{{NAMESPACE}}}{record.element}"):
        texts = {child.tag: child.xpath("string()") for child in element if isinstance(child.tag, str)}
        empty = {child.tag for child in element if (child.get(f"{{{XSI}}}nil") or "").strip() in ("1", "true")}
        names = [f"{{{NAMESPACE}}}{wire.name}" for wire in record.fields]
        assert set(texts) <= set(names)
        read.append(tuple("" if name in empty else texts.get(name, "") for name in names))
    return read


def test_the_corpus_is_large_and_no_case_stands_twice():
    assert len(CASES) >= 150
    assert len({case.document().encode() + str(case).encode() for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_odd_but_legal_envelope_is_read_as_lxml_reads_it(office, case):
    body, answer = case.send(office.app, office.tnm.token)
    assert answer.code == 0, answer.body
    assert answer.document.tag == f"{{{case.version}}}Envelope"
    record, _ = case.nouns()
    download = "GetRoamingAuthorisationList" if case.records == "tokens" else "GetChargePointList"
    expected = reference(body, case)
    assert len(expected) == 2
    assert office.tnm.send(download).records(record) == expected
