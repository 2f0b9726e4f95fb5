"""What an administrator does with partners."""

import threading

import pytest

from echs.base.errors import Refused
from echs.partners import enrolment, queries
from echs.partners.enrolment import Ownership
from echs.partners.partner import PartnerReason


def refusal(verb, *arguments, **options) -> str:
    with pytest.raises(Refused) as caught:
        verb(*arguments, **options)
    return caught.value.first.reason


def test_a_partner_is_found_as_it_was_enrolled(context, cast):
    tnm = queries.partner_of_user(context, "TNM")
    assert (tnm.user_id, tnm.name, tnm.operator_ids, tnm.provider_ids, tnm.hubs, tnm.timezone, tnm.active) == (
        "tnm",
        "The New Motion",
        ("TheNewMotion",),
        ("TheNewMotion",),
        (5,),
        "Europe/Amsterdam",
        True,
    )
    assert not tnm.is_administrator
    assert queries.partner_of_user(context, "office").is_administrator


def test_partners_are_listed_in_the_order_of_enrolment(context, cast):
    assert [partner.user_id for partner in queries.all_partners(context)] == ["tnm", "lnd", "anwb", "office"]


def test_a_user_id_is_taken_in_any_case(context, cast):
    assert (
        refusal(enrolment.add_partner, context, "Tnm", "x", "long enough", Ownership()) is PartnerReason.PARTNER_EXISTS
    )


def test_an_id_has_one_owner_in_each_kind_whatever_its_case(context, cast):
    assert refusal(enrolment.assign_ids, context, "anwb", Ownership(["thenewmotion"])) is PartnerReason.PARTY_ID_TAKEN
    # ANWB is a provider id of anwb; as operator id it is free.
    assert enrolment.assign_ids(context, "tnm", Ownership(["ANWB"])).operator_ids == ("ANWB", "TheNewMotion")


def test_a_refused_partner_leaves_nothing_behind(context, cast):
    taken = Ownership(["NewOne", "TheNewMotion"])
    assert refusal(enrolment.add_partner, context, "n", "N", "long enough", taken) is PartnerReason.PARTY_ID_TAKEN
    assert refusal(queries.partner_of_user, context, "n") is PartnerReason.PARTNER_UNKNOWN
    enrolment.assign_ids(context, "anwb", Ownership(["NewOne"]))


def test_owning_again_changes_the_spelling_and_nothing_else(context, cast):
    enrolment.assign_ids(context, "tnm", Ownership(["THENEWMOTION"], [], [5, 5]))
    partner = queries.partner_of_user(context, "tnm")
    assert partner.operator_ids == ("THENEWMOTION",)
    assert partner.hubs == (5,)


def test_hubs_may_be_shared_and_party_ids_may_not(context, cast):
    assert enrolment.assign_ids(context, "anwb", Ownership([], [], [5])).hubs == (5,)


def test_an_id_that_is_given_up_is_free(context, cast):
    enrolment.revoke_ids(context, "tnm", Ownership(["TheNewMotion"]))
    assert enrolment.assign_ids(context, "anwb", Ownership(["TheNewMotion"])).operator_ids == ("TheNewMotion",)
    assert (
        refusal(enrolment.revoke_ids, context, "tnm", Ownership(["TheNewMotion"])) is PartnerReason.PARTY_ID_NOT_OWNED
    )
    assert refusal(enrolment.revoke_ids, context, "tnm", Ownership([], [], [99])) is PartnerReason.PARTY_ID_NOT_OWNED


def test_the_ids_of_a_disabled_partner_are_free_and_block_its_return_once_taken(context, cast):
    enrolment.disable(context, "tnm")
    enrolment.assign_ids(context, "anwb", Ownership(["TheNewMotion"]))
    assert refusal(enrolment.enable, context, "tnm") is PartnerReason.PARTY_ID_TAKEN
    assert not queries.partner_of_user(context, "tnm").active
    enrolment.revoke_ids(context, "anwb", Ownership(["TheNewMotion"]))
    assert enrolment.enable(context, "tnm").active


def test_a_disabled_partner_can_be_given_only_what_is_free(context, cast):
    enrolment.disable(context, "anwb")
    assert refusal(enrolment.assign_ids, context, "anwb", Ownership(["TheNewMotion"])) is PartnerReason.PARTY_ID_TAKEN


def test_a_change_touches_what_it_names(context, cast):
    changed = enrolment.change(context, "tnm", name="Shell", administrator=True)
    assert (changed.name, changed.timezone, changed.is_administrator) == ("Shell", "Europe/Amsterdam", True)
    assert not enrolment.change(context, "tnm", administrator=False).is_administrator


@pytest.mark.parametrize(
    ("user_id", "name", "password", "owns", "timezone"),
    [
        ("", "N", "long enough", Ownership(), "UTC"),
        (" x", "N", "long enough", Ownership(), "UTC"),
        ("x" * 65, "N", "long enough", Ownership(), "UTC"),
        ("x", "a\nb", "long enough", Ownership(), "UTC"),
        ("x", "N", "short", Ownership(), "UTC"),
        ("x", "N", "y" * 257, Ownership(), "UTC"),
        ("x", "N", "long enough", Ownership(["z" * 65]), "UTC"),
        ("x", "N", "long enough", Ownership([], [""]), "UTC"),
        ("x", "N", "long enough", Ownership([], [], [-1]), "UTC"),
        ("x", "N", "long enough", Ownership(), "Europe/Atlantis"),
        ("x", "N", "long enough", Ownership(), "../../etc/passwd"),
    ],
)
def test_what_cannot_be_a_partner_is_refused(context, user_id, name, password, owns, timezone):
    reason = refusal(enrolment.add_partner, context, user_id, name, password, owns, timezone=timezone)
    assert reason is PartnerReason.PARTNER_VALUE
    assert queries.all_partners(context) == []


def test_every_wrong_value_is_named_at_once_and_no_password_among_them(context):
    with pytest.raises(Refused) as caught:
        enrolment.add_partner(context, "", "", "secret!", Ownership(), timezone="Nowhere")
    sentences = [problem.detail for problem in caught.value.problems]
    assert len(sentences) == 4
    assert not any("secret!" in sentence for sentence in sentences)


def test_two_administrators_never_give_the_same_id(context, cast):
    outcomes = []

    def give(user_id: str) -> None:
        try:
            enrolment.assign_ids(context, user_id, Ownership(["Wanted"]))
            outcomes.append("given")
        except Refused as refused:
            outcomes.append(refused.first.reason)

    threads = [threading.Thread(target=give, args=(user_id,)) for user_id in ("tnm", "lnd", "anwb", "office")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["PARTY_ID_TAKEN"] * 3 + ["given"]
