"""The envelope reader: what it reads is what lxml reads, in pieces of any size, and its limits hold."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from echs.base.errors import Refused
from echs.base.fields import UploadReason
from echs.protocols.soap.envelope_parser import TOKEN_BYTES, MarkupLimits
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.versions import SOAP_12 as VERSION_12
from wire import SOAP_12, in_pieces

NS = "urn:x"


def reader(data: bytes, piece: int = 65536, limit: int = 10**9) -> EnvelopeReader:
    return EnvelopeReader(RequestBody(in_pieces(data, piece), len(data), limit), VERSION_12, None)


def read_all(data: bytes, piece: int = 65536):
    reading = reader(data, piece)
    head = reading.read_head()
    return head, [(child.name, child.text, child.fields) for child in reading.children()]


names = st.sampled_from(["a", "b", "c"])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cc", "Cs"]), max_size=30)
fields = st.lists(st.tuples(names, texts), max_size=4)
records = st.lists(fields, max_size=4)


def document(content, prefix: str, cdata: bool, comments: bool) -> bytes:
    """The records as an envelope, in one of many spellings."""
    root = etree.Element(f"{{{SOAP_12}}}Envelope", nsmap={prefix or None: NS, "env": SOAP_12})
    body = etree.SubElement(root, f"{{{SOAP_12}}}Body")
    operation = etree.SubElement(body, f"{{{NS}}}Operation")
    for record in content:
        element = etree.SubElement(operation, f"{{{NS}}}record")
        for name, text in record:
            child = etree.SubElement(element, f"{{{NS}}}{name}")
            child.text = etree.CDATA(text) if cdata and text and "]]>" not in text else text
            if comments:
                element.append(etree.Comment("</a></record> "))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


@given(records, st.sampled_from(["", "n", "ochp"]), st.booleans(), st.booleans(), st.integers(1, 80))
@settings(max_examples=300)
def test_every_spelling_in_pieces_of_any_size_reads_the_same(content, prefix, cdata, comments, piece):
    data = document(content, prefix, cdata, comments)
    head, children = read_all(data, piece)
    assert head.operation == f"{NS} Operation"
    expected = []
    for record in etree.fromstring(data).iter(f"{{{NS}}}record"):
        elements = [element for element in record if isinstance(element.tag, str)]
        pairs = [(f"{NS} {etree.QName(e).localname}", "".join(e.itertext())) for e in elements]
        expected.append((f"{NS} record", "", pairs))
    assert children == expected


def wrapped(content: str) -> bytes:
    return (
        f'<e:Envelope xmlns:e="{SOAP_12}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="{NS}">'
        f"<e:Body><Op>{content}</Op></e:Body></e:Envelope>"
    ).encode()


def children_of(content: str):
    return read_all(wrapped(content))[1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<r><a>x</a></r>", [(f"{NS} r", "", [(f"{NS} a", "x")])]),
        ("<r><a/></r>", [(f"{NS} r", "", [(f"{NS} a", "")])]),
        ("<r/>", [(f"{NS} r", "", [])]),
        ("<a>plain</a>", [(f"{NS} a", "plain", [])]),
        ("<r>\n <a> x </a>\n</r>\n", [(f"{NS} r", "", [(f"{NS} a", " x ")])]),
        ('<r><a i:nil="true"/></r>', [(f"{NS} r", "", [(f"{NS} a", "")])]),
        ('<r><a i:nil="1"> </a></r>', [(f"{NS} r", "", [(f"{NS} a", "")])]),
        ('<r><a i:nil="true">x</a></r>', [(f"{NS} r", "", [(f"{NS} a", None)])]),
        ('<r><a i:nil="false">x</a></r>', [(f"{NS} r", "", [(f"{NS} a", "x")])]),
        ('<r i:type="x"><a i:type="y">x</a></r>', [(f"{NS} r", "", [(f"{NS} a", "x")])]),
        ("<r><a>x<b/></a></r>", [(f"{NS} r", "", [(f"{NS} a", None)])]),
        ("<r><a>x<b>y</b>z</a><c>d</c></r>", [(f"{NS} r", "", [(f"{NS} a", None), (f"{NS} c", "d")])]),
        ("<r>stray<a>x</a></r>", [(f"{NS} r", "stray", [(f"{NS} a", "x")])]),
        ("<r><a>x</a>stray</r>", [(f"{NS} r", "stray", [(f"{NS} a", "x")])]),
        ("<r/>between<r/>", [(f"{NS} r", "", []), ("", "between", []), (f"{NS} r", "", [])]),
        ("<r/>after", [(f"{NS} r", "", []), ("", "after", [])]),
        ("before<r/>", [("", "before", []), (f"{NS} r", "", [])]),
        ('<r><q:a xmlns:q="urn:other">x</q:a></r>', [(f"{NS} r", "", [("urn:other a", "x")])]),
        ('<r><a xmlns="">x</a></r>', [(f"{NS} r", "", [("a", "x")])]),
        ("<r><a>&lt;&amp;&#233;&#x141;</a></r>", [(f"{NS} r", "", [(f"{NS} a", "<&éŁ")])]),
        ("<r><a>x<!-- </a> -->y<![CDATA[</a>]]></a></r>", [(f"{NS} r", "", [(f"{NS} a", "xy</a>")])]),
    ],
)
def test_what_stands_in_a_request_is_read_as_it_stands(content, expected):
    assert children_of(content) == expected


def test_a_long_text_keeps_enough_to_be_refused_for_its_length():
    (_, _, [(_, text)]) = children_of(f"<r><a>{'x' * 100_000}</a></r>")[0]
    assert 16_384 < len(text) <= 100_000


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_a_declared_encoding_is_read(encoding):
    text = wrapped("<r><a>Köln</a></r>").decode()
    data = f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)
    assert read_all(data)[1] == [(f"{NS} r", "", [(f"{NS} a", "Köln")])]


def test_a_byte_order_mark_is_no_text():
    assert read_all(b"\xef\xbb\xbf" + wrapped("<r/>"))[1] == [(f"{NS} r", "", [])]


def test_records_come_before_the_body_has_ended():
    data = wrapped("<r><a>x</a></r>" * 100_000)
    reading = reader(data)
    reading.read_head()
    children = reading.children()
    next(children)
    assert reading.source.count < len(data) / 2


def test_the_last_record_comes_only_when_the_document_is_known_to_be_whole():
    reading = reader(wrapped("<r/>")[:-1])
    reading.read_head()
    with pytest.raises(SoapFault):
        list(reading.children())


def test_a_body_may_be_as_large_as_its_limit():
    data = wrapped("<r/>" * 1000)
    for limit, right in ((len(data), True), (len(data) - 1, False)):
        reading = reader(data, piece=1000, limit=limit)
        reading.read_head()
        if right:
            assert len(list(reading.children())) == 1000
        else:
            with pytest.raises(Refused) as caught:
                list(reading.children())
            assert caught.value.first.reason is UploadReason.UPLOAD_TOO_LARGE


@pytest.mark.parametrize(
    "flood",
    [
        "<!-- " + "</r> " * (TOKEN_BYTES // 2) + " -->",
        f'<r a="{"x" * 2 * TOKEN_BYTES}"/>',
        f"<r{'x' * 2 * TOKEN_BYTES}/>",
    ],
    ids=["comment", "attribute", "name"],
)
def test_a_huge_piece_of_markup_is_refused_in_bounded_time_and_memory(flood):
    data = wrapped(flood * 4)
    reading = reader(data)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(SoapFault) as caught:
        reading.read_head()
        list(reading.children())
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.subcode == "TokenTooLarge"
    assert spent < 2
    assert peak < 16 * TOKEN_BYTES


FLOODS = {
    "declarations": "<r " + " ".join(f'xmlns:p{number}="urn:{number}"' for number in range(40_000)) + "/>",
    "one long namespace": f'<r xmlns:p="{"u" * 100_000}">'
    + "".join(f"<p:a{number}/>" for number in range(50))
    + "</r>",
    "different names": "".join(f"<a{number}/>" for number in range(20_000)),
    "a long name": f"<{'a' * 10_000}/>",
    "fields of one record": "<r>" + "<a/>" * 100_000 + "</r>",
    "text between fields": "<r>" + "<a/>x" * 60 + "</r>",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_costs_bounded_time_and_memory(flood):
    reading = reader(wrapped(flood * 3))
    tracemalloc.start()
    began = time.process_time()
    try:
        reading.read_head()
        list(reading.children())
    except SoapFault:
        pass
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 2
    assert peak < 20_000_000


def markup_reader(data: bytes, markup: MarkupLimits) -> EnvelopeReader:
    return EnvelopeReader(RequestBody(in_pieces(data), len(data), 10**9), VERSION_12, None, markup)


def everything(reading: EnvelopeReader) -> list:
    reading.read_head()
    return list(reading.children())


@pytest.mark.parametrize("depth", [6, 32, 100])
def test_elements_may_be_nested_as_deep_as_the_limit_and_no_deeper(depth):
    inside = depth - 3  # below envelope, body and request
    for levels, right in ((inside, True), (inside + 1, False)):
        reading = markup_reader(wrapped("<a>" * levels + "</a>" * levels), MarkupLimits(depth=depth))
        if right:
            assert len(everything(reading)) == 1
            continue
        with pytest.raises(SoapFault) as caught:
            everything(reading)
        assert caught.value.subcode == "TooDeep"


@pytest.mark.parametrize("limit", [8, 64, 500])
@pytest.mark.parametrize(
    ("form", "subcode"), [('a{}="x"', "TooManyAttributes"), ('xmlns:p{}="urn:x"', "TooManyNamespaces")]
)
def test_an_element_may_have_as_many_attributes_and_namespaces_as_the_limit_and_no_more(limit, form, subcode):
    for number, right in ((limit, True), (limit + 1, False)):
        content = f"<r {' '.join(form.format(each) for each in range(number))}/>"
        reading = markup_reader(wrapped(content), MarkupLimits(attributes=limit))
        if right:
            assert len(everything(reading)) == 1
            continue
        with pytest.raises(SoapFault) as caught:
            everything(reading)
        assert caught.value.subcode == subcode
