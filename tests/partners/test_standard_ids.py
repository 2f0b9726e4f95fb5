"""Ids as the standards write them. The check digits are those that an independent implementation publishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echs.partners.standard_ids import (
    SIGNS,
    contract_id_check_problem,
    contract_id_shape_problem,
    contract_spellings,
    din_check_digit,
    evse_id_problem,
    iso_check_digit,
    languages,
)


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        ("NN123ABCDEFGHI", "T"),
        ("FRXYZ123456789", "2"),
        ("ITA1B2C3E4F5G6", "4"),
        ("ESZU8WOX834H1D", "R"),
        ("PT73902837ABCZ", "Z"),
        ("DE83DUIEN83QGZ", "D"),
        ("DE83DUIEN83ZGQ", "M"),
        ("DE8AA001234567", "0"),
    ],
)
def test_the_check_digit_of_iso_15118_is_right(body, digit):
    assert iso_check_digit(body) == digit


@pytest.mark.parametrize(("number", "digit"), [(71, "9"), (110, "X"), (124, "0"), (114, "6"), (191, "5")])
def test_the_check_digit_of_din_91286_is_right(number, digit):
    assert din_check_digit(f"INTNM{number:06d}") == digit


bodies = st.text(SIGNS, min_size=14, max_size=14)


@given(bodies, st.integers(0, 13), st.sampled_from(SIGNS))
def test_one_wrong_sign_is_always_found(body, place, sign):
    other = body[:place] + sign + body[place + 1 :]
    assert (iso_check_digit(other) == iso_check_digit(body)) is (other == body)


@given(bodies, st.integers(0, 12))
def test_two_signs_that_changed_places_are_always_found(body, place):
    other = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
    assert (iso_check_digit(other) == iso_check_digit(body)) is (other == body)


@pytest.mark.parametrize(
    "contract_id",
    ["NL-ANW-133094-6", "NLANW1330946", "nl-anw-133094-6", "NL-ELA-123456", "DE*LND*C00001516*E", "YYABCC00000003"],
)
def test_known_shapes_are_known_with_a_right_check_digit_or_without(contract_id):
    assert contract_id_shape_problem(contract_id) is None
    assert contract_id_check_problem(contract_id) is None


@pytest.mark.parametrize("contract_id", ["-", "NL-ELA-", "NL-ELA-12", "Jan Jansen", "NL-G00-000252-10", "", "É" * 12])
def test_other_shapes_are_named_and_have_no_check_digit_to_be_wrong(contract_id):
    assert "is no contract id like" in contract_id_shape_problem(contract_id)
    assert contract_id_check_problem(contract_id) is None


def test_the_examples_in_the_problem_are_right_themselves():
    import re

    for example in re.findall(r"NL-TNM-[0-9A-Z-]+", contract_id_shape_problem("x")):
        assert contract_id_shape_problem(example) is contract_id_check_problem(example) is None


def test_a_wrong_check_digit_is_named_with_the_right_one():
    # The specification's own example (4.2) is wrong.
    assert contract_id_check_problem("NL-ESS-123456-7") == '"NL-ESS-123456-7" has the check digit 7; 1 would be right'


@pytest.mark.parametrize("evse_id", ["01000851", "NL*TNM*E02000001*0", "NLTNME02000001", "+49*823*1234*5678", "a1"])
def test_known_shapes_of_evse_ids_are_known(evse_id):
    assert evse_id_problem(evse_id) is None


@pytest.mark.parametrize("evse_id", ["left one", "NL*TNM", "+49*1", "NL-TNM-E1", "é"])
def test_other_shapes_of_evse_ids_are_named(evse_id):
    assert "is no EVSE id like" in evse_id_problem(evse_id)


def test_a_contract_is_found_in_every_spelling():
    expected = {"NLANW133094", "NLANW1330946"}
    for spelling in ("NL-ANW-133094-6", "NLANW133094", "nl*anw*1330946"):
        assert contract_spellings(spelling) == expected
    assert contract_spellings("Jan-1") == {"JAN1"}


def test_languages_are_those_of_three_letters():
    assert "deu" in languages()
    assert "en" not in languages()
