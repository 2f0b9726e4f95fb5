"""Meters never harm what they count."""

import errno
import os

import pytest

from echs.base.request_context import RequestContext
from echs.serving.metrics import DURATION, IN_FLIGHT, REQUESTS, Metrics, allocated


def test_meters_without_room_are_mute_and_the_worker_lives(tmp_path, monkeypatch):
    (tmp_path / f"counter_{os.getpid()}.db").write_bytes(b"\0" * 65536)
    assert allocated(tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert not allocated(tmp_path)
    mute = Metrics(tmp_path)
    assert mute.mute
    mute.add(REQUESTS, "add_cdrs", "soap-1.2", "ok")
    mute.set(IN_FLIGHT, value=3)
    mute.observe(DURATION, "add_cdrs", value=1.0)


def test_meters_of_one_process_are_read_as_they_were_counted():
    meters = Metrics()
    meters.add(REQUESTS, "add_cdrs", "soap-1.2", "ok", amount=2)
    meters.observe(DURATION, "add_cdrs", value=0.3)
    text = meters.text().decode()
    assert 'echs_requests_total{channel="soap-1.2",operation="add_cdrs",result="ok"} 2.0' in text
    assert 'echs_request_duration_seconds_bucket{le="0.5",operation="add_cdrs"} 1.0' in text


@pytest.mark.parametrize("committed", [True, False])
def test_what_is_entered_counts_when_it_is_committed(committed):
    trace = RequestContext()
    trace.entering = "1:abc"
    trace.entered(committed=committed)
    assert (trace.audited, trace.entering) == ("1:abc" if committed else "", "")
