"""Identifiers that we make ourselves."""

import os

from ulid import ULID

from echs.base.clock import milliseconds

RANDOM_BYTES = 10
TIME_BYTES = 6


def new_request_id() -> str:
    """A new request id: a ULID, 26 characters, sorts by time. It is in every answer and every log line."""
    # The library's own generator keeps the ids of one millisecond in order, and every thread waiting for it.
    return str(ULID.from_bytes(milliseconds().to_bytes(TIME_BYTES, "big") + os.urandom(RANDOM_BYTES)))
