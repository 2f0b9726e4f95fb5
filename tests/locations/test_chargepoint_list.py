"""The charge point list; the mechanism is that of the roaming list and is tested there."""

import pytest

from cast import charge_point, downloaded_points, set_charge_points
from echs.base.errors import Refused
from echs.base.fields import FieldReason
from echs.locations.charge_point import ChargePointReason
from echs.protocols.ochp02.charge_point_format import FIELDS


def refusal(context, owner, records) -> Refused:
    with pytest.raises(Refused) as caught:
        set_charge_points(context, owner, iter(records))
    return caught.value


def test_everybody_gets_the_charge_points_of_all(context, cast):
    set_charge_points(context, cast.lnd, [charge_point(1), charge_point(2)])
    set_charge_points(context, cast.tnm, [charge_point(3, city="Amsterdam")])
    assert [point.city for point in downloaded_points(context)] == ["Amsterdam", "Köln", "Köln"]


def test_one_charge_point_with_two_contents_is_refused_and_both_positions_are_named(context, cast):
    refused = refusal(context, cast.lnd, [charge_point(1), charge_point(1, city="Bonn")])
    assert refused.first.reason is ChargePointReason.CHARGEPOINT_TWICE
    assert "positions 0 and 1" in refused.first.detail
    assert set_charge_points(context, cast.lnd, [charge_point(1), charge_point(1)]).repeated == 1


MANDATORY = ["evse_id", "latitude", "longitude", "outlet_status", "energy_provider", "hub_name", "receptacle_type"]


def test_the_mandatory_fields_are_those_of_the_specification():
    assert [field.name for field in FIELDS if field.mandatory] == MANDATORY


@pytest.mark.parametrize("name", MANDATORY)
def test_a_missing_mandatory_field_is_named(context, cast, name):
    problem = refusal(context, cast.lnd, [charge_point(1, **{name: ""})]).first
    assert (problem.reason, problem.field, problem.position) == (FieldReason.FIELD_MISSING, name, 0)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_each_text_may_be_as_long_as_its_limit(context, cast, field):
    longest = charge_point(1, **{field.name: "é" * field.limit})
    set_charge_points(context, cast.lnd, [longest])
    assert list(downloaded_points(context)) == [longest]
    problem = refusal(context, cast.lnd, [charge_point(1, **{field.name: "é" * (field.limit + 1)})]).first
    assert (problem.reason, problem.field) == (FieldReason.FIELD_TOO_LONG, field.name)
