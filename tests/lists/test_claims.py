"""What is another partner's is told to who publishes it, to the trail and to the doctor, or refused by a setting."""

import json
from array import array

import pytest
from sqlalchemy import event

from cast import add_cdrs, cdr, charge_point, set_charge_points, set_tokens, token
from echs.audit import trail
from echs.base.upload_validation import RecordBatch
from echs.config.settings import read_settings
from echs.lists import keyed_list
from echs.lists.list_keys import ListKeys, has
from echs.maintenance.doctor import examine
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.partners.market_ids import market_id_of
from echs.tokens.token_list import TOKENS
from wire import Caller


@pytest.fixture(autouse=True)
def no_keys_of_other_tests(monkeypatch):
    monkeypatch.setattr(keyed_list, "KEYS", ListKeys())


def test_a_card_that_another_partner_publishes_is_taken_and_told(app, context, cast):
    assert Caller(app, "tnm").upload("SetRoamingAuthorisationList", token(1), token(2)).code == 0
    mine = [token(1, token_id="c0ffee00000001", hub=0, pin="0000"), token(7, hub=0)]
    answer = Caller(app, "anwb").upload("SetRoamingAuthorisationList", *mine)
    assert answer.code == 0
    assert "TOKEN_OF_ANOTHER 1" in answer.text("resultDescription")
    newest = [entry for entry in trail.entries(context) if entry.action == "list.replace"][-1]
    assert json.loads(newest.detail)["foreign"] == {"TOKEN_OF_ANOTHER": 1}
    # Another type of token is another token.
    answer = Caller(app, "anwb").upload("SetRoamingAuthorisationList", token(1, token_type=2, hub=0))
    assert "OF_ANOTHER" not in answer.text("resultDescription")


def test_a_socket_that_another_partner_publishes_and_one_with_its_market_id_are_told(app, context, cast):
    assert Caller(app, "lnd").upload("SetChargePointList", charge_point(1)).code == 0
    answer = Caller(app, "tnm").upload("SetChargePointList", charge_point(1, latitude="1.0"), charge_point(2))
    assert "EVSE_OF_ANOTHER 1" in answer.text("resultDescription")
    enrolment.assign_ids(context, "lnd", Ownership(["DE*LND"], [], []))
    answer = Caller(app, "tnm").upload("SetChargePointList", charge_point(1), charge_point(2))
    assert "EVSE_OF_ANOTHER 2" in answer.text("resultDescription")


def test_a_contract_with_the_market_id_of_another_partner_is_told_and_ones_own_is_not(app, context, cast):
    enrolment.assign_ids(context, "anwb", Ownership([], ["NL-TNM"], []))
    answer = Caller(app, "tnm").upload("SetRoamingAuthorisationList", token(1), token(2, contract_id="nltnm123456"))
    assert "CONTRACT_OF_ANOTHER 2" in answer.text("resultDescription")
    answer = Caller(app, "anwb").upload("SetRoamingAuthorisationList", token(11, hub=0))
    assert "OF_ANOTHER" not in answer.text("resultDescription")


def test_lists_of_disabled_partners_and_ones_own_former_list_are_nobody_elses(app, context, cast):
    Caller(app, "tnm").upload("SetRoamingAuthorisationList", token(1))
    assert "ANOTHER" not in Caller(app, "tnm").upload("SetRoamingAuthorisationList", token(1)).text("resultDescription")
    enrolment.disable(context, "tnm")
    answer = Caller(app, "anwb").upload("SetRoamingAuthorisationList", token(1, hub=0))
    assert "ANOTHER" not in answer.text("resultDescription")


def test_where_the_setting_says_so_such_a_list_is_refused_and_the_list_that_stood_before_stands(app, context, cast):
    object.__setattr__(context.limits, "refuse_foreign_ids", True)
    Caller(app, "tnm").upload("SetRoamingAuthorisationList", token(1))
    anwb = Caller(app, "anwb")
    assert anwb.upload("SetRoamingAuthorisationList", token(9, hub=0)).code == 0
    answer = anwb.upload("SetRoamingAuthorisationList", token(9, hub=0), token(1, hub=0))
    assert (answer.code, answer.reason) == (204, "TOKEN_OF_ANOTHER")
    assert "[1].tokenId" in answer.text("resultDescription")
    assert TOKENS.states(context)[cast.anwb.id].record_count == 1


def test_the_doctor_counts_what_several_partners_publish(app, context, cast, environment):
    def found():
        return {each.subject: each for each in examine(context, read_settings(environment))}

    Caller(app, "tnm").upload("SetRoamingAuthorisationList", token(1), token(2))
    assert found()["tokens in several lists"].status == "ok"
    Caller(app, "anwb").upload("SetRoamingAuthorisationList", token(1, hub=0))
    assert found()["tokens in several lists"].status == "warn"
    assert found()["tokens in several lists"].found.startswith("1 ")
    assert found()["EVSEs in several lists"].status == "ok"


def passes_over(context):
    """The statements that read a column of a whole list."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        if "FROM token" in statement and "_key" in statement:
            seen.append(statement)

    event.listen(context.database.engine, "before_cursor_execute", note)
    return seen


def test_a_cdr_costs_no_pass_over_the_providers_list_but_the_first_of_a_generation(context, cast):
    set_tokens(context, cast.anwb, [RecordBatch([tuple(map(str, token(n, hub=0))) for n in range(2000)])])
    seen = passes_over(context)

    def add(number, **other):
        record = cdr(number, token_id=token(number).token_id, **other)
        return add_cdrs(context, cast.tnm, iter([record]), f"{number:026d}", context.lists)

    for number in range(20):
        assert "CARD_UNKNOWN" not in add(number).warnings
    assert "CARD_UNKNOWN" in add(5000).warnings
    assert len([each for each in seen if "uid_key" in each]) == 1
    set_tokens(context, cast.anwb, [token(5001, hub=0)])
    assert "CARD_UNKNOWN" not in add(5001).warnings
    assert "CARD_UNKNOWN" in add(21).warnings
    assert len([each for each in seen if "uid_key" in each]) == 2


def test_keys_are_kept_in_bounded_memory_and_of_each_list_the_newest_generation():
    keys, loaded = ListKeys(numbers=250), []

    def load(name):
        loaded.append(name)
        return (f"{name} {number}" for number in range(100))

    for name in ("a", "b", "a", "c", "a"):
        numbers = keys.of(
            ("roaming", 1 if name == "a" else 2 if name == "b" else 3, name, "card"), lambda n=name: load(n)
        )
        assert isinstance(numbers, array)
        assert has(numbers, f"{name} 7")
        assert not has(numbers, f"{name} 100")
    assert loaded == ["a", "b", "c"]
    keys.of(("roaming", 2, "b", "card"), lambda: load("b"))
    assert loaded == ["a", "b", "c", "b"]
    keys.of(("roaming", 1, "newer", "card"), lambda: load("newer"))
    assert not [name for name in keys._kept if name[2] == "a"]


@pytest.mark.parametrize(
    ("text", "market"),
    [
        ("NL-TNM-122045-0", "NLTNM"),
        ("nl*tnm*E1", "NLTNM"),
        ("NLTNM", "NLTNM"),
        ("DELNDC00001516E", "DELND"),
        ("TheNewMotion", "THENE"),
        ("01000851", None),
        ("+49*823*1", None),
        ("NL-TN", None),
    ],
)
def test_a_market_id_is_country_and_three_signs(text, market):
    assert market_id_of(text) == market


def test_points_of_a_socket_list_are_compared_too(context, cast):
    set_charge_points(context, cast.lnd, [charge_point(1)])
    assert set_charge_points(context, cast.tnm, [charge_point(1)]).warnings["EVSE_OF_ANOTHER"] == 1
