"""Reading an upload to its end."""

import pytest

from echs.base.errors import Problem, Refused
from echs.base.fields import FieldReason, UploadReason
from echs.base.upload import judged


def even(number: int, position: int) -> int | Problem | None:
    if number == 0:
        return None
    return number if number % 2 == 0 else Problem(FieldReason.FIELD_NOT_INTEGER, "is odd", position=position)


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
