"""CDRs that are recognised by their markup: whatever a document is, it is read as the parser alone reads it."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echs.base.errors import RecordProblems
from echs.base.upload_validation import RecordBatch
from echs.protocols.ochp14.cdr_format import Parties, cdr_shape, read_cdrs
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.tree_types import TREES
from echs.protocols.ochp14.wsgi import SECRET_NAMES
from echs.protocols.soap.element import TreeLimits
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.record_skeletons import KNOWN, LONGEST, TreeShape, path_of
from echs.protocols.soap.request_body import RequestBody
from ochp14 import cdr_xml, envelope14, period_xml

SHAPE = cdr_shape(PUBLISHED.namespace)
PARTIES = Parties({"NLTNM": "TheNewMotion"}, {"NLANW": "ANWB"})
PIECES = [
    "<!-- x -->", "<![CDATA[5]]>", "<?x y?>", "&amp;", "&#53;", "&lt;", "&nope;", "]]>", ">", "<", '"', " ", "\n", "\t",
    "é", "\x7f", "\x85", "\u2028", "5", "<o:x/>", "<o:x>5</o:x>", "<x/>", "</o:cdrInfoArray>", "<o:cdrInfoArray>",
    " xmlns:o='urn:x'", ' representation="plain"', ' xmlns="urn:x"', "<o:CdrId>NLTNM9</o:CdrId>", "<o:evseId />",
]  # fmt: skip
RECORDS = [
    cdr_xml(),
    cdr_xml(
        "NLTNM000002", representation="plain", periods=(period_xml(), period_xml("serviceFee", "1", "0.50", "0.50"))
    ),
    cdr_xml("NLTNM000003", total="9.99"),
    cdr_xml("NLTNM000004").replace("><o:", ">\n  <o:"),
    cdr_xml("NLTNM000005").replace("<o:houseNumber>10</o:houseNumber>", "<o:houseNumber/>"),
    cdr_xml("NLTNM000006").replace("o:cdrInfoArray", "o:CDRInfoArray"),
    cdr_xml("NLTNM000007").replace("Kade", "Kade &amp; Gracht"),
]


def reader_of(body: bytes) -> EnvelopeReader:
    source = RequestBody(io.BytesIO(body).read, None, 10_000_000)
    found = EnvelopeReader(source, None, None, secret=SECRET_NAMES, trees=TREES)
    found.read_head()
    return found


def read(items):
    """What comes of a document: its CDRs, what is wrong with each, or the fault."""
    found = []
    try:
        for each in read_cdrs(items, PUBLISHED.namespace, PARTIES):
            problem = getattr(each, "problem", None)
            if problem is None:
                found.append(each)
            else:
                every = [problem.first, *problem.rest] if isinstance(problem, RecordProblems) else [problem]
                found.append((each.cdr_id, every))
    except SoapFault as fault:
        return [fault.subcode]
    return found


def by_parser(body: bytes):
    return read(each for reader in map(reader_of, [body]) for each in reader.trees())


def by_markup(body: bytes):
    taken = 0

    def counted():
        nonlocal taken
        for each in reader_of(body).tree_records(SHAPE):
            taken += len(each.rows) if isinstance(each, RecordBatch) else 0
            yield each

    return read(counted()), taken


def test_a_document_is_read_as_the_parser_alone_reads_it():
    met = {"by markup": 0, "by the parser": 0, "faults": 0, "wrong": 0}

    @given(st.data())
    def agrees(data):
        records = data.draw(st.lists(st.sampled_from(RECORDS), min_size=2, max_size=5))
        text = "".join(records)
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(text)))
            if data.draw(st.booleans()):
                # At a border of tags most is right still.
                at = data.draw(st.sampled_from([each.start() for each in re.finditer("[<>]", text)] or [0]))
                at += data.draw(st.integers(0, 1))
            piece = data.draw(st.sampled_from([*PIECES, ""]))
            text = text[:at] + piece + text[at + (0 if piece else data.draw(st.integers(1, 30))) :]
        body = envelope14(f"<o:AddCDRsRequest>{text}</o:AddCDRsRequest>", "")
        expected = by_parser(body)
        found, taken = by_markup(body)
        assert found == expected
        faulty = len(expected) == 1 and isinstance(expected[0], str)
        met["by markup"] += taken
        met["by the parser"] += 0 if faulty else len(expected) - taken
        met["faults"] += faulty
        met["wrong"] += sum(
            isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str) for each in expected
        )

    agrees()
    assert min(met.values()) > 10, met


def test_many_records_of_one_markup_are_read_without_the_parser():
    body = envelope14(
        "<o:AddCDRsRequest>" + "".join(cdr_xml(f"NLTNM{n:06d}") for n in range(500)) + "</o:AddCDRsRequest>", ""
    )
    found, taken = by_markup(body)
    assert taken == 499
    assert found == by_parser(body)


@pytest.mark.parametrize(
    "record",
    [
        "<n:r><n:a>1</n:a>",
        "<n:r><n:a>1</n:b></n:r>",
        "<n:r><m:a>1</m:a></n:r>",
        "<n:r><a>1</a></n:r>",
        '<n:r x="1"><n:a>1</n:a></n:r>',
        '<n:r><n:a xmlns="u">1</n:a></n:r>',
        '<n:r><n:a x="1" x="2">1</n:a></n:r>',
        "<n:r><n:a>1</n:a ></n:r>",
        "<n:r><n:a>1<!-- --></n:a></n:r>",
        "<n:r><n:a>&amp;</n:a></n:r>",
        "<n:r><n:a>1]]></n:a></n:r>",
        "<n:r>x<n:a>1</n:a></n:r>",
        "x<n:r><n:a>1</n:a></n:r>",
        "<n:r/><n:r></n:r>",
        "<n:r><n:a><n:a><n:a>1</n:a></n:a></n:a></n:r>",
        "<n:r>" + "<n:a>1</n:a>" * 6 + "</n:r>",
        "<n:r><n:a>" + "1" * LONGEST + "</n:a></n:r>",
        "<n:r><n:a>a\x00b</n:a></n:r>",
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(record):
    shape = TreeShape("urn:x", "r", TreeLimits(elements=5, depth=3))
    assert path_of(shape, "n").some(record, 0) == ([], 0)


def test_what_is_known_is_bounded():
    path = path_of(TreeShape("urn:x", "r", TREES), "n")
    for number in range(KNOWN + 50):
        ((record,), _) = path.some(f"<n:r><n:a{number}>5</n:a{number}></n:r>", 0)
        assert record.skeleton.element(record.values).children[0].text == "5"
    assert 0 < len(path.known) <= KNOWN
