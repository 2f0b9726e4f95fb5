"""Identifiers that we make ourselves."""

from ulid import ULID


def new_request_id() -> str:
    """A new request id: a ULID, 26 characters, sorts by time. It is in every answer and every log line."""
    return str(ULID())
