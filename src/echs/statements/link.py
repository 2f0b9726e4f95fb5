"""The link to a statement: whoever has it may open it, nobody can guess or alter it, and it ends.

Nothing is stored. The link says which partner, which runs and until when, under an HMAC-SHA-256 with the house's key;
the whole text is compared, so that no other spelling of the same link opens anything.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime

DAY_SECONDS = 86_400
LINK_LENGTH_LIMIT = 2000
_LINK = re.compile(r"([1-9][0-9]{0,17})\.([0-9]+-[0-9]+(?:,[0-9]+-[0-9]+)*)\.([1-9][0-9]{0,10})\.[0-9a-f]{64}")

# The first and the last number of a row of runs; those between that the partner took no part in do not count.
Span = tuple[int, int]


def signing_key(secret: str) -> bytes:
    """The key for links, derived from the house's secret so that no other use of it signs a link."""
    return hmac.digest(secret.encode(), b"statement link", hashlib.sha256)


def sign(key: bytes, partner_id: int, spans: Sequence[Span], now: datetime, life_seconds: int) -> str:
    """The secret part of a link. It ends at a midnight UTC, so that a repeated call gets the same link."""
    expires = -(-(int(now.timestamp()) + life_seconds) // DAY_SECONDS) * DAY_SECONDS
    runs = ",".join(f"{first}-{last}" for first, last in spans)
    return seal(key, f"{partner_id}.{runs}.{expires}")


def seal(key: bytes, payload: str) -> str:
    """The payload with its signature."""
    return f"{payload}.{hmac.new(key, payload.encode(), hashlib.sha256).hexdigest()}"


def opened(key: bytes, link: str, now: datetime, life_seconds: int) -> tuple[int, tuple[Span, ...]] | None:
    """The partner and the spans of runs of a link that we made and that has not ended; None for anything else.

    A link that would be good for longer than one that is made now is none of ours: who has the key, from a backup that
    leaked, makes no link for ever, and a shorter life ends the links of a longer one.
    """
    match = _LINK.fullmatch(link) if len(link) <= LINK_LENGTH_LIMIT else None
    payload = link.rpartition(".")[0]
    # Compared in every case: how long a refusal takes says nothing about why.
    right = hmac.compare_digest(
        seal(key, payload.encode("utf-8", "replace").decode()).encode(), link.encode("utf-8", "replace")
    )
    if match is None or not right:
        return None
    ends, present = int(match[3]), now.timestamp()
    if not present < ends <= present + life_seconds + DAY_SECONDS:
        return None
    spans = (part.partition("-") for part in match[2].split(","))
    return int(match[1]), tuple((int(first), int(last)) for first, _, last in spans)


def has_ended(key: bytes, link: str, now: datetime) -> bool:
    """Whether we made this link and its time is over: whoever has it may know that, and ask for a new one."""
    match = _LINK.fullmatch(link) if len(link) <= LINK_LENGTH_LIMIT else None
    if match is None:
        return False
    end = int(match[3])
    return now.timestamp() >= end and opened(key, link, datetime.fromtimestamp(end - 1, UTC), 0) is not None


def spans_of(runs: Sequence[int], among: Sequence[int]) -> tuple[Span, ...]:
    """``runs`` as spans of ``among``, the runs that the partner took part in: few, however many runs they are."""
    wanted, going_on = set(runs), False
    spans: list[Span] = []
    for run in sorted(among):
        if run in wanted and going_on:
            spans[-1] = (spans[-1][0], run)
        elif run in wanted:
            spans.append((run, run))
        going_on = run in wanted
    return tuple(spans)
