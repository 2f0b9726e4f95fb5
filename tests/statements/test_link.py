"""The link to a statement."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from echs.statements import link

KEY = link.signing_key("a secret that is long enough for a test")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MONTH = 30 * 86_400


def test_a_link_opens_what_it_was_made_for():
    signed = link.sign(KEY, 7, [(1, 3), (9, 9)], NOW, MONTH)
    assert link.opened(KEY, signed, NOW, MONTH) == (7, ((1, 3), (9, 9)))


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_the_spans_hold_the_runs_and_no_other_of_the_partner_s(runs, others):
    among = list(runs | others)
    spans = link.spans_of(list(runs), among)
    assert {run for run in among if any(first <= run <= last for first, last in spans)} == runs
    assert sum(first <= run <= last for first, last in spans for run in among) == len(runs)


def test_hundreds_of_missed_runs_are_one_span_and_a_short_link():
    mine = list(range(1, 2000, 3))
    assert link.spans_of(mine, mine) == ((1, 1999),)


def test_a_link_ends_at_the_midnight_after_its_life():
    signed = link.sign(KEY, 7, [(1, 1)], NOW, MONTH)
    end = datetime(2026, 12, 22, tzinfo=UTC)
    assert link.opened(KEY, signed, end - timedelta(seconds=1), MONTH) is not None
    assert link.opened(KEY, signed, end, MONTH) is None


def test_that_a_link_has_ended_is_told_to_whoever_has_it_and_to_nobody_else():
    signed = link.sign(KEY, 7, [(1, 1)], NOW, MONTH)
    end = datetime(2026, 12, 22, tzinfo=UTC)
    assert not link.has_ended(KEY, signed, end - timedelta(seconds=1))
    assert link.has_ended(KEY, signed, end)
    assert not link.has_ended(KEY, signed[:-1] + ("0" if signed[-1] != "0" else "1"), end)
    assert not link.has_ended(link.signing_key("another secret"), signed, end)
    assert not link.has_ended(KEY, "x" * 3000, end)


def test_the_same_call_on_the_same_day_gives_the_same_link():
    assert link.sign(KEY, 7, [(1, 1)], NOW, MONTH) == link.sign(KEY, 7, [(1, 1)], NOW + timedelta(hours=11), MONTH)


def test_ten_thousand_altered_links_open_nothing():
    signed = link.sign(KEY, 7, [(1, 2)], NOW, MONTH)
    chance = random.Random(20261121)
    alphabet = "0123456789abcdefABCDEF.-,%/=_\u0660é"
    for _ in range(10_000):
        position = chance.randrange(len(signed))
        kind = chance.randrange(3)
        put = chance.choice(alphabet)
        altered = signed[:position] + (put if kind else "") + signed[position + (kind != 1) :]
        if altered != signed:
            assert link.opened(KEY, altered, NOW, MONTH) is None, altered


def test_another_key_opens_nothing():
    assert link.opened(link.signing_key("another secret"), link.sign(KEY, 7, [(1, 1)], NOW, MONTH), NOW, MONTH) is None


@given(st.text(max_size=200))
def test_any_other_text_opens_nothing(text):
    assert link.opened(KEY, text, NOW, MONTH) is None


def test_a_link_that_would_open_longer_than_a_new_one_opens_nothing():
    """As who has the key from a backup would make it."""
    forged = link.seal(KEY, "7.1-999999.99999999999")
    assert link.opened(KEY, forged, NOW, MONTH) is None
    of_longer_life = link.sign(KEY, 7, [(1, 1)], NOW, 2 * MONTH)
    assert link.opened(KEY, of_longer_life, NOW, 2 * MONTH) is not None
    assert link.opened(KEY, of_longer_life, NOW, MONTH) is None
    last = int((NOW + timedelta(seconds=MONTH + link.DAY_SECONDS)).timestamp())
    assert link.opened(KEY, link.seal(KEY, f"7.1-1.{last}"), NOW, MONTH) is not None
    assert link.opened(KEY, link.seal(KEY, f"7.1-1.{last + 1}"), NOW, MONTH) is None
