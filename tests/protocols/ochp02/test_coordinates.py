"""Coordinates that no map can draw, or that draw a charge point in the sea, are told to who publishes them."""

import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cast import charge_point, set_charge_points
from echs.base.rule import findings
from echs.protocols.ochp02.charge_point_format import RULES as WARNINGS
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO
from wire import Caller, record_xml

NUMBERS = st.one_of(
    st.floats(-200, 200).map(lambda value: f"{value:.6f}"),
    st.sampled_from(
        [
            "",
            "52,21",
            "north",
            "5e1",
            "+52.",
            "-0",
            "052.1",
            "90.0",
            "90.1",
            "180",
            "181",
            "4.9",
            "\n52",
            "52\n52",
            "5\n5",
        ]
    ),
)


def names(**fields):
    return [str(found.rule.name) for found in findings(WARNINGS, charge_point(1)._replace(**fields), None)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"latitude": "52.0912", "longitude": "5.1194"}, []),
        ({"latitude": "-33.9", "longitude": "151.2"}, []),
        ({"latitude": "north"}, ["COORDINATE_FORMAT"]),
        ({"latitude": "52,21"}, ["COORDINATE_FORMAT"]),
        ({"longitude": "5.1 E"}, ["COORDINATE_FORMAT"]),
        ({"latitude": "90.1", "longitude": "95"}, ["COORDINATE_RANGE"]),
        ({"longitude": "999"}, ["COORDINATE_RANGE"]),
        ({"entrance_latitude": "91"}, ["COORDINATE_RANGE"]),
        ({"entrance_longitude": "6,1"}, ["COORDINATE_FORMAT"]),
        ({"latitude": "151.2", "longitude": "-33.9"}, ["COORDINATE_RANGE", "COORDINATES_SWAPPED"]),
        ({"evse_id": "NL*TNM*E1", "latitude": "5.1194", "longitude": "52.0912"}, ["COORDINATES_SWAPPED"]),
        ({"evse_id": "AE*DEW*E1", "latitude": "25.2", "longitude": "55.3"}, []),
        ({"evse_id": "FR*RUN*E1", "latitude": "-21.1", "longitude": "55.5"}, []),
    ],
)
def test_a_coordinate_that_is_none_is_told(fields, expected):
    assert [name for name in names(**fields) if name.startswith("COORDINATE")] == expected


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["NL*TNM*E1", "FR*RUN*E1", "+49*1*1"]))
def test_no_coordinate_that_breaks_a_rule_looks_usual(latitude, longitude, entrance, evse_id):
    record = charge_point(1)._replace(
        evse_id=evse_id,
        latitude=latitude,
        longitude=longitude,
        entrance_latitude=entrance,
        entrance_longitude=entrance,
    )
    for rule in WARNINGS:
        if rule.violation(record, None) is not None:
            assert list(rule.prefilter.suspects([getattr(record, rule.field)])) == [0], rule.name


def test_the_answer_to_a_list_counts_them(context, cast):
    wrong = charge_point(1)._replace(latitude="5,1", longitude="999")
    warnings = set_charge_points(context, cast.lnd, [wrong, charge_point(2)]).warnings
    assert (warnings["COORDINATE_FORMAT"], warnings["COORDINATE_RANGE"]) == (1, 1)


SPELT = ["52.0912", "5.1194", "52,21", "north", "5e1", "+52.", "-0", "90.1", "181", "151.2", "-33.9", "999", "4.9"]


@pytest.mark.parametrize("odd", [range(40), range(20, 21), ()], ids=["every", "one", "none"])
def test_the_answer_is_the_same_however_the_list_is_spelt(app, context, cast, seed, odd):
    """A list without attributes is read and judged in runs, one with attributes record by record."""
    chance = random.Random(seed)
    points = [charge_point(number) for number in range(40)]
    for place in odd:
        coordinates = (chance.choice(SPELT) for _ in range(4))
        names = ("latitude", "longitude", "entrance_latitude", "entrance_longitude")
        points[place] = points[place]._replace(**dict(zip(names, coordinates, strict=True)))
    text = "".join(record_xml(CHARGEPOINT_INFO, point) for point in points)
    lnd, told = Caller(app, "lnd"), []
    for spelling in (text, text.replace("<n:city>", "<n:city id='1'>")):
        answer = lnd.send("SetChargePointList", spelling)
        assert answer.code == 0
        told.append(re.sub(r"request \S+", "", answer.text("resultDescription")))
    assert told[0] == told[1]
    expected = Counter(str(found.rule.name) for point in points for found in findings(WARNINGS, point, None))
    assert all(f"{name} {count}" in told[0] or f"{count} {name}" in told[0] for name, count in expected.items()), told
