"""Lists of keyed records: only what changed is written, changes have an order, a former state can be had again."""

import random
import threading
from functools import partial

import pytest
from sqlalchemy import func, select

from cast import downloaded_tokens, set_tokens, token, verify
from echs.audit import trail
from echs.base.errors import Refused
from echs.base.upload_validation import RecordBatch
from echs.lists import list_writer
from echs.lists.changes import changed_since
from echs.lists.keyed_list import ListReason
from echs.lists.list_diff import align
from echs.lists.tables import list_change
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02 import token_format
from echs.protocols.record_formats import RECORD_FORMATS
from echs.protocols.rows.payload import payloads_of, row_of
from echs.tokens import tables
from echs.tokens.token_list import TOKENS

KEYED = TOKENS.keyed


def put(context, owner, *records):
    return set_tokens(context, owner, records)


def rows_of(context, owner):
    with context.database.read() as snapshot:
        return [
            row_of(payload)
            for batch in KEYED.payloads(snapshot, KEYED.state_of(snapshot, owner.id))
            for payload in batch
        ]


def stored(context):
    """What the store has written of the records, apart from the head."""
    with context.database.read() as snapshot:
        rows = snapshot.execute(select(tables.token).order_by(tables.token.c.partner_id, tables.token.c.position))
        return [tuple(row) for row in rows]


def former_count(context):
    """How many former records are kept: those of their own table, and those that a list written anew has left behind."""
    heads, rows = tables.token_list.c, tables.token.c
    left = select(func.count()).select_from(tables.token.join(tables.token_list, heads.partner_id == rows.partner_id))
    with context.database.read() as snapshot:
        own = snapshot.execute(select(func.count()).select_from(tables.token_former)).scalar()
        return own + snapshot.execute(left.where(rows.position < heads.first_position)).scalar()


def changes(context):
    with context.database.read() as snapshot:
        columns = (list_change.c.seq, list_change.c.cause, list_change.c.added, list_change.c.changed)
        columns = (*columns, list_change.c.removed, list_change.c.moved)
        return [tuple(row) for row in snapshot.execute(select(*columns).order_by(list_change.c.seq))]


def since(context, seq, of=lambda owner: owner.is_not(None)):
    with context.database.read() as snapshot:
        return [(each.seq, row_of(each.payload)[3], each.gone) for each in changed_since(snapshot, KEYED, seq, of)]


def uid(number):
    return token(number).token_id


def test_an_upload_that_changes_nothing_writes_no_record_and_keeps_the_version(context, cast, clock):
    put(context, cast.tnm, *[token(number) for number in range(50)])
    before, version = stored(context), TOKENS.states(context)[cast.tnm.id]
    clock.turn(days=1)
    done = put(context, cast.tnm, *[token(number) for number in range(50)])
    assert stored(context) == before
    after = TOKENS.states(context)[cast.tnm.id]
    assert (after.version_token, after.generation) == (version.version_token, version.generation)
    assert after.replaced_at == clock.now
    assert done.stored == 50
    assert changes(context) == [(1, "upload", 50, 0, 0, 0)]
    assert list(verify(context)) == []


def test_of_a_list_only_what_changed_is_written_and_the_order_is_that_of_the_upload(context, cast):
    put(context, cast.tnm, *[token(number) for number in range(100)])
    before = stored(context)
    uploaded = [token(number) for number in range(100) if number not in (10, 11)]
    uploaded[5] = token(5, pin_mandatory=1)
    uploaded.insert(50, token(500))
    uploaded.append(token(501))
    done = put(context, cast.tnm, *uploaded)
    assert list(downloaded_tokens(context)) == uploaded
    assert len(set(stored(context)) - set(before)) == 3
    assert (done.counts.added, done.counts.changed, done.counts.removed) == (2, 1, 2)
    assert changes(context)[1] == (2, "upload", 2, 1, 2, 0)
    assert list(verify(context)) == []


def test_records_that_change_places_are_no_change_of_content(context, cast):
    put(context, cast.tnm, *[token(number) for number in range(20)])
    uploaded = [*[token(number) for number in range(1, 20)], token(0)]
    put(context, cast.tnm, *uploaded)
    assert list(downloaded_tokens(context)) == uploaded
    assert changes(context)[1] == (2, "upload", 0, 0, 0, 1)
    assert since(context, 1) == []
    assert list(verify(context)) == []


def test_a_list_without_a_common_record_is_written_anew_and_counts_what_became_of_each(context, cast):
    put(context, cast.tnm, *[token(number) for number in range(10)])
    done = put(context, cast.tnm, *[token(number, pin_mandatory=1) for number in range(5, 12)])
    assert (done.counts.added, done.counts.changed, done.counts.removed) == (2, 5, 5)
    assert {(key, gone) for _, key, gone in since(context, 1)} == {
        *((uid(number), True) for number in range(5)),
        *((uid(number), False) for number in range(5, 12)),
    }
    assert list(verify(context)) == []


def test_random_uploads_always_leave_what_was_sent(context, cast, seed):
    chance = random.Random(seed)
    present = [token(number) for number in range(40)]
    for _ in range(25):
        for _ in range(chance.randrange(6)):
            what = chance.randrange(4)
            place = chance.randrange(len(present))
            if what == 0 and len(present) > 5:
                present.pop(place)
            elif what == 1:
                number = chance.randrange(10_000)
                if all(each.token_id != uid(number) for each in present):
                    present.insert(place, token(number))
            elif what == 2:
                present[place] = present[place]._replace(pin_mandatory=1 - present[place].pin_mandatory)
            else:
                present.insert(chance.randrange(len(present)), present.pop(place))
        put(context, cast.tnm, *present)
        assert list(downloaded_tokens(context)) == present
    assert list(verify(context)) == []


def test_where_positions_are_too_close_the_list_is_numbered_anew(context, cast, monkeypatch):
    present = [token(1), token(2)]
    put(context, cast.tnm, *present)
    for number in range(3, 20):
        present.insert(1, token(number))
        put(context, cast.tnm, *present)
        assert list(downloaded_tokens(context)) == present
    assert list(verify(context)) == []


def test_what_changed_is_told_from_any_number_on_and_what_is_gone_as_gone(context, cast):
    put(context, cast.tnm, token(1), token(2))
    put(context, cast.lnd, token(3, hub=3))
    put(context, cast.tnm, token(2), token(4))
    assert since(context, 0) == [
        (1, uid(2), False),
        (2, uid(3), False),
        (3, uid(4), False),
        (3, uid(1), True),
    ]
    assert since(context, 2) == [(3, uid(4), False), (3, uid(1), True)]
    assert since(context, 3) == []
    assert since(context, 0, lambda owner: owner == cast.lnd.id) == [(2, uid(3), False)]
    put(context, cast.tnm, token(2), token(4), token(1))
    assert (uid(1), True) not in {(key, gone) for _, key, gone in since(context, 0)}
    put(context, cast.tnm, token(9))
    assert {key for _, key, gone in since(context, 0) if gone} == {uid(1), uid(2), uid(4)}


def test_single_records_are_put_in_their_place_or_at_the_end(context, cast):
    put(context, cast.tnm, *[token(number) for number in range(4)])

    def update(*records):
        with context.database.write() as transaction:
            KEYED.lock(context, transaction, cast.tnm.id)
            rows = [tuple(map(str, record)) for record in records]
            form, payloads = token_format.FORMAT, payloads_of(rows)
            return KEYED.update(context, transaction, cast.tnm.id, "UTC", form, payloads)

    counts = update(token(2, pin_mandatory=1), token(1), token(7))
    assert (counts.added, counts.changed) == (1, 1)
    expected = [token(0), token(1), token(2, pin_mandatory=1), token(3), token(7)]
    assert list(downloaded_tokens(context)) == expected
    assert since(context, 1) == [(2, uid(2), False), (2, uid(7), False)]
    assert update(token(7)) == list_writer.Counts(0, 0, 0)
    assert update(token(7, pin_mandatory=1), token(8)).added == 1  # the last one changes while one comes behind it
    assert list(downloaded_tokens(context)) == [*expected[:-1], token(7, pin_mandatory=1), token(8)]
    update(token(7))
    expected.append(token(8))
    assert changes(context)[1] == (2, "update", 1, 1, 0, 0)
    with context.database.write() as transaction:
        foreign = payloads_of([tuple(map(str, token(8, hub=3)))])
        KEYED.update(context, transaction, cast.lnd.id, "UTC", token_format.FORMAT, foreign)
    assert list(downloaded_tokens(context)) == [*expected, token(8, hub=3)]


@pytest.mark.parametrize(
    "second",
    [
        [token(2), token(3)],
        [token(1), token(2, pin_mandatory=1), token(3)],
        [token(8), token(9)],
        [token(1), token(2), token(4), token(3)],
        [token(3), token(1), token(2)],
    ],
    ids=["removed", "changed", "all", "added", "moved"],
)
def test_the_last_change_can_be_taken_back_and_that_again(context, cast, second):
    first = [token(1), token(2), token(3)]
    put(context, cast.tnm, *first)
    put(context, cast.tnm, *second)
    version = TOKENS.states(context)[cast.tnm.id].version_token
    if second == [token(3), token(1), token(2)]:
        return  # only the order changed: nothing of it is kept, and nothing is lost
    TOKENS.undo(context, "tnm", RECORD_FORMATS.tokens)
    assert list(downloaded_tokens(context)) == first
    assert TOKENS.states(context)[cast.tnm.id].version_token != version
    assert list(verify(context)) == []
    TOKENS.undo(context, "tnm", RECORD_FORMATS.tokens)
    assert list(downloaded_tokens(context)) == second
    assert [each.action for each in trail.entries(context)][-2:] == ["list.undo", "list.undo"]
    assert list(verify(context)) == []


def test_there_is_nothing_to_take_back_of_no_list_and_of_a_first_upload(context, cast):
    for reason in (ListReason.LIST_UNKNOWN, ListReason.NOTHING_TO_UNDO):
        with pytest.raises(Refused) as refused:
            TOKENS.undo(context, "tnm", RECORD_FORMATS.tokens)
        assert refused.value.first.reason is reason
        if reason is ListReason.LIST_UNKNOWN:
            put(context, cast.tnm, token(1))
    assert list(downloaded_tokens(context)) == [token(1)]


def test_one_former_state_is_kept_and_no_more(context, cast):
    for number in range(5):
        put(context, cast.tnm, *[token(each, pin_mandatory=number % 2) for each in range(10)])
        assert former_count(context) == (10 if number else 0)


def test_the_last_change_is_shown_record_by_record(context, cast):
    put(context, cast.tnm, token(1), token(2), token(3))
    put(context, cast.tnm, token(1), token(2, pin_mandatory=1), token(4))
    change, records = TOKENS.last_change(context, "tnm")
    assert (change.seq, change.cause, change.added, change.changed, change.removed) == (2, "upload", 1, 1, 1)
    told = [(each.kind.value, row_of((each.after or each.before).payload)[3]) for each in records]
    assert told == [("changed", uid(2)), ("removed", uid(3)), ("added", uid(4))]


def test_an_upload_that_removes_too_much_is_put_aside_until_it_is_released(context, cast):
    enrolment.change(context, "tnm", shrink_guard=True)
    whole = [token(number) for number in range(10)]
    put(context, cast.tnm, *whole)
    assert put(context, cast.tnm, *whole[3:]).set_aside is None
    aside = put(context, cast.tnm, *whole[6:])
    assert aside.set_aside == 3
    assert list(downloaded_tokens(context)) == whole[3:]
    assert TOKENS.put_aside(context)[cast.tnm.id].record_count == 4
    assert [each.action for each in trail.entries(context)][-1] == "list.set-aside"
    assert list(verify(context)) == []
    TOKENS.release(context, "tnm", RECORD_FORMATS.tokens)
    assert list(downloaded_tokens(context)) == whole[6:]
    assert TOKENS.put_aside(context) == {}
    with pytest.raises(Refused) as refused:
        TOKENS.release(context, "tnm", RECORD_FORMATS.tokens)
    assert refused.value.first.reason is ListReason.LIST_NOT_SET_ASIDE
    assert list(verify(context)) == []


def test_what_is_put_aside_is_forgotten_when_a_whole_list_comes(context, cast):
    enrolment.change(context, "tnm", shrink_guard=True)
    whole = [token(number) for number in range(10)]
    put(context, cast.tnm, *whole)
    put(context, cast.tnm, token(99))
    assert put(context, cast.tnm, token(98)).set_aside == 10
    assert TOKENS.put_aside(context)[cast.tnm.id].record_count == 1
    put(context, cast.tnm, *whole)
    assert TOKENS.put_aside(context) == {}


def test_without_the_guard_a_list_shrinks_as_it_always_did(context, cast):
    put(context, cast.tnm, *[token(number) for number in range(10)])
    assert put(context, cast.tnm, token(1)).set_aside is None
    assert list(downloaded_tokens(context)) == [token(1)]


def test_large_lists_differ_in_bounded_memory_and_come_out_right(context, cast, monkeypatch):
    monkeypatch.setattr("echs.lists.keyed_list.align", partial(align, most=100))
    enrolment.change(context, "tnm", shrink_guard=True)
    rows = [tuple(map(str, token(number))) for number in range(2000)]
    set_tokens(context, cast.tnm, [RecordBatch(rows)])
    done = set_tokens(context, cast.tnm, [RecordBatch([*rows[:500], *rows[700:]])])
    assert (done.set_aside, done.counts.removed) == (None, 200)
    assert rows_of(context, cast.tnm) == [*rows[:500], *rows[700:]]
    assert set_tokens(context, cast.tnm, [RecordBatch(rows[:500])]).set_aside == 1300
    assert list(verify(context)) == []


def test_numbers_of_changes_grow_in_the_order_of_the_commits_with_eight_writers_and_a_reader(context, cast, seed):
    """Whoever has seen a number has seen all before it: a reader that asks on from the last one misses nothing."""
    owners = [
        enrolment.add_partner(
            context, f"writer{number}", "W", "long-enough-pass-1234", Ownership([], [f"W{number}"], [])
        )
        for number in range(8)
    ]
    stop, seen, failed = threading.Event(), {}, []

    def write(owner, number):
        chance = random.Random(seed + number)
        try:
            for turn in range(12):
                several = {f"{number}-{chance.randrange(9)}" for _ in range(4)}
                records = [
                    token(1, hub=0)._replace(token_id=each, printed_number=str(turn)) for each in sorted(several)
                ]
                set_tokens(context, owner, records)
        except Exception as error:
            failed.append(error)

    def read():
        last = 0
        try:
            while True:
                ending = stop.is_set()
                with context.database.read() as snapshot:
                    for seq, _, owner, _, payload, gone in changed_since(
                        snapshot, KEYED, last, lambda each: each.is_not(None)
                    ):
                        row = row_of(payload)
                        seen[owner, row[3]] = None if gone else row
                        last = max(last, seq)
                if ending:
                    return
        except Exception as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=each) for each in zip(owners, range(8), strict=True)]
    reader.start()
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    stop.set()
    reader.join()
    assert failed == []
    present = {(owner, row[3]): row for (owner, row) in present_rows(context)}
    assert {key: row for key, row in seen.items() if row is not None} == present
    with context.database.read() as snapshot:
        numbers = list(snapshot.execute(select(list_change.c.seq).order_by(list_change.c.seq)).scalars())
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 50
    assert list(verify(context)) == []


def present_rows(context):
    with context.database.read() as snapshot:
        query = select(tables.token.c.partner_id, tables.token.c.payload).join(tables.token_list, KEYED.all_standing)
        return [(owner, row_of(payload)) for owner, payload in snapshot.execute(query)]


def test_a_change_that_is_rolled_back_takes_no_number_and_leaves_nothing(context, cast, monkeypatch):
    put(context, cast.tnm, token(1))

    def failing(*_arguments, **_named):
        raise OSError("no space")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="no space"):
        broken.setattr("echs.lists.published_list.trail.record", failing)
        put(context, cast.tnm, token(2))
    put(context, cast.tnm, token(3))
    assert [seq for seq, *_ in changes(context)] == [1, 2]
    assert list(downloaded_tokens(context)) == [token(3)]
    assert list(verify(context)) == []


def test_the_end_of_validity_is_that_of_the_last_day_in_the_owners_time_zone(context, cast):
    put(context, cast.tnm, token(1, expiry_date="31/12/2027"), token(2, expiry_date=""))
    with context.database.read() as snapshot:
        ends = list(snapshot.execute(select(tables.token.c.valid_until).order_by(tables.token.c.position)).scalars())
    assert cast.tnm.timezone == "Europe/Amsterdam"
    assert [end and end.isoformat() for end in ends] == ["2027-12-31T23:00:00+00:00", None]
