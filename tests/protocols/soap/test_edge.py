"""What is no request of ours: each gets a clean fault with the code it deserves, and never an exception.

Every case stands for something that Spyne's own SOAP protocol answers wrongly or not at all.
"""

import logging

import pytest

from wire import PATH, SOAP_11, SOAP_12, TYPES, envelope, identity, request

pytestmark = pytest.mark.one_store

GET = "<n:GetCDRsRequest/>"
OTHER = envelope(GET).replace(b"2003/05", b"2019/12")

FAULTS = [
    ("an empty body", b"", "Sender/NotWellFormed", 400),
    ("not XML", b"hello", "Sender/NotWellFormed", 400),
    ("XML that breaks off", envelope(GET)[:-20], "Sender/NotWellFormed", 400),
    ("XML with a wrong end tag", envelope(GET).replace(b"</e:Body>", b"</e:Bodi>"), "Sender/NotWellFormed", 400),
    ("an unbound prefix", envelope(GET).replace(b"<n:Get", b"<x:Get"), "Sender/NotWellFormed", 400),
    ("rubbish after the envelope", envelope(GET) + b"<x/>", "Sender/NotWellFormed", 400),
    ("another document", b"<html><body/></html>", "Sender/NotAnEnvelope", 400),
    ("an envelope of another version", OTHER, "VersionMismatch/EnvelopeVersion", 500),
    ("an empty SOAP body", envelope(""), "Sender/EmptyBody", 400),
    ("no SOAP body", envelope("").replace(b"<e:Body></e:Body>", b""), "Sender/EmptyBody", 400),
    ("a header alone", envelope("").replace(b"<e:Body></e:Body>", b"<e:Header/>"), "Sender/EmptyBody", 400),
    ("two requests", envelope(GET + GET), "Sender/SecondRequest", 400),
    ("two bodies", envelope(GET).replace(b"</e:Body>", b"</e:Body><e:Body/>"), "Sender/BadEnvelope", 400),
    ("two headers", envelope(GET, "<n:x/>").replace(b"<e:Body>", b"<e:Header/><e:Body>"), "Sender/BadEnvelope", 400),
    (
        "a header after the body",
        envelope(GET).replace(b"</e:Body>", b"</e:Body><e:Header/>"),
        "Sender/BadEnvelope",
        400,
    ),
    ("something after the body", envelope(GET).replace(b"</e:Body>", b"</e:Body><n:x/>"), "Sender/BadEnvelope", 400),
    ("text in the envelope", envelope(GET).replace(b"<e:Body>", b"text<e:Body>"), "Sender/BadEnvelope", 400),
    ("text in the body", envelope("text" + GET), "Sender/BadEnvelope", 400),
    ("an unknown operation", envelope("<n:DropTablesRequest/>"), "Sender/UnknownOperation", 400),
    ("an operation of another namespace", envelope("<GetCDRsRequest/>"), "Sender/UnknownOperation", 400),
    ("an operation in another case", envelope("<n:getcdrsrequest/>"), "Sender/UnknownOperation", 400),
    ("a response", envelope("<n:GetCDRsResponse/>"), "Sender/UnknownOperation", 400),
    ("a fault", envelope("<e:Fault/>"), "Sender/UnknownOperation", 400),
    ("a DTD", b"<!DOCTYPE x>" + envelope(GET)[38:], "Sender/DtdForbidden", 400),
    (
        "billion laughs",
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + envelope("<n:x>&b;</n:x>")[38:],
        "Sender/DtdForbidden",
        400,
    ),
    (
        "an external entity",
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + envelope("<n:x>&f;</n:x>")[38:],
        "Sender/DtdForbidden",
        400,
    ),
    ("an undefined entity", envelope("<n:GetCDRsRequest>&x;</n:GetCDRsRequest>"), "Sender/NotWellFormed", 400),
    ("a processing instruction", envelope("<?php echo 1?>" + GET), "Sender/InstructionForbidden", 400),
    ("a style sheet", b'<?xml-stylesheet href="x"?>' + envelope(GET)[38:], "Sender/InstructionForbidden", 400),
    (
        "multi-reference values",
        envelope('<n:AddCDRsRequest><n:cdrInfoArray href="#1"/></n:AddCDRsRequest>'),
        "Sender/MultiReference",
        400,
    ),
    ("a control character", envelope("<n:GetCDRsRequest>\x01</n:GetCDRsRequest>"), "Sender/NotWellFormed", 400),
    (
        "a header that must be understood",
        envelope(GET, '<n:x e:mustUnderstand="1"/>'),
        "MustUnderstand/HeaderNotUnderstood",
        500,
    ),
    ("the same in words", envelope(GET, '<n:x e:mustUnderstand="true"/>'), "MustUnderstand/HeaderNotUnderstood", 500),
    (
        "deep nesting",
        envelope("<n:GetCDRsRequest>" + "<n:a>" * 40 + "</n:a>" * 40 + "</n:GetCDRsRequest>"),
        "Sender/TooDeep",
        400,
    ),
    ("deep nesting in a header", envelope(GET, "<n:a>" * 40 + "</n:a>" * 40), "Sender/TooDeep", 400),
    (
        "many attributes",
        envelope("<n:GetCDRsRequest " + " ".join(f'a{i}="1"' for i in range(65)) + "/>"),
        "Sender/TooManyAttributes",
        400,
    ),
    ("a long namespace", envelope(f'<n:GetCDRsRequest xmlns:x="{"u" * 300}"/>'), "Sender/TooManyNamespaces", 400),
    ("a long name", envelope(f"<n:GetCDRsRequest><n:{'x' * 600}/></n:GetCDRsRequest>"), "Sender/TooManyNames", 400),
    (
        "many fields",
        envelope(f"<n:GetCDRsRequest><n:x>{'<n:a/>' * 65}</n:x></n:GetCDRsRequest>"),
        "Sender/TooManyFields",
        400,
    ),
    ("many header blocks", envelope(GET, "<n:x/>" * 33), "Sender/HeadTooLarge", 400),
    ("a large head", envelope(GET, f"<n:x>{'x' * 200_000}</n:x>"), "Sender/HeadTooLarge", 400),
    ("an unknown encoding", envelope(GET).replace(b"UTF-8", b"UTF-7"), "Sender/UnknownEncoding", 400),
    (
        "bytes that are no UTF-8 among others that are",
        envelope("<n:GetCDRsRequest>é\xff</n:GetCDRsRequest>").replace("\xff".encode(), b"\xff"),
        "Sender/NotWellFormed",
        400,
    ),
]


@pytest.mark.parametrize(("body", "fault", "status"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_what_is_no_request_gets_its_fault(app, body, fault, status, caplog):
    answer = request(app, body)
    assert (answer.fault, answer.status) == (fault, status)
    assert answer.headers["Content-Type"] == TYPES[SOAP_12]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("content_type", "fault"),
    [
        ("text/plain", "Sender/MediaType"),
        ("application/json", "Sender/MediaType"),
        ("multipart/related; type=application/soap+xml", "Sender/MediaType"),
        ("text/xml/x", "Sender/MediaType"),
        ("application/soap+xml; charset=utf-7", "Sender/UnknownCharset"),
        ("application/soap+xml; charset=nonsense", "Sender/UnknownCharset"),
        ('application/soap+xml;CHARSET = "x y"', "Sender/UnknownCharset"),
        ("application/soap+xml;0*;charset=x", "Sender/UnknownCharset"),
        ("x;" * 5000, "Sender/MediaType"),
        ("application/soap+xml\x01\nX: y", "Sender/MediaType"),
    ],
)
def test_a_wrong_media_type_or_charset_is_415(app, content_type, fault):
    answer = request(app, envelope(GET), content_type=content_type)
    assert (answer.fault, answer.status) == (fault, 415)


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "٣"])
def test_a_wrong_content_length_is_a_fault(app, length):
    assert request(app, envelope(GET), length=length).fault == "Sender/ContentLength"


def test_a_body_shorter_than_announced_is_a_fault(app):
    body = envelope(GET)
    assert request(app, body, length=str(len(body) + 10)).fault == "Sender/BodyIncomplete"


def test_a_body_that_breaks_off_is_a_fault(app):
    class Broken:
        def read(self, _size: int) -> bytes:
            raise ConnectionResetError

    assert request(app, b"", length="100", **{"wsgi.input": Broken()}).fault == "Sender/BodyIncomplete"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PROPFIND", ""])
def test_another_method_is_405_and_says_which_are_allowed(app, method):
    answer = request(app, b"", method=method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST"


def test_a_fault_of_1_1_has_the_form_of_1_1(app):
    answer = request(app, envelope("", namespace=SOAP_11), content_type=TYPES[SOAP_11])
    assert (answer.fault, answer.status) == ("Client/EmptyBody", 500)
    assert answer.headers["Content-Type"] == TYPES[SOAP_11]


def test_a_fault_has_reason_language_and_request_id(app):
    answer = request(app, envelope(""))
    text = answer.document.find(f".//{{{SOAP_12}}}Reason/{{{SOAP_12}}}Text")
    assert text.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert answer.headers["X-Request-ID"] in text.text
    assert answer.text("requestId") == answer.headers["X-Request-ID"]


def test_the_header_that_was_not_understood_is_named(app):
    answer = request(app, envelope(GET, '<w:Security xmlns:w="urn:wsse" e:mustUnderstand="1"/>'))
    (block,) = answer.document.iter(f"{{{SOAP_12}}}NotUnderstood")
    prefix, _, name = block.get("qname").partition(":")
    assert (block.nsmap[prefix], name) == ("urn:wsse", "Security")


@pytest.mark.parametrize("namespace", ["http://[", "%zz", "http://é", "\\"])
def test_a_header_of_an_odd_namespace_is_refused_like_any_other(app, namespace):
    answer = request(app, envelope(GET, f'<x xmlns="{namespace}" e:mustUnderstand="1"/>'))
    assert (answer.fault, answer.status) == ("MustUnderstand/HeaderNotUnderstood", 500)


def test_a_header_without_a_namespace_is_named_without_a_prefix(app):
    answer = request(app, envelope(GET, '<foo e:mustUnderstand="1"/>'))
    assert answer.fault == "MustUnderstand/HeaderNotUnderstood"
    assert b'qname="foo"' in answer.body


@pytest.mark.parametrize(
    "content_type",
    [
        "application/soap+xml",
        'Application/SOAP+XML; Charset="UTF-8"; action="x;y"',
        "application/soap+xml;0*;action*0=1",
    ],
)
def test_other_parameters_of_the_media_type_do_not_matter(app, content_type):
    assert request(app, envelope(GET), content_type=content_type).reason == "LOGIN_TOKEN_MISSING"


def test_the_versions_that_are_spoken_are_named(app):
    answer = request(app, OTHER)
    found = [(e.get("qname").partition(":")[0], e) for e in answer.document.iter(f"{{{SOAP_12}}}SupportedEnvelope")]
    assert [element.nsmap[prefix] for prefix, element in found] == [SOAP_12, SOAP_11]


@pytest.mark.parametrize(
    "header",
    [
        '<n:UserIdentityHeader e:mustUnderstand="1">x</n:UserIdentityHeader>',
        '<n:x e:mustUnderstand="0"/>',
        '<n:x e:mustUnderstand="1" e:role="urn:somebody-else"/>',
        "<w:Action xmlns:w='urn:addressing'>GetCDRs</w:Action>",
    ],
)
def test_other_headers_do_not_stand_in_the_way(app, header):
    assert request(app, envelope(GET, header)).fault is None


def test_a_body_without_length_is_read_to_its_end_where_the_server_tells_it(app):
    answer = request(app, envelope(GET), length="", **{"wsgi.input_terminated": True})
    assert answer.reason == "LOGIN_TOKEN_MISSING"


def test_a_path_that_is_not_ours_is_404(app):
    for path in ("/", "/ochp", "/ochp/0.2/x", "/ochp/0.3", "/statements/", "/..", "/ochp/0.2%00"):
        assert request(app, envelope(GET), path=path).status == 404
    assert request(app, envelope(GET), path=PATH + "/").status == 200


def test_every_request_leaves_a_line_in_the_log_with_its_id(app, caplog):
    caplog.set_level(logging.INFO)
    for body in (envelope(GET), envelope("")):
        answer = request(app, body)
        line = caplog.records[-1]
        assert (line.getMessage(), line.line["request_id"]) == ("request", answer.headers["X-Request-ID"])
    first, second = (record.line for record in caplog.records if record.getMessage() == "request")
    assert (first["operation"], first["channel"], first["result"]) == ("get_cdrs", "soap-1.2", "LOGIN_TOKEN_MISSING")
    assert (second["operation"], second["result"], second["status"]) == ("other", "fault EmptyBody", 400)


def test_an_exception_of_ours_is_a_clean_answer_and_tells_nothing(app, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("canary-inside")

    monkeypatch.setattr("echs.protocols.ochp02.operations.partner_of_token", broken)
    answer = request(app, envelope(GET, identity("x")))
    assert (answer.status, answer.code, answer.reason) == (200, 501, "INTERNAL_ERROR")
    assert b"canary" not in answer.body
    assert b"Traceback" not in answer.body
    assert "canary-inside" in caplog.text
    monkeypatch.setattr("echs.protocols.soap.spyne_protocol.EnvelopeProtocol.decompose_incoming_envelope", broken)
    answer = request(app, envelope(GET))
    assert (answer.status, answer.fault) == (500, "Receiver/InternalError")
    assert b"canary" not in answer.body
