"""Tokens of OCHP 1.4 as values: what has a canonical form survives the way there and back, in either protocol."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cast import token
from echs.base.errors import Problem
from echs.base.upload_validation import RecordBatch
from echs.lists.withheld import Withheld
from echs.partners.standard_ids import contract_spellings
from echs.protocols.ochp02 import token_format as old_format
from echs.protocols.ochp14 import token_format
from echs.protocols.ochp14.codes import CODES, ResultCode, code_of
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.record_codec import received_tokens, token_shape, tokens_text
from echs.protocols.ochp14.sent_record import SentRecord
from echs.protocols.ochp14.token_format import FORMAT, TokenRecord, record_of, said_as_ended, said_contract_id, token_of
from echs.protocols.ochp14.value_formats import CONTRACT_ID, as_date_time, date_time
from echs.protocols.rows.payload import payload_of, payloads_of
from echs.protocols.soap.element import TreeLimits
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.versions import SOAP_11 as VERSION_11
from echs.tokens.token import Representation, TokenWithheld, contract_key, uid_key
from ochp14 import envelope14, token14, token_xml
from wire import in_pieces

HEX = "0123456789ABCDEF"
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\u2028\u2029"), max_size=20)
TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(as_date_time)  # noqa: DTZ001
CONTRACTS = st.one_of(
    st.from_regex(re.compile(r"NL-TNM-[A-Z0-9]{9}(-[A-Z0-9])?", re.ASCII), fullmatch=True),
    st.from_regex(re.compile(r"nltnm[a-z0-9]{9}[a-z0-9]?", re.ASCII), fullmatch=True),
)
RECORDS = st.builds(
    TokenRecord,
    st.sampled_from(["", "plain", "sha-160", "sha-256"]),
    st.text(HEX, min_size=8, max_size=64),
    st.sampled_from(["rfid", "15118"]),
    st.sampled_from(["", "mifareCls", "mifareDes", "calypso"]),
    CONTRACTS,
    TEXTS.map(str.strip),
    TIMES,
)
OLD_RECORDS = st.builds(
    token,
    st.integers(0, 10**6),
    token_id=st.one_of(st.text(HEX, min_size=8, max_size=8), st.text(HEX + ":", min_size=1, max_size=20)),
    contract_id=st.sampled_from(
        ["NL-TNM-009637-9", "NL-TNM-C00122045-K", "NLTNM009637", "NL*TNM*122045*0", "DE8AAC00123456", "customer 7"]
    ),
    token_type=st.sampled_from([0, 1, 2, 3]),
    pin_mandatory=st.sampled_from([0, 0, 0, 1]),
    expiry_date=st.sampled_from(["", "31/12/2027", "01/01/2001", "31/12/9999"]),
)


@given(RECORDS)
def test_every_record_comes_back_as_it_was_sent(record):
    assert record_of(token_of(record)) == record
    assert list(FORMAT.problems_of(record, 0, None)) == []


@given(RECORDS)
def test_what_a_record_means_survives_the_way_through_the_noun_and_back(record):
    noun = token_of(record)
    written = record_of(noun._replace(protocol="another", payload=""))
    if isinstance(written, Withheld):
        assert written is TokenWithheld.UID_FORM
        assert (noun.representation, record.token_type) == (Representation.PLAIN, "rfid")
        return
    again = token_of(written)
    assert again._replace(payload="") == noun._replace(payload="", uid=again.uid)
    assert again.uid.upper() == noun.uid.upper()


def test_what_ochp_02_means_is_said_or_withheld_and_never_another_thing():
    met = dict.fromkeys(["said", *TokenWithheld], 0)

    @settings(max_examples=400)
    @given(OLD_RECORDS, st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York"]))
    def said(record, zone):
        noun = old_format.token_of(record, zone)
        written = record_of(noun, zone)
        if isinstance(written, Withheld):
            met[written] += 1
            return
        met["said"] += 1
        assert list(FORMAT.problems_of(written, 0, None)) == []
        again = token_of(written)
        assert again.uid == noun.uid.replace(":", "")
        assert record.pin_mandatory == 0
        assert again.medium == noun.medium
        ends = noun.valid_until
        assert again.valid_until == ends or ends is None or ends.year > 2099
        assert CONTRACT_ID.fullmatch(written.contract_id)

    said()
    assert met.pop(TokenWithheld.HASHED) == 0  # OCHP 0.2 has no hashed tokens
    assert min(met.values()) > 3, met


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NL-TNM-009637-9", "NL-TNM-000096379-M"),
        ("NL-TNM-C00122045-K", "NL-TNM-C00122045-K"),
        ("nltnmc00122045", "nltnmc00122045"),
        ("NL*TNM*C00122045*K", "NL-TNM-C00122045-K"),
        ("customer 7", None),
        ("", None),
    ],
)
def test_a_contract_id_of_din_spec_91286_becomes_one_of_iso_15118_with_the_old_check_digit_inside(old, new):
    assert said_contract_id(old) == new


def test_a_contract_id_without_its_old_check_digit_becomes_the_same_as_with_it():
    assert said_contract_id("NL-TNM-009637") == said_contract_id("NL-TNM-009637-9")
    assert contract_spellings("NL-TNM-009637") & contract_spellings("NL-TNM-009637-9")


@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_the_typed_columns_are_what_the_noun_says(records):
    found = list(FORMAT.typed(payloads_of(records), "UTC", lambda instant: instant))
    assert found == [
        (
            *(noun.type.value, noun.medium, uid_key(noun.uid), contract_key(noun.contract_id)),
            *(noun.valid_until, noun.blocked, noun.representation.value),
        )
        for noun in map(token_of, records)
    ]


def test_plain_said_or_not_and_a_uid_in_either_case_are_the_same_token():
    one, *others = FORMAT.keys(
        payloads_of([token14(255), token14(255, representation="plain"), token14(255, instance="000000000000ff")])
    )
    assert others == [one, one]
    assert FORMAT.keys(payloads_of([token14(255, representation="sha-256")])) != [one]


def test_a_token_ends_at_the_second_after_the_one_that_is_written():
    record = token14(1, expiry_date="2027-12-31T22:59:59Z")
    assert token_of(record).valid_until == datetime(2027, 12, 31, 23, tzinfo=UTC)
    assert said_as_ended(record, datetime(2026, 1, 1, tzinfo=UTC)).expiry_date == "2026-01-01T00:00:00Z"
    assert said_as_ended(record, datetime(2028, 1, 1, tzinfo=UTC)) == record


@pytest.mark.parametrize(
    "text", ["", "2027-02-29T00:00:00Z", "2027-12-31T24:00:00Z", "2027-12-31T22:59:59", "2027-12-31 22:59:59Z", "٢٠٢٧"]
)
def test_what_is_no_time_of_the_calendar_is_none(text):
    assert date_time(text) is None


def read(data: bytes, piece: int) -> list[object]:
    source = RequestBody(in_pieces(data, piece), None, len(data))
    reader = EnvelopeReader(source, VERSION_11, None, trees=TreeLimits())
    reader.read_head()
    rows = []
    for item in received_tokens(reader, token_shape(PUBLISHED, "roamingAuthorisationInfoArray")):
        if isinstance(item, RecordBatch):
            rows += item.rows
        elif isinstance(item, SentRecord):
            rows.append(item.row if not item.problems else item.problems[0].reason)
        else:
            assert isinstance(item, Problem)
            rows.append(item.reason)
    return rows


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=8), st.sampled_from([7, 600, 65536]))
def test_tokens_are_read_the_same_past_the_parser_and_through_it(records, piece):
    body = "".join(map(token_xml, records))
    inside = f"<o:SetRoamingAuthorisationListRequest>{body}</o:SetRoamingAuthorisationListRequest>"
    assert read(envelope14(inside, ""), piece) == [tuple(record) for record in records]


def test_what_goes_out_is_escaped():
    text = tokens_text([payload_of(token14(1, printed_number="<&>"))], "x").decode()
    assert "<printedNumber>&lt;&amp;&gt;</printedNumber>" in text


def test_every_reason_has_a_code_and_what_is_ours_is_never_called_the_senders_fault():
    for reason, code in CODES.items():
        assert code is code_of(reason)
        assert code is not ResultCode.OK
    assert code_of(token_format.ValueReason.VALUE_FORM) is ResultCode.FORMAT
    assert timedelta(seconds=1) == token_format.SECOND
