"""Header blocks and records are read as trees: nothing that is nested in them, and no attribute, is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from echs.protocols.soap.element import Element, TreeLimits
from echs.protocols.soap.envelope_parser import HEADER_TREE
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.spyne_protocol import refuse_what_is_not_understood
from echs.protocols.soap.versions import SOAP_11 as VERSION_11
from wire import SOAP_11, in_pieces

OCHP = "http://ochp.eu/1.4"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
LIMITS = TreeLimits(elements=100, depth=10)

# A body of OCHP 1.4 as its contract has it; the one that the reader of flat records lost half of.
ADD_CDRS = f"""<s:Envelope xmlns:s="{SOAP_11}" xmlns="{OCHP}">
 <s:Header><w:Security s:mustUnderstand="1" xmlns:w="{WSSE}"><w:UsernameToken>
   <w:Username>anwb</w:Username><w:Password Type="{TEXT}">a password &amp; more</w:Password>
 </w:UsernameToken></w:Security></s:Header>
 <s:Body><AddCDRsRequest><cdrInfoArray>
   <CdrId>NLTNM000001</CdrId><evseId>NL*TNM*E01000851</evseId>
   <emtId representation="plain"><instance>04A1B2C3D4E5F6</instance><tokenType>rfid</tokenType></emtId>
   <status><CdrStatusType>new</CdrStatusType></status>
   <chargingPeriods><startDateTime><LocalDateTime>2026-11-25T08:00:00+01:00</LocalDateTime></startDateTime>
     <billingItem><BillingItemType>energy</BillingItemType></billingItem><billingValue>4.64</billingValue>
     <itemPrice>0.25</itemPrice></chargingPeriods>
   <chargingPeriods><billingItem><BillingItemType>parkingtime</BillingItemType></billingItem></chargingPeriods>
   <totalCost>1.23</totalCost><currency>EUR</currency>
 </cdrInfoArray></AddCDRsRequest></s:Body></s:Envelope>"""


def ochp(name):
    return f"{OCHP} {name}"


def wsse(name):
    return f"{WSSE} {name}"


def reader_of(document, piece=65536, limits=LIMITS):
    data = document.encode()
    return EnvelopeReader(RequestBody(in_pieces(data, piece), len(data), 10**7), VERSION_11, None, trees=limits)


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_a_body_of_ochp_14_loses_neither_its_user_and_password_nor_a_nested_field(piece):
    reader = reader_of(ADD_CDRS, piece)
    (block,) = reader.read_head().blocks
    assert (block.name, block.must_understand) == (wsse("Security"), True)
    user = block.element.first(wsse("UsernameToken"), wsse("Username"))
    password = block.element.first(wsse("UsernameToken"), wsse("Password"))
    assert (user.text, password.text, password.attributes) == ("anwb", "a password & more", {"Type": TEXT})
    (record,) = reader.trees()
    assert record.name == ochp("cdrInfoArray")
    token = record.first(ochp("emtId"))
    assert (token.attributes, token.first(ochp("instance")).text) == ({"representation": "plain"}, "04A1B2C3D4E5F6")
    assert record.first(ochp("status"), ochp("CdrStatusType")).text == "new"
    periods = list(record.all(ochp("chargingPeriods")))
    assert periods[0].first(ochp("startDateTime"), ochp("LocalDateTime")).text == "2026-11-25T08:00:00+01:00"
    assert [each.first(ochp("billingItem"), ochp("BillingItemType")).text for each in periods] == [
        "energy",
        "parkingtime",
    ]
    assert record.first(ochp("totalCost")).text == "1.23"
    assert record.first(ochp("no"), ochp("such")) is None


def test_a_header_that_must_be_understood_is_a_fault_only_where_it_is_not():
    head = reader_of(ADD_CDRS).read_head()
    refuse_what_is_not_understood(head, frozenset({wsse("Security")}))
    with pytest.raises(SoapFault) as fault:
        refuse_what_is_not_understood(head, frozenset({ochp("Security")}))
    assert fault.value.subcode == "HeaderNotUnderstood"


names = st.sampled_from(["a", "b", "c"])
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\ufffe\uffff", exclude_categories=["Cc", "Cs"]), max_size=12
)
attributes = st.dictionaries(names, texts, max_size=2)
trees = st.recursive(
    st.tuples(names, attributes, texts, st.just([])),
    lambda inner: st.tuples(names, attributes, st.just(""), st.lists(inner, max_size=4)),
    max_leaves=20,
)


def made(tree):
    name, with_, text, children = tree
    element = etree.Element(f"{{{OCHP}}}{name}", with_)
    element.text = text
    for child in children:
        element.append(made(child))
    return element


def expected(tree):
    name, with_, text, children = tree
    return Element(ochp(name), with_, text, [expected(child) for child in children])


@settings(max_examples=200)
@given(st.lists(trees, max_size=5), st.sampled_from([1, 3, 50, 65536]), st.booleans())
def test_any_tree_is_read_as_it_was_written_in_the_header_and_in_the_body(several, piece, in_header):
    root = etree.Element(f"{{{SOAP_11}}}Envelope", nsmap={"s": SOAP_11})
    header = etree.SubElement(root, f"{{{SOAP_11}}}Header")
    body = etree.SubElement(etree.SubElement(root, f"{{{SOAP_11}}}Body"), f"{{{OCHP}}}Request")
    for tree in several:
        (header if in_header else body).append(made(tree))
    large = TreeLimits(elements=1000, depth=200)
    reader = reader_of(etree.tostring(root, encoding="unicode"), piece, large)
    blocks = [block.element for block in reader.read_head().blocks]
    records = list(reader.trees())
    found, other = (blocks, records) if in_header else (records, blocks)
    assert (found, other) == ([expected(tree) for tree in several], [])
    assert reader.records_read == len(records)


def nested(depth, width=1):
    inside = "".join(f"<a{number}/>" for number in range(width))
    return f"{'<n>' * depth}{inside}{'</n>' * depth}"


@pytest.mark.parametrize(
    ("content", "most"),
    [(nested(9), 10), (nested(1, 99), 100)],
    ids=["as deep as it may be", "as many as there may be"],
)
def test_a_record_may_be_as_large_as_its_limits_and_no_larger(content, most):
    def read(inside):
        document = (
            f'<s:Envelope xmlns:s="{SOAP_11}" xmlns="{OCHP}"><s:Body><R>{inside}<last/></R></s:Body></s:Envelope>'
        )
        return list(reader_of(document).trees())

    assert len(read(content)) == 2
    over = nested(10) if most == 10 else nested(1, 100)
    with pytest.raises(SoapFault) as fault:
        read(over)
    assert fault.value.subcode == "TooManyFields"
    assert str(most) in fault.value.sentence


def test_a_header_block_has_its_own_limits():
    many = "".join(f"<a{number}/>" for number in range(HEADER_TREE.elements))
    document = f'<s:Envelope xmlns:s="{SOAP_11}"><s:Header><b>{many}</b></s:Header><s:Body><x/></s:Body></s:Envelope>'
    with pytest.raises(SoapFault) as fault:
        reader_of(document).read_head()
    assert fault.value.subcode == "TooMuchMarkup"


def test_a_text_that_is_too_long_is_kept_long_enough_to_be_refused_and_no_longer():
    long = "x" * 100_000
    document = f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body><R><r><f>{long}</f></r></R></s:Body></s:Envelope>'
    (record,) = reader_of(document).trees()
    assert len(record.children[0].text) == LIMITS.characters + 1


def test_text_between_records_is_told_and_not_dropped():
    document = f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body><R><r/> stray <r/></R></s:Body></s:Envelope>'
    assert [each.name or each.text for each in reader_of(document).trees()] == ["r", "stray", "r"]
