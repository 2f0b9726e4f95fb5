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
_LINK = re.compile(r"([1-9][0-9]{0,17})\.([0-9,-]+)\.([1-9][0-9]{0,11})\.[0-9a-f]{64}")


def signing_key(secret: str) -> bytes:
    """The key for links, derived from the house's secret so that no other use of it signs a link."""
    return hmac.digest(secret.encode(), b"statement link", hashlib.sha256)


def sign(key: bytes, partner_id: int, runs: Sequence[int], now: datetime, life_seconds: int) -> str:
    """The secret part of a link. It ends at a midnight UTC, so that a repeated call gets the same link."""
    expires = -(-(int(now.timestamp()) + life_seconds) // DAY_SECONDS) * DAY_SECONDS
    return seal(key, f"{partner_id}.{ranges(runs)}.{expires}")


def seal(key: bytes, payload: str) -> str:
    """The payload with its signature."""
    return f"{payload}.{hmac.new(key, payload.encode(), hashlib.sha256).hexdigest()}"


def opened(key: bytes, link: str, now: datetime) -> tuple[int, tuple[int, ...]] | None:
    """The partner and the runs of a link that we made and that has not ended; None for anything else."""
    match = _LINK.fullmatch(link) if len(link) <= LINK_LENGTH_LIMIT else None
    payload = link.rpartition(".")[0]
    # Compared in every case: how long a refusal takes says nothing about why.
    right = hmac.compare_digest(seal(key, payload).encode(), link.encode("utf-8", "surrogatepass"))
    if match is None or not right:
        return None
    if now >= datetime.fromtimestamp(int(match[3]), UTC):
        return None
    return int(match[1]), numbers(match[2])


def ranges(runs: Sequence[int]) -> str:
    """Run numbers as short text: ``1-3,7``."""
    parts: list[list[int]] = []
    for run in sorted(runs):
        if parts and run == parts[-1][1] + 1:
            parts[-1][1] = run
        else:
            parts.append([run, run])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def numbers(text: str) -> tuple[int, ...]:
    """The run numbers of a text of `ranges`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)
