"""The address book of OCHPdirect."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from echs.audit import trail
from echs.base.errors import Refused
from echs.direct import address_book, tables
from echs.direct.endpoint import (
    Endpoint,
    EndpointReason,
    best,
    covers,
    days_handed_on,
    is_late,
    needless,
    serves,
)
from echs.direct.secret_box import box_key, keyed_digest, sealed, unsealed
from echs.maintenance import doctor
from echs.partners import connections
from echs.partners.connection import ConnectionKind, ConnectionMode
from echs.partners.partner import PartyRole
from echs.partners.queries import partner_of_user
from ochp14 import with_market_ids

NAMESPACES = ("http://ochp.eu/1.3", "http://ochp.eu/1.4")
SECRET = "a secret of the day 1234"
TODAY = date(2026, 11, 21)  # of the clock of the tests, at noon
DAY = timedelta(days=1)


def of_operator(**changed) -> Endpoint:
    endpoint = Endpoint(
        PartyRole.OPERATOR, "https://tnm.example/ochp", NAMESPACES[1], SECRET, TODAY, ("NLTNME%",), ("NLTNME9%",)
    )
    return replace(endpoint, **changed)


def of_provider(**changed) -> Endpoint:
    endpoint = Endpoint(
        PartyRole.PROVIDER, "https://anwb.example/ochp", NAMESPACES[1], f"{SECRET} of anwb", TODAY, ("NLANWC%",)
    )
    return replace(endpoint, **changed)


@pytest.fixture
def partners(context, cast):
    with_market_ids(context)
    return {user_id: partner_of_user(context, user_id) for user_id in ("tnm", "lnd", "anwb", "office")}


def add(context, partner, *endpoints):
    return address_book.add(context, context.box_key, partner, endpoints, NAMESPACES)


def handed(context, partner) -> list[Endpoint]:
    return [each for some in address_book.endpoints_for(context, context.box_key, partner).values() for each in some]


def reasons(context, partner, *endpoints) -> set[str]:
    with pytest.raises(Refused) as caught:
        add(context, partner, *endpoints)
    assert all(SECRET not in problem.detail for problem in caught.value.kept)
    return {problem.reason for problem in caught.value.kept}


def test_each_role_is_handed_the_endpoints_of_the_other(context, partners):
    add(context, partners["tnm"], of_operator())
    add(context, partners["anwb"], of_provider())
    assert handed(context, partners["anwb"]) == [of_operator()]
    assert handed(context, partners["tnm"]) == [of_provider()]
    assert handed(context, partners["lnd"]) == [of_provider(), of_operator()]
    assert handed(context, partners["office"]) == []


def test_the_same_again_replaces_and_another_day_stands_beside(context, partners):
    add(context, partners["tnm"], of_operator())
    add(context, partners["tnm"], of_operator(whitelist=("NLTNME1%",), blacklist=(), access_token=f"{SECRET} new"))
    assert handed(context, partners["anwb"]) == [
        of_operator(whitelist=("NLTNME1%",), blacklist=(), access_token=f"{SECRET} new")
    ]
    add(context, partners["tnm"], of_operator(day=TODAY + DAY, access_token=f"{SECRET} of tomorrow"))
    assert len(address_book.all_endpoints(context)) == 1


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("00:00:00", [-1, 0]),
        ("00:29:59", [-1, 0]),
        ("00:30:00", [0]),
        ("12:04:59", [0]),
        ("12:05:00", [0, 1]),
        ("23:59:59", [0, 1]),
    ],
)
def test_tomorrow_is_handed_on_after_five_past_noon_and_yesterday_until_half_past_midnight(at, days):
    now = datetime.fromisoformat(f"2026-11-21T{at}Z")
    assert days_handed_on(now) == [TODAY + number * DAY for number in days]
    assert days_handed_on(now.astimezone()) == days_handed_on(now)


def test_what_comes_after_five_to_noon_of_the_day_before_is_taken_and_late(context, partners, clock):
    clock.now = datetime(2026, 11, 21, 11, 54, tzinfo=UTC)
    assert add(context, partners["tnm"], of_operator(day=TODAY + DAY)).late == 0
    clock.now = datetime(2026, 11, 21, 11, 56, tzinfo=UTC)
    assert add(context, partners["tnm"], of_operator(day=TODAY + DAY)).late == 1
    assert is_late(TODAY, clock.now)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"url": "http://tnm.example"}, EndpointReason.ENDPOINT_VALUE),
        ({"url": "https://"}, EndpointReason.ENDPOINT_VALUE),
        ({"url": "https://x" + "y" * 255}, EndpointReason.ENDPOINT_VALUE),
        ({"namespace": "http://ochp.eu/0.2"}, EndpointReason.ENDPOINT_VALUE),
        ({"access_token": "short"}, EndpointReason.ENDPOINT_VALUE),
        ({"access_token": SECRET * 20}, EndpointReason.ENDPOINT_VALUE),
        ({"day": TODAY - 2 * DAY}, EndpointReason.ENDPOINT_VALUE),
        ({"day": TODAY + 32 * DAY}, EndpointReason.ENDPOINT_VALUE),
        ({"whitelist": ()}, EndpointReason.ENDPOINT_VALUE),
        ({"whitelist": ("NL*TNM*E%",)}, EndpointReason.ENDPOINT_VALUE),
        ({"whitelist": ("NLTNME%1",)}, EndpointReason.ENDPOINT_VALUE),
        ({"whitelist": tuple(f"NLTNME{number}" for number in range(201))}, EndpointReason.ENDPOINT_VALUE),
        ({"whitelist": ("DELNDE%",)}, EndpointReason.PATTERN_NOT_YOURS),
        ({"blacklist": ("DELNDE%",)}, EndpointReason.PATTERN_NOT_YOURS),
    ],
)
def test_a_wrong_endpoint_is_refused_and_nothing_of_the_request_is_stored(context, partners, changed, reason):
    good = of_operator(url="https://tnm.example/other", access_token=f"{SECRET} other")
    assert reasons(context, partners["tnm"], good, of_operator(**changed)) == {reason}
    assert handed(context, partners["anwb"]) == []


def test_a_secret_is_of_one_partner_and_of_one_day(context, partners):
    add(context, partners["tnm"], of_operator())
    mine = of_operator(whitelist=("DELNDE%",), blacklist=())
    assert reasons(context, partners["lnd"], mine) == {EndpointReason.ACCESS_TOKEN_TAKEN}
    assert reasons(context, partners["tnm"], of_operator(day=TODAY + DAY)) == {EndpointReason.ACCESS_TOKEN_TAKEN}
    twice = [of_operator(day=TODAY + number * DAY, access_token=f"{SECRET} x") for number in (2, 3)]
    assert reasons(context, partners["tnm"], *twice) == {EndpointReason.ACCESS_TOKEN_TAKEN}
    # For both versions of one day it may be the same.
    assert add(context, partners["tnm"], of_operator(namespace=NAMESPACES[0])).count == 1


def test_a_closed_house_hands_nothing_to_who_is_not_connected(context, partners):
    add(context, partners["tnm"], of_operator())
    add(context, partners["anwb"], of_provider())
    connections.set_mode(context, ConnectionMode.CLOSED)
    assert handed(context, partners["anwb"]) == []
    assert not address_book.sees_anybody(context, partners["anwb"])
    connections.connect(context, "anwb", "tnm", [ConnectionKind.TOKENS, ConnectionKind.LOCATIONS])
    assert handed(context, partners["anwb"]) == [of_operator()]
    assert handed(context, partners["tnm"]) == [of_provider()]
    assert address_book.sees_anybody(context, partners["anwb"])


def test_what_is_over_is_forgotten_with_the_next_upload(context, partners, clock):
    add(context, partners["tnm"], of_operator())
    clock.now += 3 * DAY
    assert handed(context, partners["anwb"]) == []
    add(context, partners["anwb"], of_provider(day=TODAY + 3 * DAY))
    with context.database.read() as snapshot:
        assert list(snapshot.execute(select(tables.direct_endpoint.c.day)).scalars()) == ["2026-11-24"]


def test_no_secret_is_in_the_store_or_in_the_trail(context, partners):
    add(context, partners["tnm"], of_operator())
    with context.database.read() as snapshot:
        rows = str(snapshot.execute(select(tables.direct_endpoint)).all())
    told = rows + str(list(trail.entries(context))) + str(address_book.all_endpoints(context))
    assert SECRET not in told
    assert "direct.add" in told


def test_under_another_key_no_secret_opens_and_nothing_is_handed(context, partners):
    add(context, partners["tnm"], of_operator())
    other = box_key("another secret of the house")
    assert address_book.endpoints_for(context, other, partners["anwb"]) == {PartyRole.OPERATOR: []}


def test_a_box_opens_only_for_what_it_is_bound_to():
    key = box_key("a secret of the house")
    box = sealed(key, SECRET, "1 operator 2026-11-21")
    assert unsealed(key, box, "1 operator 2026-11-21") == SECRET
    assert unsealed(key, box, "2 operator 2026-11-21") is None
    assert unsealed(key, box[:-1] + bytes([box[-1] ^ 1]), "1 operator 2026-11-21") is None
    assert unsealed(key, b"", "x") is None
    assert sealed(key, SECRET, "x") != sealed(key, SECRET, "x")
    assert keyed_digest(key, SECRET) != keyed_digest(box_key("another"), SECRET)


def test_an_evse_is_served_by_the_longest_pattern_then_by_the_newest_version():
    general = of_operator(blacklist=("NLTNME7%",))
    special = of_operator(whitelist=("NLTNME12%",), namespace=NAMESPACES[0], url="https://special.example")
    old = of_operator(namespace=NAMESPACES[0], url="https://old.example")
    every = [(1, general), (2, special), (3, old)]
    assert best(every, "NLTNME1234") == (2, special)
    assert best(every, "NLTNME2") == (1, general)
    assert best(every, "NLTNME7") == (3, old)
    assert best(every, "DELNDE1") is None
    assert serves(general, "NLTNME71") is None
    assert needless(of_operator(whitelist=("NLTNME1%",), blacklist=("NLTNME12%", "NLTNME2"))) == ("NLTNME2",)


@given(st.text("NLTME12*", max_size=8), st.text("NLTME12*", max_size=12), st.booleans())
def test_a_pattern_covers_what_begins_with_it_or_itself(pattern, text, open_ended):
    if open_ended:
        assert covers(f"{pattern}%", text) == text.startswith(pattern)
    else:
        assert covers(pattern, text) == (pattern == text)


def test_the_doctor_tells_who_can_be_called_today_and_not_tomorrow(context, partners, clock):
    def found() -> tuple[bool, str]:
        check = doctor.direct_check(context)
        return check.status is doctor.Status.OK, check.found

    add(context, partners["tnm"], of_operator())
    assert found()[0]
    clock.now = datetime(2026, 11, 21, 13, tzinfo=UTC)
    assert found() == (False, 'today but not tomorrow: "tnm"')
    add(context, partners["tnm"], of_operator(day=TODAY + DAY, access_token=f"{SECRET} of tomorrow"))
    assert found()[0]


def test_a_partner_keeps_so_many_endpoints_and_no_more(context, partners, monkeypatch):
    monkeypatch.setattr(address_book, "MOST", 2)
    several = [of_operator(url=f"https://tnm.example/{number}") for number in range(3)]
    assert reasons(context, partners["tnm"], *several) == {EndpointReason.TOO_MANY_ENDPOINTS}
    assert add(context, partners["tnm"], *several[:2]).count == 2
