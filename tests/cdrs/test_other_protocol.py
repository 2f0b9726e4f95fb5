"""The core takes CDRs of whatever protocol: one of these tests, whose records are JSON, with prices and revisions."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from cast import add_cdrs, cdr
from echs.base.errors import Problem, Refused
from echs.base.fields import FieldReason
from echs.base.money import Money
from echs.base.rule import UnreadableValue
from echs.base.spool import Spool
from echs.cdrs import cleared, intake, tables
from echs.cdrs.cdr import Cdr, CdrKind, Difference, Period
from echs.cdrs.intake import Outcome
from echs.cdrs.upload import CDRS
from echs.clearing import run
from echs.partners.partner import party_key
from echs.protocols.ochp02.cdr_format import record_of

PROTOCOL = "json-of-test"
START = datetime(2014, 1, 22, 10, 0, tzinfo=timezone(timedelta(hours=1)))
_requests = iter(f"{number:026d}" for number in range(10**6))


class JsonFormat:
    """CDRs as objects of JSON."""

    name = PROTOCOL

    def sent(self, cdr, field):
        return str(json.loads(cdr.payload).get(field, ""))

    def problems(self, cdr, position):
        if isinstance(cdr.volume_e4_kwh, UnreadableValue):
            yield Problem(FieldReason.FIELD_NOT_INTEGER, "is no number of Wh", position=position, field="wh")

    def difference(self, payload, other):
        one, two = json.loads(payload), json.loads(other)
        for field in one:
            if one[field] != two.get(field):
                return Difference(field, str(one[field]), str(two.get(field)), False)
        return None

    def inconsistencies(self, stored):
        return iter(())


def told(number, **other):
    """What an operator says of a session."""
    sent = {"id": str(number), "wh": 12_500, "minutes": 90, "provider": "ANWB", "cost": 5.5, **other}
    return as_cdr(json.dumps(sent))


def as_cdr(payload):
    said = json.loads(payload)
    ended = START + timedelta(minutes=said["minutes"])
    wh = said["wh"]
    return Cdr(
        operator_key=party_key("TheNewMotion"),
        cdr_id=said["id"],
        operator_id="TheNewMotion",
        provider_key=party_key(said["provider"]),
        provider_id=said["provider"],
        started_at=START.astimezone(UTC),
        started_offset_s=3600,
        ended_at=ended.astimezone(UTC),
        ended_offset_s=3600,
        duration_s=None,
        volume_e4_kwh=wh * 10 if isinstance(wh, int) else UnreadableValue("is none"),
        token_id="C0FFEE",
        contract_id="NL-ANW-C00133094-A",
        evse_id="NL*TNM*E1",
        chargepoint_id="",
        meter_id="",
        address="",
        postal_code="",
        city="Delft",
        country="NLD",
        product="",
        tariff_id="NL*TNM*T1",
        protocol=PROTOCOL,
        payload=payload,
        content_hash=hashlib.sha256(payload.encode()).hexdigest(),
        cost=Money(round(said["cost"] * 1_000_000), "EUR"),
        periods=(Period(START.astimezone(UTC), ended.astimezone(UTC), "energy", 12_500_000, 440_000, 5_500_000, 21),),
    )


def add(context, sender, *records):
    return intake.add(context, sender, iter(records), next(_requests), context.lists, JsonFormat())


@pytest.fixture(autouse=True)
def in_2014(clock):
    clock.now = clock.now.replace(year=2014, month=1, day=23)


def test_it_is_stored_with_its_price_and_as_it_was_sent(context, cast):
    assert add(context, cast.tnm, told(1), told(2, provider="Nobody")).outcomes == (Outcome.PENDING, Outcome.HELD)
    with context.database.read() as snapshot:
        row = snapshot.execute(select(tables.cdr).where(tables.cdr.c.cdr_id == "1")).one()
    assert (row.protocol, row.payload) == (PROTOCOL, told(1).payload)
    assert (row.cost_e6, row.currency, row.volume_e4_kwh) == (5_500_000, "EUR", 125_000)
    assert (row.kind, row.revision, row.started_offset_s) == ("charge", 1, 3600)


def test_the_rules_of_the_house_hold_for_it_in_its_own_words(context, cast):
    with pytest.raises(Refused) as refused:
        add(context, cast.tnm, told(1, minutes=-5), told(2, wh="x"))
    assert [(each.reason, each.field, each.position) for each in refused.value.problems] == [
        ("CDR_END_BEFORE_START", "end_datetime", 0),
        ("FIELD_NOT_INTEGER", "wh", 1),
    ]
    with pytest.raises(Refused) as refused:
        add(context, cast.tnm, told(3, wh=2_000_000))
    assert refused.value.first.reason == "CDR_VOLUME_LIMIT"


def test_sent_twice_it_is_known_and_with_other_content_refused_by_its_own_field(context, cast):
    add(context, cast.tnm, told(1))
    assert add(context, cast.tnm, told(1)).outcomes == (Outcome.KNOWN,)
    with pytest.raises(Refused) as refused:
        add(context, cast.tnm, told(1, wh=9))
    assert (refused.value.first.reason, refused.value.first.field) == ("CDR_DIFFERS", "wh")
    assert "It was" in refused.value.first.detail


def test_the_number_of_a_cdr_of_another_protocol_is_taken_too(context, cast):
    add_cdrs(context, cast.tnm, iter([cdr(1)]), next(_requests), context.lists)
    with pytest.raises(Refused) as refused:
        add(context, cast.tnm, told(1))
    assert (refused.value.first.reason, refused.value.first.field) == ("CDR_DIFFERS", None)
    assert "Roggestraat" not in refused.value.first.detail


def test_a_run_takes_both_and_statements_say_the_same_of_both(context, cast):
    add_cdrs(context, cast.tnm, iter([cdr(1)]), next(_requests), context.lists)
    add(context, cast.tnm, told(2), told(3, cost=0.25))
    done = run.clear(context, "office", next(_requests))
    assert (done.cdr_count, done.volume_e4_kwh) == (3, 46_400 + 2 * 125_000)
    lines = list(cleared.of_pair(context, 1, cast.tnm.id, "thenewmotion", "anwb"))
    assert [(line.cdr_id, line.city, line.tariff_id) for line in lines] == [
        ("2", "Delft", "NL*TNM*T1"),
        ("3", "Delft", "NL*TNM*T1"),
        ("1", "Apeldoorn", "A0"),
    ]
    written = record_of(told(2))
    assert (written.cdr_id, written.volume, written.evse_id) == ("2", "12.5000", "NL*TNM*E1")


def test_prices_and_periods_come_through_the_spools_file():
    credit = told(2)._replace(kind=CdrKind.CREDIT, revision=2)
    with Spool(CDRS) as spool:
        spool._room = 0
        spool.add(0, [told(1), credit])
        assert [items for _, items in spool] == [[told(1), credit]]
