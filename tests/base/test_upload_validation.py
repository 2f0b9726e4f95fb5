"""Reading an upload to its end."""

from operator import itemgetter

import pytest

from echs.base.errors import Problem, ProblemCollector, RecordProblems, Refused
from echs.base.fields import FieldReason, UploadReason
from echs.base.spool import Spool
from echs.base.upload_validation import DuplicateFinder, RecordValidator, validated


def even(number: int, position: int) -> int | Problem | None:
    if number == 0:
        return None
    return number if number % 2 == 0 else Problem(FieldReason.FIELD_NOT_INTEGER, "is odd", position=position)


def kept_of(records, judge, limit, problems):
    return [one for _, block in validated(records, RecordValidator(judge), limit, problems) for one in block]


def judged(records, judge, limit):
    """As the rooms do it."""
    problems = ProblemCollector()
    kept = kept_of(records, judge, limit, problems)
    if problems:
        raise problems.refusal("Nothing was stored.")
    return kept


def test_what_is_right_is_kept_in_order_and_what_is_left_out_is_left_out():
    assert judged(iter([2, 0, 4]), even, 10) == [2, 4]


def test_every_problem_is_counted_and_the_first_ten_are_named():
    with pytest.raises(Refused) as caught:
        judged(iter([1] * 25 + [2]), even, 100)
    assert caught.value.total == 25
    assert [problem.position for problem in caught.value.problems] == list(range(10))


def test_a_record_that_could_not_be_read_is_a_problem_in_its_place():
    unread = Problem(FieldReason.FIELD_UNKNOWN, "what is this", position=1)
    with pytest.raises(Refused) as caught:
        judged(iter([2, unread, 1]), even, 10)
    assert [problem.position for problem in caught.value.problems] == [1, 2]


def test_an_upload_without_a_record_is_refused():
    with pytest.raises(Refused) as caught:
        judged(iter([]), even, 10)
    assert caught.value.first.reason is UploadReason.UPLOAD_EMPTY


def test_the_limit_of_records_may_be_reached_and_not_passed():
    assert len(judged(iter([2] * 10), even, 10)) == 10
    with pytest.raises(Refused) as caught:
        judged(iter([2] * 11), even, 10)
    assert caught.value.first.reason is UploadReason.TOO_MANY_RECORDS


def test_reading_stops_at_the_limit():
    endless = iter(lambda: 2, 1)
    with pytest.raises(Refused):
        judged(endless, even, 1000)


def test_a_thorough_list_has_all_problems_of_every_record_and_keeps_what_is_right():
    def twice_wrong(number, position):
        if number % 2 == 0:
            return number
        both = [Problem(FieldReason.FIELD_NOT_INTEGER, word, position=position) for word in ("is odd", "is not even")]
        return RecordProblems(both[0], iter(both[1:]))

    problems = ProblemCollector(thorough=True)
    assert kept_of(iter([2, *[1] * 25, 4]), twice_wrong, 100, problems) == [2, 4]
    assert problems.total == len(problems.kept) == 50
    usual = ProblemCollector()
    assert kept_of(iter([2, *[1] * 25, 4]), twice_wrong, 100, usual) == [2, 4]
    assert (usual.total, len(usual.kept)) == (25, 25)


def repetitions_of(*blocks):
    found = DuplicateFinder(itemgetter(0), lambda row: "\x1f".join(row).encode())
    with Spool() as spool:
        place = 0
        for rows in blocks:
            spool.add(place, rows)
            found.note(rows)
            place += len(rows)
        return [(position, earlier, same) for position, earlier, _, same in found.found(spool)]


def test_a_key_that_stands_twice_is_found_inside_of_a_block_and_across_blocks():
    assert repetitions_of([("a", "1"), ("b", "1")], [("c", "1")]) == []
    assert repetitions_of([("a", "1"), ("a", "1")]) == [(1, 0, True)]
    assert repetitions_of([("a", "1"), ("b", "1")], [("c", "1"), ("a", "2"), ("b", "1")]) == [
        (3, 0, False),
        (4, 1, True),
    ]


def test_records_that_are_judged_one_by_one_are_handed_on_together_and_a_gap_ends_a_block():
    problems = ProblemCollector()
    numbers = [2] * 300 + [0] + [4] * 3 + [1] + [6]
    blocks = list(validated(iter(numbers), RecordValidator(even), 1000, problems))
    assert [(start, len(block)) for start, block in blocks] == [(0, 256), (256, 44), (301, 3), (305, 1)]
    assert problems.total == 1
