"""Records with groups and attributes past the parser: what is taken is what the parser would have read.

The shape is that of an authorisation of OCHP 1.4: an element with an attribute and three fields, two plain fields, a
date in a wrapper.
"""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echs.base.fields import Field
from echs.base.upload_validation import RecordBatch
from echs.protocols.soap import envelope_parser
from echs.protocols.soap.element import Element, TreeLimits
from echs.protocols.soap.envelope_parser import END, START, TEXT, EnvelopeParser, State
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.record_fast_path import FieldShape, GroupShape, RecordShape, fast_path_of
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.versions import SOAP_11 as VERSION_11
from wire import SOAP_11, in_pieces

OCHP = "http://ochp.eu/1.4"
LIMITS = TreeLimits(elements=100, depth=10)


def leaf(name, limit, *, mandatory=False):
    return FieldShape(name, Field(name, limit, mandatory=mandatory))


SHAPE = RecordShape(
    OCHP,
    "info",
    (
        GroupShape(
            "EmtId",
            (leaf("instance", 64, mandatory=True), leaf("tokenType", 10, mandatory=True), leaf("tokenSubType", 10)),
            (leaf("representation", 10),),
        ),
        leaf("contractId", 20, mandatory=True),
        leaf("printedNumber", 30),
        GroupShape("expiryDate", (leaf("DateTime", 20, mandatory=True),), optional=True),
    ),
)
REGULAR = (
    '<n:info><n:EmtId representation="plain"><n:instance>{0}</n:instance><n:tokenType>rfid</n:tokenType>'
    "<n:tokenSubType>mifareDes</n:tokenSubType></n:EmtId><n:contractId>NL-ANW-C00133094-A</n:contractId>"
    "<n:printedNumber>{1}</n:printedNumber><n:expiryDate><n:DateTime>2027-12-31T22:59:59Z</n:DateTime></n:expiryDate>"
    "</n:info>"
)


def row_of_tree(element: Element, members=SHAPE.fields) -> tuple[str, ...]:
    """The row of a tree that has no more than the shape."""
    values: list[str] = []
    for member in members:
        found = list(element.all(f"{OCHP} {member.name}"))
        assert len(found) <= 1
        if isinstance(member, GroupShape):
            inner = found[0] if found else Element("")
            values += [inner.attributes.get(each.name, "") for each in member.attributes]
            values += row_of_tree(inner, member.members)
        else:
            values.append(found[0].text if found else "")
    return tuple(values)


def reader_of(records: str, piece: int = 65536) -> EnvelopeReader:
    body = f'<s:Envelope xmlns:s="{SOAP_11}" xmlns:n="{OCHP}"><s:Body><n:Request>{records}</n:Request></s:Body></s:Envelope>'
    data = body.encode()
    reader = EnvelopeReader(RequestBody(in_pieces(data, piece), len(data), 10**9), VERSION_11, None, trees=LIMITS)
    reader.read_head()
    return reader


def read_both_ways(records: str, piece: int = 65536) -> tuple[list[tuple[str, ...]], int]:
    """The rows, and how many of them were taken past the parser; the parser alone must have found the same."""
    rows, taken = [], 0
    reader = reader_of(records, piece)
    for item in reader.tree_records(SHAPE):
        if isinstance(item, RecordBatch):
            rows += item.rows
            taken += len(item.rows)
        else:
            rows.append(row_of_tree(item))
    alone = [row_of_tree(element) for element in reader_of(records, piece).trees()]
    assert rows == alone
    assert reader.records_read == len(alone)
    return rows, taken


@pytest.mark.parametrize("with_attribute", [True, False])
def test_of_a_regular_upload_all_but_the_first_piece_is_taken_in_runs(with_attribute):
    several = "".join(REGULAR.format(f"04{number:08X}", number) for number in range(3000))
    if not with_attribute:
        several = several.replace(' representation="plain"', "")
    rows, taken = read_both_ways(several)
    assert rows[7][:4] == ("plain" if with_attribute else "", "0400000007", "rfid", "mifareDes")
    assert rows[7][4:] == ("NL-ANW-C00133094-A", "7", "2027-12-31T22:59:59Z")
    assert taken > 2700


values = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=8)
filled = st.text("0123456789ABCDEFé", min_size=1, max_size=10)
layouts = st.sampled_from(["", " ", "\n  "])


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@st.composite
def records(draw):
    """A record as some client writes it, sometimes one that only the parser can read."""
    blank = draw(layouts)
    attribute = draw(
        st.sampled_from(
            ["", ' representation="plain"', " representation='sha-160'", ' other="x"', '  representation="a&amp;b" ']
        )
    )
    printed = draw(st.one_of(st.none(), values.map(escaped), st.just("<![CDATA[x]]>"), st.just("&#65;")))
    sub_type = draw(st.sampled_from(["", "<n:tokenSubType/>", "<n:tokenSubType>calypso</n:tokenSubType>"]))
    ends = draw(st.sampled_from(["", "<n:expiryDate><n:DateTime>2027-12-31T22:59:59Z</n:DateTime></n:expiryDate>"]))
    number = "" if printed is None else f"<n:printedNumber>{printed}</n:printedNumber>"
    comment = draw(st.sampled_from(["", "", "", "<!-- </n:info> -->"]))
    return blank.join(
        [
            "<n:info>",
            f"<n:EmtId{attribute}>",
            f"<n:instance>{draw(filled)}</n:instance>",
            "<n:tokenType>rfid</n:tokenType>",
            sub_type,
            "</n:EmtId>",
            f"<n:contractId>{draw(filled)}</n:contractId>",
            number,
            comment,
            ends,
            "</n:info>",
        ]
    )


def test_whatever_is_taken_past_the_parser_is_what_the_parser_reads():
    met: Counter[str] = Counter()

    @settings(max_examples=300)
    @given(
        st.lists(records() | st.builds(REGULAR.format, filled, filled), min_size=1, max_size=6),
        st.sampled_from([7, 100, 65536]),
    )
    def same(several, piece):
        rows, taken = read_both_ways(REGULAR.format("AA", 1) + "".join(several), piece)
        met["records"] += len(rows)
        met["taken"] += taken
        met["of several"] += taken > 1

    same()
    assert met["taken"] > 100, met
    assert met["records"] - met["taken"] > 100, met
    assert met["of several"] > 20, met


@pytest.mark.parametrize(
    "change",
    [
        ("<n:EmtId ", "<n:EmtId xmlns:n='urn:other' "),
        (' representation="plain"', ' representation="plain" xmlns="urn:x"'),
        (' representation="plain"', " representation='plain'"),
        (' representation="plain"', ' representation="pl&#97;in"'),
        ("<n:tokenType>", "<n:tokenType><n:x/>"),
        ("</n:EmtId>", "</n:EmtId >"),
        ("<n:DateTime>", "<n:DateTime/><n:DateTime>"),
        ("rfid", ""),
    ],
)
def test_a_record_that_may_mean_something_else_is_left_to_the_parser(change):
    text = REGULAR.format("AA", 1) + REGULAR.format("BB", 2).replace(*change)
    path = fast_path_of(SHAPE, "n")
    assert path.all(text) is None
    rows, end = path.some(text, 0)
    assert (len(rows), end) == (1, len(REGULAR.format("AA", 1)))


@pytest.mark.parametrize(
    ("attribute", "taken"),
    [(' k="7"', 1), ("", 0), (' k=""', 0), (' k="x"', 0), (' k="07"', 0)],
)
def test_a_mandatory_number_in_an_attribute_must_be_one(attribute, taken):
    number = FieldShape("k", Field("k", 4, mandatory=True, integer=True))
    shape = RecordShape(OCHP, "r", (GroupShape("g", (leaf("a", 5),), (number,)),))
    text = f"<n:r><n:g{attribute}><n:a>x</n:a></n:g></n:r>"
    path = fast_path_of(shape, "n")
    assert (path.all(text) or []) == [("7", "x")] * taken
    assert path.some(text, 0)[0] == [("7", "x")] * taken


def test_a_shape_of_one_field_gives_rows_like_any_other():
    shape = RecordShape(OCHP, "r", (leaf("a", 5),))
    assert fast_path_of(shape, "n").all("<n:r><n:a>x</n:a></n:r>" * 2) == [("x",), ("x",)]


@pytest.mark.parametrize(
    "inside", ["<pin>{0}&bad;{0}</pin>", "<g><pin>{0}&bad;{0}</pin></g>", "<pin><x>{0}&bad;{0}</x></pin>"]
)
@pytest.mark.parametrize("limits", [None, LIMITS])
def test_no_byte_of_a_secret_element_is_shown_however_deep_it_stands(inside, limits):
    parser = EnvelopeParser(secret=frozenset({"pin"}), tree_limits=limits)
    record = inside.format("4711" * 40)
    with pytest.raises(SoapFault) as fault:
        parser.feed(
            f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body><q xmlns="urn:x"><r>{record}</r></q></s:Body></s:Envelope>'.encode()
        )
    assert "4711" not in fault.value.sentence


def test_every_state_of_the_parser_says_what_an_element_its_end_and_a_text_do():
    for table in (START, END, TEXT):
        assert {*table} == {*State}
    told = envelope_parser.__doc__
    assert [state.name for state in State if f"\n{state.name} " not in told] == []


def test_the_parser_needs_no_source_of_bytes():
    parser = EnvelopeParser(tree_limits=LIMITS)
    data = f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body><q xmlns="urn:x"><r a="1">x</r><r/></q></s:Body></s:Envelope>'
    states = [parser.state]
    for tag_or_text in re.findall("<[^>]*>|[^<]+", data):  # whole ones: expat puts off what began and did not end
        parser.feed(tag_or_text.encode())
        if states[-1] is not parser.state:
            states.append(parser.state)
    parser.finish()
    assert states == [
        State.PROLOG,
        State.ENVELOPE,
        State.BODY,
        State.REQUEST,
        State.TREE,
        State.REQUEST,
        State.AFTER_REQUEST,
        State.AFTER_BODY,
        State.AFTER_ENVELOPE,
    ]
    assert [(tree.name, tree.attributes, tree.text) for tree in parser.trees] == [
        ("urn:x r", {"a": "1"}, "x"),
        ("urn:x r", {}, ""),
    ]
    with pytest.raises(SoapFault):
        EnvelopeParser().finish()
