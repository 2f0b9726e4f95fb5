"""The relay between a store that answers fast and a reader that is slow."""

import threading
import time

import pytest

from echs.base import prefetch_buffer
from echs.base.prefetch_buffer import PrefetchBuffer


class Closable:
    closed = False

    def close(self):
        self.closed = True


def test_everything_comes_out_as_it_went_in_and_in_order():
    given = [bytes([number % 256]) * 1000 if number % 3 else (number,) for number in range(2000)]
    handed = PrefetchBuffer(iter(given))
    assert list(handed) == given
    handed.close()


def test_the_maker_does_not_wait_for_the_reader(monkeypatch):
    monkeypatch.setattr(prefetch_buffer, "MEMORY_BYTES", 10_000)
    done = threading.Event()

    def made():
        for number in range(200):
            yield bytes([number]) * 5000
        done.set()

    handed = PrefetchBuffer(made())
    assert done.wait(10)
    assert [each[:1] for each in handed] == [bytes([number]) for number in range(200)]
    handed.close()


def test_without_room_for_a_file_the_maker_waits_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(prefetch_buffer, "MEMORY_BYTES", 10_000)
    monkeypatch.setattr(prefetch_buffer, "WAIT_SECONDS", 0.05)

    def full(**_):
        raise OSError("no space")

    monkeypatch.setattr(prefetch_buffer.tempfile, "TemporaryFile", full)
    made = []

    def maker():
        for number in range(50):
            made.append(number)
            yield bytes([number]) * 4000

    handed = PrefetchBuffer(maker())
    time.sleep(0.2)
    assert len(made) < 10
    assert [each[0] for each in handed] == list(range(50))
    handed.close()


def test_a_disk_that_fills_up_in_the_middle_loses_nothing(monkeypatch):
    monkeypatch.setattr(prefetch_buffer, "MEMORY_BYTES", 10_000)
    monkeypatch.setattr(prefetch_buffer, "WAIT_SECONDS", 0.05)
    room = [100_000]
    real = prefetch_buffer.os.pwrite

    def pwrite(descriptor, data, place):
        room[0] -= len(data)
        if room[0] < 0:
            real(descriptor, data[:7], place)
            raise OSError("no space")
        return real(descriptor, data, place)

    monkeypatch.setattr(prefetch_buffer.os, "pwrite", pwrite)
    handed = PrefetchBuffer(iter([bytes([number]) * 3000 for number in range(200)]))
    time.sleep(0.2)
    assert [each[0] for each in handed] == list(range(200))
    handed.close()


def test_what_fails_at_once_is_raised_at_once_and_what_fails_later_where_it_is_read():
    def never():
        raise ValueError("at once")
        yield

    with pytest.raises(ValueError, match="at once"):
        PrefetchBuffer(never())

    def later():
        for number in range(20):
            yield str(number).encode()
        raise ValueError("later")

    handed = PrefetchBuffer(later())
    read = []
    with pytest.raises(ValueError, match="later"):
        read.extend(handed)
    handed.close()


def test_a_reader_that_goes_away_leaves_nothing_open(monkeypatch):
    monkeypatch.setattr(prefetch_buffer, "MEMORY_BYTES", 10_000)
    things = [Closable() for _ in range(100)]
    go_on = threading.Event()

    def made():
        for number, each in enumerate(things):
            if number == 50:
                go_on.wait(10)
            yield each

    handed = PrefetchBuffer(made())
    taken = next(iter(handed))
    handed.close()
    go_on.set()
    end = time.monotonic() + 10
    while not all(each.closed for each in things if each is not taken) and time.monotonic() < end:
        time.sleep(0.01)
    assert all(each.closed for each in things if each is not taken)
    assert not any(thread.name == "relay" for thread in threading.enumerate()) or time.sleep(0.5) is None
