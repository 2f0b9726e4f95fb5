"""Reading an upload to its end."""

import pytest

from echs.base.errors import Problem, ProblemList, Problems, Refused
from echs.base.fields import FieldReason, UploadReason
from echs.base.upload import Court, Keys, examined


def even(number: int, position: int) -> int | Problem | None:
    if number == 0:
        return None
    return number if number % 2 == 0 else Problem(FieldReason.FIELD_NOT_INTEGER, "is odd", position=position)


def kept_of(records, judge, limit, problems):
    return [one for _, block in examined(records, Court(judge), limit, problems) for one in block]


def judged(records, judge, limit):
    """As the rooms do it."""
    problems = ProblemList()
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
        return Problems(both[0], iter(both[1:]))

    problems = ProblemList(thorough=True)
    assert kept_of(iter([2, *[1] * 25, 4]), twice_wrong, 100, problems) == [2, 4]
    assert problems.total == len(problems.kept) == 50
    usual = ProblemList()
    assert kept_of(iter([2, *[1] * 25, 4]), twice_wrong, 100, usual) == [2, 4]
    assert (usual.total, len(usual.kept)) == (25, 10)


def test_keys_are_taken_at_once_only_where_each_of_them_is_new():
    keys = Keys()
    assert keys.take_new(["a", "b"], 0)
    assert not keys.take_new(["c", "c"], 2)
    assert not keys.take_new(["c", "a"], 2)
    # What was not taken is still new.
    assert keys.earlier("c", "content", 2) is None
    assert keys.earlier("a", "content", 3) == (0, False)
