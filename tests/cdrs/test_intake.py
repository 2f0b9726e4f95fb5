"""Taking CDRs in."""

import threading

import pytest
from sqlalchemy import func, select

from cast import FIELD_CDR, add_cdrs, cdr
from echs.base.errors import Refused
from echs.base.fields import UploadReason
from echs.cdrs import intake, queries, tables
from echs.cdrs.cdr import CdrReason
from echs.cdrs.intake import Outcome
from echs.cdrs.status import Status, status_of
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.partners.login import LoginReason
from echs.protocols.ochp02.cdr_format import cdr_of

_requests = iter(f"{number:026d}" for number in range(10**6))


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), next(_requests), context.lists)


def refusal(context, sender, *records) -> Refused:
    with pytest.raises(Refused) as caught:
        add(context, sender, *records)
    return caught.value


def count(context) -> int:
    with context.database.read() as snapshot:
        return snapshot.execute(select(func.count()).select_from(tables.cdr)).scalar()


def statuses(context) -> dict[str, Status]:
    return {each.cdr_id: each.status for each in queries.find(context, None, None, 1000)}


def test_a_record_is_kept_as_received_and_as_read(context, cast, clock):
    add(context, cast.tnm, FIELD_CDR)
    with context.database.read() as snapshot:
        row = snapshot.execute(select(tables.cdr)).one()
    assert row.payload == "\x1f".join(FIELD_CDR)
    read = cdr_of(FIELD_CDR, cast.tnm.zone)
    assert all(value == getattr(read, name) for name, value in row._asdict().items() if name in read._fields)
    assert (row.started_offset_s, row.ended_offset_s, row.revision, row.kind) == (3600, 3600, 1, "charge")
    assert (row.volume_e4_kwh, row.duration_s, row.received_at) == (46_400, 7074, clock.now)
    assert (row.ended_at - row.started_at).total_seconds() == 7075


def test_the_outcome_of_each_record_is_known(context, cast):
    add(context, cast.tnm, cdr(1))
    added = add(context, cast.tnm, cdr(1), cdr(2), cdr(3, provider_id="Nobody"), cdr(2))
    assert added.outcomes == (Outcome.KNOWN, Outcome.PENDING, Outcome.HELD, Outcome.KNOWN)
    assert added.unowned_provider_ids == ("Nobody",)
    assert count(context) == 3


def test_the_same_upload_again_changes_nothing(context, cast):
    records = [cdr(number) for number in range(1200)]
    add(context, cast.tnm, *records)
    again = add(context, cast.tnm, *records)
    assert again.count(Outcome.KNOWN) == 1200
    assert count(context) == 1200


def test_one_bad_record_and_nothing_of_the_upload_is_stored(context, cast):
    refused = refusal(context, cast.tnm, *[cdr(number) for number in range(4999)], cdr(4999, volume="x"))
    assert refused.first.position == 4999
    assert count(context) == 0


def test_a_known_number_with_other_content_is_refused_and_the_field_is_named(context, cast):
    add(context, cast.tnm, cdr(1), cdr(2))
    refused = refusal(context, cast.tnm, cdr(3), cdr(2, volume="9"), cdr(1, city="Köln"))
    assert [(problem.reason, problem.position, problem.field) for problem in refused.problems] == [
        (CdrReason.CDR_DIFFERS, 1, "volume"),
        (CdrReason.CDR_DIFFERS, 2, "city"),
    ]
    assert refused.first.detail.endswith('a CDR is never changed. It was "4.6400" and is "9" now')
    assert count(context) == 2


def test_what_a_secret_field_was_is_not_told(context, cast):
    add(context, cast.tnm, cdr(1, token_id="C0FFEE01"))
    refused = refusal(context, cast.tnm, cdr(1, token_id="C0FFEE02"))
    assert refused.first.field == "token_id"
    assert "C0FFEE" not in refused.first.detail


def test_what_an_earlier_owner_of_the_operator_id_sent_is_not_told(context, cast):
    add(context, cast.tnm, cdr(1))
    enrolment.revoke_ids(context, "tnm", Ownership(["TheNewMotion"]))
    heir = enrolment.assign_ids(context, "lnd", Ownership(["TheNewMotion"]))
    refused = refusal(context, heir, cdr(1, volume="9"))
    assert (refused.first.reason, refused.first.field) == (CdrReason.CDR_DIFFERS, "volume")
    assert "4.6400" not in refused.first.detail


def test_one_number_with_two_contents_in_one_upload_is_refused(context, cast):
    problem = refusal(context, cast.tnm, cdr(1), cdr(1, volume="5")).first
    assert (problem.reason, problem.position, problem.field) == (CdrReason.CDR_TWICE, 1, "volume")
    assert "position 0" in problem.detail


def test_two_operators_may_use_the_same_number(context, cast):
    add(context, cast.tnm, cdr(1))
    assert add(context, cast.lnd, cdr(1, operator_id="ladenetz.de")).count(Outcome.PENDING) == 1


def test_the_operator_id_in_another_case_is_the_same_operator(context, cast):
    add(context, cast.tnm, cdr(1))
    assert add(context, cast.tnm, cdr(1, operator_id="thenewmotion")).count(Outcome.KNOWN) == 1


def test_nobody_sends_as_another(context, cast):
    for sender in (cast.lnd, cast.anwb, cast.office):
        assert refusal(context, sender, cdr(1)).first.reason is CdrReason.CDR_OPERATOR_NOT_YOURS
    assert count(context) == 0


def test_a_right_that_ends_while_an_upload_is_on_its_way_is_gone(context, cast):
    def taken_away(change):
        yield cdr(1)
        change()

    def give_up():
        enrolment.revoke_ids(context, "tnm", Ownership(["TheNewMotion"]))

    with pytest.raises(Refused) as caught:
        add_cdrs(context, cast.tnm, taken_away(give_up), next(_requests), context.lists)
    assert caught.value.first.reason is CdrReason.CDR_OPERATOR_NOT_YOURS
    enrolment.assign_ids(context, "tnm", Ownership(["TheNewMotion"]))
    with pytest.raises(Refused) as caught:
        add_cdrs(
            context, cast.tnm, taken_away(lambda: enrolment.disable(context, "tnm")), next(_requests), context.lists
        )
    assert caught.value.first.reason is LoginReason.LOGIN_TOKEN_UNKNOWN
    assert count(context) == 0


def test_a_provider_id_with_blanks_around_is_that_provider(context, cast):
    assert add(context, cast.tnm, cdr(1, provider_id=" anwb ")).outcomes == (Outcome.PENDING,)


def test_an_empty_upload_is_refused(context, cast):
    assert refusal(context, cast.tnm).first.reason is UploadReason.UPLOAD_EMPTY


def test_a_held_record_becomes_pending_by_itself_and_held_again_when_the_id_is_given_up(context, cast):
    add(context, cast.tnm, cdr(1, provider_id="Newcomer"), cdr(2))
    assert statuses(context) == {"1": Status.HELD, "2": Status.PENDING}
    enrolment.assign_ids(context, "anwb", Ownership([], ["NEWCOMER"]))
    assert statuses(context) == {"1": Status.PENDING, "2": Status.PENDING}
    enrolment.disable(context, "anwb")
    assert statuses(context) == {"1": Status.HELD, "2": Status.HELD}


def test_the_state_follows_from_run_and_owner():
    assert [status_of(run, owned) for run, owned in ((None, False), (None, True), (1, False), (1, True))] == [
        Status.HELD,
        Status.PENDING,
        Status.CLEARED,
        Status.CLEARED,
    ]


def test_the_listing_can_be_narrowed(context, cast):
    add(context, cast.tnm, cdr(1, provider_id="Nobody"), cdr(2), cdr(3))
    assert [each.cdr_id for each in queries.find(context, Status.PENDING, None, 10)] == ["3", "2"]
    assert [each.cdr_id for each in queries.find(context, Status.HELD, None, 10)] == ["1"]
    assert queries.find(context, Status.CLEARED, None, 10) == []
    assert len(queries.find(context, None, None, 2)) == 2


def test_the_same_upload_from_eight_threads_at_once_is_stored_once(context, cast):
    records = [cdr(number) for number in range(200)]
    results, errors = [], []

    def send(order: int) -> None:
        try:
            mine = records if order % 2 else list(reversed(records))
            results.append(add(context, cast.tnm, *mine).count(Outcome.PENDING))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=send, args=(order,)) for order in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert sorted(results) == [0] * 7 + [200]
    assert count(context) == 200


def test_what_was_accepted_once_is_known_whatever_the_settings_say_now(context, cast, clock):
    record = cdr(1, volume="900", end_datetime=clock.now.isoformat())
    add(context, cast.tnm, record)
    object.__setattr__(context.limits, "cdr_volume_e4_kwh", 1)
    clock.turn(days=-1)
    again = add(context, cast.tnm, record, record)
    assert again.outcomes == (Outcome.KNOWN, Outcome.KNOWN)
    refused = refusal(context, cast.tnm, record, cdr(2), cdr(3, end_datetime=record.end_datetime, volume="0"))
    assert [(problem.reason, problem.position) for problem in refused.problems] == [
        (CdrReason.CDR_VOLUME_LIMIT, 1),
        (CdrReason.CDR_IN_FUTURE, 2),
    ]
    assert count(context) == 1


def test_the_digest_of_an_upload_depends_on_the_order_of_its_cdrs():
    """What the trail holds of an upload: two CDRs that change places are another upload."""
    assert intake.digest_of(["a" * 64, "b" * 64]) != intake.digest_of(["b" * 64, "a" * 64])
