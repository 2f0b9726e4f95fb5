"""Bulk uploads are admitted in turn: two of a partner, all within a budget, the others wait and are then told."""

import threading
import time

import pytest

from echs.base.admission import SMALL_BYTES, Admission, AdmissionLimits
from echs.base.errors import LoadReason, Refused

LARGE = 10 * 1024 * 1024


class Uploads:
    """Uploads on threads of their own, each worked on until it is told to end."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.working: list[int] = []
        self.refused: list[str] = []
        self.end = threading.Event()
        self.threads: list[threading.Thread] = []

    def begin(self, partner: int, size: int = LARGE) -> None:
        thread = threading.Thread(target=self._upload, args=(partner, size))
        self.threads.append(thread)
        thread.start()

    def _upload(self, partner: int, size: int) -> None:
        try:
            with self.admission.admitted(partner, size):
                self.working.append(partner)
                self.end.wait(30)
        except Refused as refused:
            self.refused.append(refused.first.reason)

    def settle(self, working: int, refused: int = 0) -> None:
        """Wait until so many are worked on and so many were refused, and see that it stays so."""
        until = time.monotonic() + 10
        while time.monotonic() < until and (len(self.working), len(self.refused)) != (working, refused):
            time.sleep(0.01)
        time.sleep(0.1)
        assert (len(self.working), len(self.refused)) == (working, refused)

    def finish(self) -> None:
        self.end.set()
        for thread in self.threads:
            thread.join(30)


@pytest.fixture(params=["alone", "shared"])
def made(request, tmp_path):
    """Makes an admission; with others of the same host where they share a directory."""
    begun = []

    def make(**limits):
        directory = tmp_path if request.param == "shared" else None
        uploads = Uploads(Admission(AdmissionLimits(**limits), directory))
        begun.append(uploads)
        return uploads

    yield make
    for uploads in begun:
        uploads.finish()


def test_two_uploads_of_a_partner_are_worked_on_and_the_third_waits_while_another_partner_goes_on(made):
    uploads = made(per_partner=2, seats=10, wait_seconds=20)
    for _ in range(3):
        uploads.begin(1)
    uploads.settle(2)
    uploads.begin(2)
    uploads.settle(3)
    assert sorted(uploads.working) == [1, 1, 2]
    uploads.finish()
    assert sorted(uploads.working) == [1, 1, 1, 2]
    assert uploads.refused == []


def test_who_waits_too_long_is_told_to_come_again(made):
    uploads = made(per_partner=1, seats=10, wait_seconds=0.2)
    uploads.begin(1)
    uploads.settle(1)
    uploads.begin(1)
    uploads.settle(1, 1)
    assert uploads.refused == [LoadReason.UPLOAD_BUSY]


def test_when_all_seats_are_taken_the_next_is_told_at_once(made):
    uploads = made(per_partner=1, seats=2, wait_seconds=60)
    uploads.begin(1)
    uploads.begin(1)
    uploads.settle(1)
    began = time.monotonic()
    with pytest.raises(Refused) as refused, uploads.admission.admitted(2, LARGE):
        raise AssertionError("there was no seat")
    assert refused.value.first.reason is LoadReason.UPLOAD_BUSY
    assert time.monotonic() - began < 5


def test_uploads_of_all_partners_stay_within_the_budget_and_one_above_it_is_worked_on_alone(made):
    uploads = made(per_partner=2, seats=10, budget_bytes=25 * 1024 * 1024, wait_seconds=20)
    for partner in (1, 2, 3):
        uploads.begin(partner)
    uploads.settle(2)
    uploads.begin(4, 10**12)
    uploads.finish()
    assert sorted(uploads.working) == [1, 2, 3, 4]


def test_small_requests_need_no_turn(made):
    uploads = made(per_partner=1, seats=1)
    uploads.begin(1)
    uploads.settle(1)
    with uploads.admission.admitted(1, SMALL_BYTES):
        assert uploads.refused == []


def test_what_fails_gives_its_turn_back(made):
    uploads = made(per_partner=1, seats=1, wait_seconds=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), uploads.admission.admitted(1, LARGE):
            raise ZeroDivisionError
    with uploads.admission.admitted(1, LARGE):
        assert uploads.refused == []


def test_workers_of_a_host_share_the_turns_of_a_partner(tmp_path):
    limits = AdmissionLimits(per_partner=1, wait_seconds=0.1)
    here, there = Admission(limits, tmp_path), Admission(limits, tmp_path)
    with here.admitted(1, LARGE):
        with pytest.raises(Refused), there.admitted(1, LARGE):
            raise AssertionError("it is the other's turn")
        with there.admitted(2, LARGE):
            pass
    with there.admitted(1, LARGE) as admitted:
        assert admitted is None
