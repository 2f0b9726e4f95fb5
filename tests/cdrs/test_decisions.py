"""The office puts CDRs on hold, releases them and rejects them, before clearing and never after."""

import pytest

from cast import add_cdrs, cdr
from echs.audit import trail
from echs.base.errors import Refused
from echs.cdrs import queries
from echs.cdrs.decisions import REASON_LIMIT, decide
from echs.cdrs.lookup import look_up
from echs.cdrs.pending import held, preview
from echs.cdrs.status import Decided, Status
from echs.clearing import run

REQUEST = "0" * 26


def added(context, cast, *numbers):
    add_cdrs(context, cast.tnm, iter(cdr(number) for number in numbers), REQUEST, context.lists)


def state(context, number):
    return look_up(context, str(number), None).listed.status


def cleared_in(context):
    found = queries.find(context, Status.CLEARED, None, 100)
    return {each.cdr_id: each.run_number for each in found}


def test_what_is_on_hold_or_rejected_is_in_no_run_and_what_is_released_is_in_the_next(context, cast):
    added(context, cast, 1, 2, 3)
    decide(context, Decided.HOLD, "1", None, "999 kWh, asked the operator", "office")
    decide(context, Decided.REJECT, "2", None, "a double of 1", "office")
    assert (state(context, 1), state(context, 2), state(context, 3)) == (
        Status.ON_HOLD,
        Status.REJECTED,
        Status.PENDING,
    )
    assert sum(pair.cdr_count for pair in preview(context)) == 1
    assert run.clear(context, "test", REQUEST).cdr_count == 1
    assert run.clear(context, "test", REQUEST) is None
    decide(context, Decided.RELEASE, "1", None, "the operator confirms", "office")
    assert run.clear(context, "test", REQUEST).cdr_count == 1
    assert cleared_in(context) == {"3": 1, "1": 2}
    assert state(context, 2) is Status.REJECTED


def test_a_decision_goes_before_a_provider_id_that_nobody_owns(context, cast):
    add_cdrs(context, cast.tnm, iter([cdr(1, provider_id="nobody yet")]), REQUEST, context.lists)
    assert [each.cdr_count for each in held(context)] == [1]
    decide(context, Decided.HOLD, "1", None, "whose is it?", "office")
    assert state(context, 1) is Status.ON_HOLD
    assert held(context) == []
    decide(context, Decided.RELEASE, "1", None, "nobody's yet", "office")
    assert state(context, 1) is Status.HELD


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ([], Decided.RELEASE),
        ([Decided.HOLD], Decided.HOLD),
        ([Decided.REJECT], Decided.RELEASE),
        ([Decided.REJECT], Decided.HOLD),
        ([Decided.REJECT], Decided.REJECT),
    ],
)
def test_a_decision_that_the_state_does_not_allow_is_refused_and_says_the_state(context, cast, before, kind):
    added(context, cast, 1)
    for each in before:
        decide(context, each, "1", None, "as it was", "office")
    was = state(context, 1)
    with pytest.raises(Refused) as refused:
        decide(context, kind, "1", None, "now", "office")
    assert refused.value.first.reason == "CDR_STATE"
    assert was.value in refused.value.first.detail
    assert state(context, 1) is was


def test_after_clearing_nothing_is_decided(context, cast):
    added(context, cast, 1)
    run.clear(context, "test", REQUEST)
    for kind in Decided:
        with pytest.raises(Refused) as refused:
            decide(context, kind, "1", None, "too late", "office")
        assert "cleared" in refused.value.first.detail
    assert state(context, 1) is Status.CLEARED


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * (REASON_LIMIT + 1)])
def test_a_decision_needs_a_reason_of_one_line(context, cast, reason):
    added(context, cast, 1)
    with pytest.raises(Refused) as refused:
        decide(context, Decided.HOLD, "1", None, reason, "office")
    assert refused.value.first.reason == "DECISION_VALUE"
    assert state(context, 1) is Status.PENDING


def test_every_decision_is_in_the_audit_trail_with_its_reason(context, cast):
    added(context, cast, 1)
    decide(context, Decided.HOLD, "1", "thenewmotion", "to be asked", "office")
    decide(context, Decided.RELEASE, "1", None, "answered", "office")
    entered = [each for each in trail.entries(context) if each.action.startswith("cdr.")]
    assert [(each.action, each.subject) for each in entered] == [
        ("cdr.hold", "CDR 1 of TheNewMotion"),
        ("cdr.release", "CDR 1 of TheNewMotion"),
    ]
    assert "to be asked" in entered[0].detail
