"""Runs of regular records: what is taken past the parser, and that it is what clients send."""

import pytest

from cast import charge_point, token
from echs.base.fields import Field
from echs.base.upload_validation import RecordBatch
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO, NAMESPACE, RECORDS, ROAMING_AUTHORISATION_INFO
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.record_fast_path import FieldShape, RecordShape, fast_path_of
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.versions import SOAP_11 as VERSION_11
from wire import SOAP_11, envelope, in_pieces, record_xml

SHAPE = RecordShape("urn:x", "r", (FieldShape("a", Field("a", 5, mandatory=True)), FieldShape("b", Field("b", 3))))


def all_of(text: str):
    return fast_path_of(SHAPE, "n").all(text)


def record(a: str, b: str) -> str:
    return f"<n:r><n:a>{a}</n:a><n:b>{b}</n:b></n:r>"


@pytest.mark.parametrize(
    ("a", "b"), [("x", ""), ("12345", "123"), ("é😀", "ä"), ("a>b", "]]"), ("&amp;", "&lt;"), ("x ", " ")]
)
def test_a_regular_record_is_taken_with_its_values(a, b):
    meant = tuple(value.replace("&lt;", "<").replace("&amp;", "&") for value in (a, b))
    assert all_of(record("1", "2") + record(a, b)) in ([("1", "2"), meant], None if "&" in a else [("1", "2"), meant])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        *[
            ("", "x"),
            (" x", ""),
            ("123456", ""),
            ("x", "1234"),
            ("x\n", ""),
            ("x\t", ""),
            ("x", "\x7f"),
            ("x", "\u2028"),
        ],
        *[
            ("&#65;", ""),
            ("&x;", ""),
            ("&", ""),
            ("]]>", ""),
            ("x", "\u00a0"),
            ("x", "\ufffe"),
            ("<!---->", ""),
            ("x", "\x85"),
        ],
    ],
)
def test_anything_else_is_left_to_the_parser(a, b):
    text = record("1", "2") + record(a, b)
    assert all_of(text) is None
    rows, end = fast_path_of(SHAPE, "n").some(text, 0)
    assert (rows[0], text[:end][: len(record("1", "2"))]) == (("1", "2"), record("1", "2"))
    if b != "\u00a0":
        assert end == len(record("1", "2"))


def test_two_values_side_by_side_make_no_entity_that_neither_of_them_has():
    assert all_of(record("1", "2") + record("a&am", "p;b")) is None
    assert all_of(record("1", "&lt") + record(";a", "")) is None


@pytest.mark.parametrize("blank", "\u00a0\u1680\u2003\u202f\u205f\u3000")
def test_a_mandatory_field_that_begins_with_any_blank_is_left_to_the_rules(blank):
    assert fast_path_of(SHAPE, "n").some(record(f"{blank}", ""), 0) == ([], 0)


def test_white_space_and_absent_or_closed_fields_are_taken_one_by_one():
    text = "\n <n:r>\n  <n:a>x</n:a>\n </n:r><n:r><n:a>y</n:a><n:b /></n:r> <n:r><n:a>z</n:a><n:b/></n:r>"
    assert all_of(text) is None
    assert fast_path_of(SHAPE, "n").some(text, 0) == ([("x", ""), ("y", ""), ("z", "")], len(text))


@pytest.mark.parametrize("shape", [each.shape for each in RECORDS], ids=lambda shape: shape.element)
def test_the_fields_of_the_patterns_are_those_of_the_table(shape):
    (table,) = (each for each in RECORDS if each.element == shape.element)
    assert [(each.name, each.field) for each in shape.fields] == [(wire.name, wire.field) for wire in table.fields]


def runs_of(record, rows, size: int) -> tuple[int, int]:
    """How many records came in runs, and how many one by one."""
    xml = "".join(record_xml(record, values) for values in rows)
    data = envelope(f"<n:UploadRequest>{xml}</n:UploadRequest>", "", SOAP_11)
    reader = EnvelopeReader(RequestBody(in_pieces(data, size), len(data), 10**9), VERSION_11, None)
    reader.read_head()
    found = list(reader.records(record.shape))
    runs = [len(each.rows) for each in found if isinstance(each, RecordBatch)]
    return sum(runs), len(found) - len(runs)


@pytest.mark.parametrize(
    ("record", "make"),
    [(ROAMING_AUTHORISATION_INFO, token), (CHARGEPOINT_INFO, charge_point)],
    ids=["tokens", "points"],
)
def test_of_a_large_regular_upload_all_but_the_first_piece_is_taken_in_runs(record, make):
    in_runs, alone = runs_of(record, [make(number) for number in range(5000)], 65536)
    assert in_runs + alone == 5000
    assert alone < 300


def test_a_prefix_bound_to_another_namespace_is_no_lane():
    xml = record_xml(ROAMING_AUTHORISATION_INFO, token(1)).replace("n:", "q:")
    data = envelope(f'<n:UploadRequest xmlns:q="urn:other">{xml * 500}</n:UploadRequest>', "", SOAP_11)
    reader = EnvelopeReader(RequestBody(in_pieces(data, 500), len(data), 10**9), VERSION_11, None)
    reader.read_head()
    found = list(reader.records(ROAMING_AUTHORISATION_INFO.shape))
    assert not any(isinstance(each, RecordBatch) for each in found)
    assert {each.name for each in found} == {"urn:other roamingAuthorisationInfoArray"}
    assert NAMESPACE not in found[0].name
