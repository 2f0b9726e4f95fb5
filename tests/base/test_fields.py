"""The checks that every text field gets."""

import pytest

from echs.base.fields import CONTROL_CHARACTER, Field, FieldReason, field_problems


def reason(field: Field, value: str) -> str | None:
    wrong = field.wrong(value)
    return wrong[0] if wrong else None


def test_a_field_may_be_exactly_as_long_as_its_limit():
    assert reason(Field("city", 5), "Łódź!") is None
    assert reason(Field("city", 4), "Łódź!") is FieldReason.FIELD_TOO_LONG


def test_a_mandatory_field_must_hold_more_than_blanks():
    field = Field("cdr_id", 10, mandatory=True)
    assert reason(field, "") is FieldReason.FIELD_MISSING
    assert reason(field, "   ") is FieldReason.FIELD_MISSING
    assert reason(field, " 1 ") is None


def test_an_optional_field_may_be_empty_and_its_rule_is_not_asked():
    field = Field("duration", 10, rule=lambda _: (FieldReason.FIELD_NOT_TEXT, "never asked"))
    assert reason(field, "") is None
    assert reason(field, "x") is FieldReason.FIELD_NOT_TEXT


@pytest.mark.parametrize("character", ["\t", "\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_a_control_character_anywhere_is_refused(character: str):
    assert reason(Field("city", 10), f"a{character}b") is FieldReason.FIELD_CONTROL_CHARACTER


@pytest.mark.parametrize("text", ["é", "Ł", "😀", " ", "\u00a0", "\u200b", "<&>"])
def test_letters_blanks_and_signs_of_any_script_are_no_control_characters(text: str):
    assert CONTROL_CHARACTER.search(text) is None


def test_the_rules_of_a_field_are_asked_in_their_order():
    field = Field("pin", 2, mandatory=True, rule=lambda _: (FieldReason.FIELD_NOT_INTEGER, "no"))
    assert [reason(field, value) for value in ("\n\n\n", "123", " ", "12")] == [
        FieldReason.FIELD_CONTROL_CHARACTER,
        FieldReason.FIELD_TOO_LONG,
        FieldReason.FIELD_MISSING,
        FieldReason.FIELD_NOT_INTEGER,
    ]


def test_a_secret_value_is_not_repeated_and_any_other_is():
    fields = (Field("pin", 2, secret=True), Field("city", 2))
    assert "1234" not in next(field_problems(fields, ("1234", ""), 0, None)).detail
    assert '"Köln"' in next(field_problems(fields, ("1", "Köln"), 0, None)).detail
