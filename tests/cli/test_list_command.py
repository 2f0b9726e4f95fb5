"""``echs list`` as the clearing office uses it."""

import json

from cast import downloaded_tokens, set_tokens, token
from echs.partners import enrolment


def put(context, owner, *records):
    return set_tokens(context, owner, records)


def test_the_last_change_is_shown_without_pins_and_card_numbers(echs, context, cast):
    put(context, cast.tnm, token(1), token(2), token(3))
    put(context, cast.tnm, token(1), token(2, pin="4711", expiry_date=""), token(4))
    code, out, _ = echs("list", "diff", "tnm", "--json")
    shown = json.loads(out)
    assert (code, shown["added"], shown["changed"], shown["removed"], shown["cause"]) == (0, 1, 1, 1, "upload")
    assert [(each["change"], each["key"]) for each in shown["records"]] == [
        ("changed", "NL-TNM-000002"),
        ("removed", "NL-TNM-000003"),
        ("added", "NL-TNM-000004"),
    ]
    changed = {field: (before, after) for field, before, after in shown["records"][0]["fields"]}
    assert changed["pin"] == ("(secret)", "(secret)")
    for text in (out, echs("list", "diff", "tnm")[1]):
        assert "4711" not in text
        assert token(3).token_id not in text
    assert "NL-TNM-000004" in echs("list", "diff", "tnm")[1]


def test_a_change_is_taken_back_and_an_upload_released(echs, context, cast):
    enrolment.change(context, "tnm", shrink_guard=True)
    put(context, cast.tnm, *[token(number) for number in range(10)])
    put(context, cast.tnm, *[token(number) for number in range(8)])
    code, out, _ = echs("list", "undo", "tnm", "--yes")
    assert (code, "has 10 records now: 2 added, 0 changed, 0 removed" in out) == (0, True)
    put(context, cast.tnm, token(1))
    _, out, err = echs("list", "show")
    assert "echs list release tnm --list tokens" in out + err
    shown = {each["user_id"]: each for each in json.loads(echs("list", "show", "--json")[1])}
    assert shown["tnm"]["roaming_list"]["set_aside"]["removed"] == 9
    code, out, _ = echs("list", "release", "tnm", "--yes")
    assert (code, "has 1 record now" in out) == (0, True)
    assert list(downloaded_tokens(context)) == [token(1)]


def test_what_there_is_not_is_told_and_changes_nothing(echs, context, cast):
    assert echs("list", "diff", "tnm")[0] == 3
    assert echs("list", "undo", "nobody", "--yes")[0] == 3
    assert echs("list", "release", "tnm", "--yes")[0] == 3
    put(context, cast.tnm, token(1))
    code, _, err = echs("list", "undo", "tnm", "--yes")
    assert (code, "there is no former state" in err) == (4, True)
    assert list(downloaded_tokens(context)) == [token(1)]
