"""What a PHP SoapServer read is read: media types, codings, charsets, versions, and what old clients do with headers."""

import gzip
import logging
import zlib

import pytest

from cast import charge_point
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO, NAMESPACE
from echs.protocols.soap import envelope_parser
from echs.protocols.soap.envelope_parser import FEW_MARKUP
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.request_body import RequestBody
from wire import SOAP_11, SOAP_12, TYPES, envelope, identity, in_pieces, record_xml, request

GET = "<n:GetCDRsRequest/>"
LATIN = "Köln Straße"


@pytest.mark.parametrize("content_type", ["application/xml", "application/x-www-form-urlencoded", None, ""])
@pytest.mark.parametrize("namespace", [SOAP_11, SOAP_12])
def test_an_envelope_says_by_itself_what_it_is(office, content_type, namespace):
    answer = request(office.app, envelope(GET, namespace=namespace), content_type=content_type)
    assert answer.reason == "LOGIN_TOKEN_MISSING"
    assert answer.headers["Content-Type"] == TYPES[namespace]


@pytest.mark.parametrize(("said", "sent"), [(SOAP_11, SOAP_12), (SOAP_12, SOAP_11)])
def test_the_version_of_the_envelope_is_that_of_the_answer_whatever_the_media_type_says(office, said, sent, caplog):
    caplog.set_level(logging.INFO)
    answer = request(office.app, envelope(GET, namespace=sent), content_type=TYPES[said])
    assert (answer.status, answer.headers["Content-Type"]) == (200, TYPES[sent])
    assert answer.document.tag == f"{{{sent}}}Envelope"
    assert "came as" in caplog.text
    fault = request(office.app, envelope("<n:x/>", namespace=sent), content_type=TYPES[said])
    assert fault.headers["Content-Type"] == TYPES[sent]


@pytest.mark.parametrize(
    ("content_type", "environ", "kind"),
    [
        ('multipart/related; type="application/xop+xml"; start-info="text/xml"; boundary=x', {}, "Client"),
        ('multipart/related; type="application/xop+xml"; start-info="application/soap+xml"', {}, "Sender"),
        ("text/plain", {"HTTP_SOAPACTION": '""'}, "Client"),
    ],
)
def test_415_is_in_the_version_that_the_client_speaks_and_names_what_came(office, content_type, environ, kind):
    answer = request(office.app, envelope(GET), content_type=content_type, **environ)
    assert (answer.status, answer.fault) == (415, f"{kind}/MediaType")
    assert content_type.partition(";")[0] in answer.body.decode()


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("pack", [zlib.compress, raw], ids=["zlib", "raw"])
def test_deflate_is_read_with_its_header_and_without(office, pack):
    answer = request(office.app, pack(envelope(GET)), HTTP_CONTENT_ENCODING="deflate")
    assert answer.reason == "LOGIN_TOKEN_MISSING"


def upload(office, text: str = LATIN) -> bytes:
    record = record_xml(CHARGEPOINT_INFO, charge_point(1, city=text))
    return envelope(f"<n:SetChargePointListRequest>{record}</n:SetChargePointListRequest>", identity(office.tnm.token))


def city(office) -> str:
    (record,) = office.tnm.send("GetChargePointList").records(CHARGEPOINT_INFO)
    return record[5]


@pytest.mark.parametrize("encoding", ["windows-1252", "ISO-8859-1", "ISO-8859-15"])
@pytest.mark.parametrize("where", ["charset", "declaration"])
def test_the_charsets_of_old_windows_clients_are_read(office, encoding, where):
    text = LATIN if encoding == "ISO-8859-1" else f"{LATIN} €"
    body = upload(office, text).decode()
    if where == "declaration":
        body = body.replace("UTF-8", encoding)
    charset = f"; charset={encoding}" if where == "charset" else ""
    answer = request(office.app, body.encode(encoding), content_type=f"application/soap+xml{charset}")
    assert answer.code == 0, answer.body
    assert city(office) == text


@pytest.mark.parametrize("content_type", [TYPES[SOAP_12], "application/soap+xml"])
@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_latin_bytes_that_say_utf_8_are_read_as_windows_1252_with_a_warning(office, content_type, piece, caplog):
    body = upload(office).decode().encode("iso-8859-1")
    given = type("Slow", (), {"read": lambda _, size: read(size)})()
    read = in_pieces(body, piece)
    answer = request(office.app, body, content_type=content_type, **{"wsgi.input": given})
    assert (answer.code, city(office)) == (0, LATIN)
    assert "read as windows-1252" in (answer.text("resultDescription") or "")
    assert [record for record in caplog.records if record.levelno == logging.WARNING]


def test_a_body_that_is_utf_8_in_part_is_refused_with_the_bytes_that_are_not(office):
    body = upload(office, "Köln M\xfcnster").replace("\xfc".encode(), b"\xfc")
    answer = request(office.app, body)
    assert answer.fault == "Sender/NotWellFormed"
    assert "line 1, column" in answer.body.decode()
    assert "fc 6e 73 74" in answer.body.decode()


@pytest.mark.parametrize("name", ["tokenId", "pin", "authenticationId", "hash", "printedNumber"])
def test_no_error_shows_the_bytes_of_a_secret_field(office, name):
    inside = f"<n:AddCDRsRequest><n:cdrInfoArray><n:{name}>4711\x01</n:{name}></n:cdrInfoArray></n:AddCDRsRequest>"
    answer = request(office.app, envelope(inside, identity(office.tnm.token)))
    assert answer.fault == "Sender/NotWellFormed"
    assert b"4711" not in answer.body
    assert b"34 37" not in answer.body


def test_the_same_identity_twice_is_one(office):
    login = office.tnm.token
    assert office.tnm.send("GetCDRs", header=identity(login) + identity(login, "token")).code == 0


@pytest.mark.parametrize("namespace", ["", "urn:other"])
def test_an_identity_header_of_another_namespace_is_refused_in_words_that_say_so(office, namespace):
    answer = request(office.app, envelope(GET, f'<token xmlns="{namespace}">x</token>'))
    text = answer.text("resultDescription")
    assert answer.code == 102
    assert f"found {{{namespace}}}token" in text
    assert f"wanted {{{NAMESPACE}}}UserIdentityHeader or {{{NAMESPACE}}}token" in text


@pytest.mark.parametrize(
    ("request_xml", "expected"),
    [
        (
            '<AddCDRsRequest xmlns="http://ochp.eu/1.2"/>',
            f"found {{http://ochp.eu/1.2}}AddCDRsRequest, wanted {{{NAMESPACE}}}AddCDRsRequest.",
        ),
        ("<n:GetChargepointListRequest/>", "it is spelt GetChargePointListRequest here"),
        ("<n:AddCDRs/>", f"found {{{NAMESPACE}}}AddCDRs, wanted {{{NAMESPACE}}}AddCDRsRequest"),
        ("<n:DropRequest/>", "wanted one of AddCDRsRequest, AuthenticateRequest"),
    ],
)
def test_an_unknown_request_is_told_what_was_found_and_what_is_wanted(office, request_xml, expected):
    answer = request(office.app, envelope(request_xml))
    assert answer.fault == "Sender/UnknownOperation"
    assert expected in answer.body.decode()


@pytest.mark.parametrize("path", ["/s/ochp/service/index.php", "/ochp/service/index.php", "//service/index.php"])
def test_the_deployed_contract_answers_under_its_old_addresses(office, path, caplog):
    caplog.set_level(logging.INFO)
    assert request(office.app, envelope("<n:GetChargepointListRequest/>"), path=path).reason == "LOGIN_TOKEN_MISSING"
    (told,) = [record.line["path"] for record in caplog.records if hasattr(record, "line")]
    assert told == "/service/index.php"
    assert request(office.app, b"", method="GET", query="wsdl", path=path).status == 200


# ---------------------------------------------------------------------- bounded work before a login


class Counting(EnvelopeReader):
    """A reader that leaves behind what it did."""

    last: "Counting"

    def __init__(self, *arguments, **more) -> None:
        super().__init__(*arguments, **more)
        Counting.last = self


AUTHENTICATE = "<n:AuthenticateRequest>{}</n:AuthenticateRequest>"
DECLARED = " ".join(f'xmlns:p{number}="u"' for number in range(60))
EXPENSIVE = {
    "elements": AUTHENTICATE.format("<a/>" * 64_000),
    "one element again and again": AUTHENTICATE.format("<n:userId/>" * 28_000),
    "namespaces": AUTHENTICATE.format(f"<a {DECLARED}/>" * 230),
    "nested": AUTHENTICATE.format("<n:userId>" + "<a/>" * 60_000 + "</n:userId>"),
}


@pytest.mark.parametrize("name", EXPENSIVE)
@pytest.mark.parametrize("packed", [True, False])
def test_a_request_without_a_login_makes_little_work_whatever_it_holds(office, name, packed, monkeypatch):
    monkeypatch.setattr("echs.protocols.soap.wsgi.EnvelopeReader", Counting)
    body = envelope(EXPENSIVE[name])
    more = {"HTTP_CONTENT_ENCODING": "gzip"} if packed else {}
    answer = request(office.app, gzip.compress(body) if packed else body, **more)
    assert answer.fault is not None or answer.code != 0
    done = Counting.last
    assert done.few_markup <= FEW_MARKUP + 1
    assert done.source.count <= 64 * 1024


def test_a_small_request_is_inflated_to_64_kib_and_no_further(office, monkeypatch):
    monkeypatch.setattr("echs.protocols.soap.wsgi.EnvelopeReader", Counting)
    body = envelope(AUTHENTICATE.format("<!-- -->" * 20_000))
    answer = request(office.app, gzip.compress(body), HTTP_CONTENT_ENCODING="gzip")
    assert answer.reason == "UPLOAD_TOO_LARGE"
    assert Counting.last.source.count <= 96 * 1024


# ---------------------------------------------------------------------- expat that holds back


class HoldsBack:
    """Expat as Debian 12 has it, at its worst: it parses nothing before it is told of the end."""

    def __init__(self, **arguments) -> None:
        object.__setattr__(self, "parser", REAL(**arguments))
        object.__setattr__(self, "held", b"")

    def __setattr__(self, name, value) -> None:
        setattr(self.parser, name, value)

    def __getattr__(self, name):
        return getattr(self.parser, name)

    def Parse(self, data, end):
        object.__setattr__(self, "held", self.held + data)
        if end:
            self.parser.Parse(self.held, True)


REAL = envelope_parser.ParserCreate


@pytest.mark.parametrize("piece", [1, 65536])
def test_a_parser_that_holds_everything_back_until_the_end_loses_nothing(piece, monkeypatch):
    monkeypatch.setattr(envelope_parser, "ParserCreate", HoldsBack)
    body = envelope("<n:GetCDRsRequest><n:a>x</n:a></n:GetCDRsRequest>")
    reader = EnvelopeReader(RequestBody(in_pieces(body, piece), len(body), 10**6), None, None)
    monkeypatch.setattr(HoldsBack, "CurrentByteIndex", property(lambda self: reader._parser.fed), raising=False)
    assert reader.read_head().operation.endswith("GetCDRsRequest")
    assert [child.text for child in reader.children()] == ["x"]
