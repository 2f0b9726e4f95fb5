"""Tariffs of OCHP 1.4: what an operator sends, and what each provider is given of it; answers valid by the contract."""

from datetime import timedelta

import pytest
from lxml import etree

from echs.audit import trail
from echs.partners import connections
from echs.partners.connection import ConnectionKind, ConnectionMode
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.value_formats import as_date_time
from ochp14 import Answer14, Caller14, O, valid

GIVEN, REFUSED = "TariffInfoArray", "refusedTariffInfo"
RESTRICTION = (
    '<o:regularHours weekday="1" periodBegin="08:00" periodEnd="24:00"/><o:regularHours weekday="7" periodBegin="00:00" '
    'periodEnd="12:00"/><o:startDateTime><o:DateTime>2026-12-01T00:00:00Z</o:DateTime></o:startDateTime>'
    "<o:maxPower>22</o:maxPower><o:minDuration>600</o:minDuration>"
)


def part(price: str = "0.35", recipients: tuple[str, ...] = (), restriction: str = "", currency: str = "EUR") -> str:
    return (
        "<o:individualTariff><o:tariffElement><o:priceComponent><o:billingItem><o:BillingItemType>energy"
        f"</o:BillingItemType></o:billingItem><o:itemPrice>{price}</o:itemPrice><o:stepSize>0.001</o:stepSize>"
        f"</o:priceComponent><o:tariffRestriction>{restriction}</o:tariffRestriction></o:tariffElement>"
        + "".join(f"<o:recipient>{recipient}</o:recipient>" for recipient in recipients)
        + f"<o:currency>{currency}</o:currency></o:individualTariff>"
    )


def tariff(tariff_id: str = "NL*TNM*T1", *parts: str, element: str = GIVEN) -> str:
    return f"<o:{element}><o:tariffId>{tariff_id}</o:tariffId>{''.join(parts or [part()])}</o:{element}>"


def update(caller: Caller14, *tariffs: str) -> Answer14:
    return valid(caller.send("UpdateTariffs", "".join(tariffs)))


def given(caller: Caller14, since: str | None = None) -> dict[str, str]:
    """The price of each tariff, by its id."""
    members = "" if since is None else f"<o:lastUpdate><o:DateTime>{since}</o:DateTime></o:lastUpdate>"
    answer = valid(caller.send("GetTariffUpdates", members))
    assert not answer.response.document.findall(f".//{O}recipient")
    assert all(len(each.findall(f"{O}individualTariff")) == 1 for each in answer.elements(GIVEN))
    return {each.findtext(f"{O}tariffId"): each.findtext(f".//{O}itemPrice") for each in answer.elements(GIVEN)}


def test_each_provider_is_given_its_own_part_or_the_default_and_nothing_of_the_others(tnm, anwb, lnd):
    sent = tariff("NL*TNM*T1", part("0.35"), part("0.29", ("NLANW", "NLXXX")))
    only = tariff("NLTNMT2", part("0.11", ("NLANW",)))
    answer = update(tnm, sent, only)
    assert answer.code == "ok"
    assert "2 new, 0 changed" in answer.text
    assert "Without a default" in answer.text
    assert given(anwb) == {"NL*TNM*T1": "0.29", "NLTNMT2": "0.11"}
    assert given(lnd) == {"NL*TNM*T1": "0.35"}


def test_a_tariff_comes_out_with_everything_that_was_sent(tnm, lnd):
    assert update(tnm, tariff("NL*TNM*T1", part(restriction=RESTRICTION))).code == "ok"
    (found,) = valid(lnd.send("GetTariffUpdates")).elements(GIVEN)
    hours = [dict(each.attrib) for each in found.iter(f"{O}regularHours")]
    assert hours == [
        {"weekday": "1", "periodBegin": "08:00", "periodEnd": "24:00"},
        {"weekday": "7", "periodBegin": "00:00", "periodEnd": "12:00"},
    ]
    assert found.findtext(f".//{O}startDateTime/{O}DateTime") == "2026-12-01T00:00:00Z"
    assert found.findtext(f".//{O}maxPower") == "22"
    assert found.findtext(f".//{O}minDuration") == "600"
    assert found.findtext(f".//{O}currency") == "EUR"


def test_what_clients_in_the_field_write_is_read(tnm, lnd):
    odd = RESTRICTION.replace("2026-12-01T00:00:00Z", "2026-12-01").replace(">600<", ">600.0<")
    assert update(tnm, tariff("NL*TNM*T1", part(restriction=odd), element="tariffInfoArray")).code == "ok"
    (found,) = valid(lnd.send("GetTariffUpdates")).elements(GIVEN)
    assert found.findtext(f".//{O}startDateTime/{O}DateTime") == "2026-12-01T00:00:00Z"
    assert found.findtext(f".//{O}minDuration") == "600"


def test_only_what_changed_for_the_reader_is_given_since_a_time(tnm, anwb, lnd, clock):
    default, own = part("0.35"), part("0.29", ("NLANW",))
    update(tnm, tariff("NL*TNM*T1", default, own), tariff("NL*TNM*T2"))

    def later() -> str:
        clock.now += timedelta(hours=1)
        return as_date_time(clock.now)

    now = later()
    assert given(anwb, now) == {}
    # The same again is no change for anybody, in whatever spelling of the id.
    assert "0 new, 0 changed" in update(tnm, tariff("NL*TNM*T1", own, default)).text
    assert given(anwb, now) == given(lnd, now) == {}
    # Another price for one is none for the other.
    update(tnm, tariff("NL*TNM*T1", default, part("0.28", ("NLANW",))))
    assert (given(anwb, now), given(lnd, now)) == ({"NL*TNM*T1": "0.28"}, {})
    now = later()
    update(tnm, tariff("NL*TNM*T1", part("0.40"), part("0.28", ("NLANW",))))
    assert (given(anwb, now), given(lnd, now)) == ({}, {"NL*TNM*T1": "0.40"})
    # Whose own part is gone is given the default, old as it is.
    now = later()
    update(tnm, tariff("NL*TNM*T1", part("0.40")))
    assert (given(anwb, now), given(lnd, now)) == ({"NL*TNM*T1": "0.40"}, {})


def test_a_closed_house_gives_no_tariff_to_who_is_not_connected_and_all_to_who_is_from_then_on(
    context, tnm, anwb, clock
):
    update(tnm, tariff())
    connections.set_mode(context, ConnectionMode.CLOSED)
    assert valid(anwb.send("GetTariffUpdates")).code == "roaming"
    clock.now += timedelta(hours=1)
    connections.connect(context, "anwb", "tnm", [ConnectionKind.LOCATIONS])
    assert given(anwb, as_date_time(clock.now)) == {"NL*TNM*T1": "0.35"}


@pytest.mark.parametrize(
    ("wrong", "told", "code"),
    [
        (tariff("DE*LND*T1"), "TARIFF_NOT_YOURS at TariffInfoArray[0]/tariffId", "invalid-id"),
        (tariff("NL*TNM*E1"), "VALUE_FORM at TariffInfoArray[0]/tariffId", "format"),
        (tariff("NL*TNM*T1", part("-1")), "individualTariff/tariffElement/priceComponent/itemPrice", "format"),
        (tariff("NL*TNM*T1", part("1,5")), "itemPrice", "format"),
        (tariff("NL*TNM*T1", part(currency="XQX")), "CURRENCY_UNKNOWN", "format"),
        (tariff("NL*TNM*T1", part(recipients=("nlanw",))), "individualTariff/recipient", "format"),
        (tariff("NL*TNM*T1", part(), part()), "RECIPIENT_TWICE", "format"),
        (tariff("NL*TNM*T1", part("1", ("NLANW",)), part("2", ("NLANW",))), "RECIPIENT_TWICE", "format"),
        (tariff("NL*TNM*T1", part(restriction='<o:regularHours weekday="8"/>')), "regularHours/@weekday", "format"),
        (tariff("NL*TNM*T1", part(restriction="<o:maxCurrent>1</o:maxCurrent>")), "FIELD_UNKNOWN", "format"),
        (tariff("NL*TNM*T1").replace("<o:tariffRestriction></o:tariffRestriction>", ""), "FIELD_MISSING", "format"),
        (
            tariff("NL*TNM*T1").replace("<o:currency>", "<o:currency>EUR</o:currency><o:currency>"),
            "FIELD_REPEATED",
            "format",
        ),
        (tariff("NL*TNM*T1").replace("energy", "<o:x/>"), "FIELD_NOT_TEXT", "format"),
        ("<o:tariff/>", "FIELD_UNKNOWN", "format"),
    ],
)
def test_a_wrong_tariff_is_handed_back_as_it_was_sent_and_the_others_are_taken(tnm, lnd, wrong, told, code):
    alone = tnm.send("UpdateTariffs", wrong)
    assert alone.code == code
    assert told in alone.text
    assert given_or_nothing(lnd) == {}
    beside = tnm.send("UpdateTariffs", tariff("NL*TNM*T9") + wrong)
    assert beside.code == "partly"
    (back,) = beside.elements(REFUSED)
    sent = etree.fromstring(f'<x xmlns:o="{PUBLISHED.namespace}">{wrong}</x>')[0]
    assert [each.tag for each in back.iterdescendants()] == [each.tag for each in sent.iterdescendants()]
    assert given(lnd) == {"NL*TNM*T9": "0.35"}


def given_or_nothing(caller: Caller14) -> dict[str, str]:
    return {} if caller.send("GetTariffUpdates").code == "roaming" else given(caller)


def test_the_same_tariff_twice_in_a_request_is_refused_the_second_time(tnm, lnd):
    answer = update(tnm, tariff("NL*TNM*T1", part("1")), tariff("nltnmt1", part("2")))
    assert answer.code == "partly"
    assert "TARIFF_TWICE" in answer.text
    assert given(lnd) == {"NL*TNM*T1": "1"}


def test_an_empty_request_and_a_caller_without_the_role_are_told_so(tnm, anwb, context):
    assert "UPLOAD_EMPTY" in tnm.send("UpdateTariffs").text
    assert anwb.send("UpdateTariffs", tariff()).code == "not-authorized"
    assert [each.result for each in trail.entries(context, action="tariffs.update")] == ["UPLOAD_EMPTY", "ROLE_MISSING"]


def test_an_operator_that_publishes_no_tariff_is_nobody_to_ask(anwb):
    assert valid(anwb.send("GetTariffUpdates")).code == "roaming"
