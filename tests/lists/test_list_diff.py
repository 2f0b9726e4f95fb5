"""An upload as a difference: what is equal is found, what differs is left over, positions keep the order."""

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from echs.lists import list_diff
from echs.lists.list_diff import NOT_PLACED, STRIDE, align, positions, renumbered

names = st.lists(st.integers(0, 400).map(str), unique=True, max_size=60)


def standing(payloads):
    return [(STRIDE * (place + 1), payload) for place, payload in enumerate(payloads)]


def compared(before, uploaded, most=list_diff.MOST_DIFFERENT):
    """Both in blocks that do not end together."""
    blocks = [before[start : start + 7] for start in range(0, len(before), 7)]
    return align(blocks, [uploaded[start : start + 50] for start in range(0, len(uploaded), 50)], most)


def applied(before, found, uploaded):
    """The list that comes out when a difference is applied as `ListWriter.write` does."""
    kept = {position: payload for position, payload in before if (position, payload) not in found.left_over}
    target = positions(found.placed)
    assert target is not None
    for place, payload in enumerate(uploaded):
        if found.placed[place] == NOT_PLACED:
            assert target[place] not in kept, "a position that is taken"
            kept[target[place]] = payload
    return [payload for _, payload in sorted(kept.items())]


@settings(max_examples=400)
@given(names, names, st.integers(2, 50))
def test_a_difference_that_is_applied_makes_the_upload_and_keeps_what_was_equal(before, uploaded, window):
    original, list_diff.WINDOW = list_diff.WINDOW, window
    try:
        found = compared(standing(before), uploaded)
    finally:
        list_diff.WINDOW = original
    assert len(found.placed) == len(uploaded)
    taken = [position for position in found.placed if position != NOT_PLACED]
    assert taken == sorted(set(taken))
    by_position = dict(standing(before))
    for place, position in enumerate(found.placed):
        assert position == NOT_PLACED or by_position[position] == uploaded[place]
    assert sorted([*taken, *(position for position, _ in found.left_over)]) == sorted(by_position)
    assert applied(standing(before), found, uploaded) == uploaded
    assert found.equal == (before == uploaded)


@given(st.lists(st.integers(0, 10**6).map(str), unique=True, min_size=1, max_size=300), st.data())
def test_a_list_with_some_changes_is_written_only_where_it_changed(before, data):
    after, changed = list(before), data.draw(st.sets(st.integers(0, len(before) - 1), max_size=5))
    for place in changed:
        after[place] = f"changed {place}"
    removed = data.draw(st.sets(st.integers(0, len(before) - 1), max_size=3))
    uploaded = [payload for place, payload in enumerate(after) if place not in removed]
    found = compared(standing(before), uploaded)
    assert sum(position == NOT_PLACED for position in found.placed) == len(changed - removed)
    assert len(found.left_over) == len(changed | removed)


def test_a_block_that_was_removed_is_passed_over_and_what_follows_is_found(monkeypatch):
    monkeypatch.setattr(list_diff, "WINDOW", 100)
    before = [str(number) for number in range(5000)]
    found = compared(standing(before), before[:1000] + before[4000:])
    # Some are not recognised while the window moves on; they are written again at worst.
    assert sum(position == NOT_PLACED for position in found.placed) <= 3 * 1000
    assert applied(standing(before), found, before[:1000] + before[4000:]) == before[:1000] + before[4000:]


def test_too_large_a_difference_is_not_kept_in_memory():
    before, uploaded = [str(number) for number in range(500)], [f"x{number}" for number in range(500)]
    found = compared(standing(before), uploaded, most=499)
    assert (found.too_different, found.left_over) == (True, [])
    assert not compared(standing(before), uploaded, most=500).too_different
    assert compared(standing(before), uploaded, most=500).disjoint


def test_where_there_is_no_room_between_two_positions_all_are_given_new_ones():
    crowded = array("q", [10, NOT_PLACED, 11])
    assert positions(crowded) is None
    assert list(positions(renumbered(crowded))) == [STRIDE, STRIDE + STRIDE // 2, 2 * STRIDE]
    assert list(positions(array("q", [NOT_PLACED, 2, NOT_PLACED]))) == [1, 2, 2 + STRIDE]
