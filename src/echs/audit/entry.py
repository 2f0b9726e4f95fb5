"""An entry of the trail, and the chain that holds the entries together.

Each entry has a hash over all that it says and over the hash of the entry before it. So no entry can be changed, taken
out or put in without all hashes after it being wrong. Who can write to the store could compute them all anew: the
line that each request leaves in the log names the newest hash, and logs leave the host.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from enum import StrEnum

FIRST_HASH = "0" * 64
SUBJECT_LIMIT, ACTOR_LIMIT, ORIGIN_LIMIT = 200, 200, 200
DONE = "ok"


class Action(StrEnum):
    """What is done: each of these changes something that others rely on."""

    PARTNER_ADDED = "partner.add"
    PARTNER_CHANGED = "partner.change"
    PARTNER_GIVEN = "partner.own"
    PARTNER_TAKEN = "partner.disown"
    PARTNER_MARKET_ID = "partner.market-id"
    PARTNER_PASSWORD = "partner.password"
    PARTNER_LOGGED_OUT = "partner.logout"
    PARTNER_DISABLED = "partner.disable"
    PARTNER_ENABLED = "partner.enable"
    PARTNER_RENAMED = "partner.rename"
    PARTNER_RETIRED = "partner.retire"
    CONNECTION_ADDED = "connection.add"
    CONNECTION_ENDED = "connection.end"
    CONNECTION_MODE = "connection.mode"
    CREDENTIAL_ADDED = "credential.add"
    CREDENTIAL_CHANGED = "credential.change"
    CREDENTIAL_REMOVED = "credential.remove"
    CERTIFICATE_ADDED = "certificate.add"
    CERTIFICATE_REMOVED = "certificate.remove"
    LIST_SET_ASIDE = "list.set-aside"
    LIST_RELEASED = "list.release"
    LIST_DISCARDED = "list.discard"
    LIST_UNDONE = "list.undo"
    ENDPOINTS_ADDED = "direct.add"
    TARIFFS_UPDATED = "tariffs.update"
    LIST_REPLACED = "list.replace"
    LIST_UPDATED = "list.update"
    CDRS_ADDED = "cdrs.add"
    CDRS_CONFIRMED = "cdrs.confirm"
    CDRS_FETCHED = "cdrs.fetch"
    CDR_HELD = "cdr.hold"
    CDR_RELEASED = "cdr.release"
    CDR_REJECTED = "cdr.reject"
    CLEARED = "clearing.run"
    PURGED = "purge"
    BACKED_UP = "backup.create"
    RESTORED = "backup.restore"
    TRAIL_BEGUN = "trail.begin"
    CLOCK_CONFIRMED = "clock.confirm"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``at`` is UTC; ``actor`` is a partner's user id, or for the channel ``command`` a user of the system;
    ``detail`` is JSON and holds no secret; ``result`` is ``ok`` or the reason of a refusal.
    """

    number: int
    at: datetime
    channel: str
    actor: str
    origin: str
    action: str
    subject: str
    result: str
    request_id: str
    detail: str
    previous_hash: str
    hash: str

    @property
    def right_hash(self) -> str:
        """What the hash must be, from all the rest."""
        number, at, *others = astuple(self)[:-1]
        said = [number, at.astimezone(UTC).isoformat(timespec="microseconds"), *others]
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def as_detail(facts: Mapping[str, object]) -> str:
    """Facts as an entry holds them."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, default=str)


def breaks(entries: Iterable[Entry]) -> Iterator[tuple[int, str]]:
    """Where the chain is broken, and how: the numbers of entries, with a sentence."""
    expected, before = 1, FIRST_HASH
    for entry in entries:
        if entry.number != expected:
            yield entry.number, f"entry {expected} is missing before it"
        elif entry.previous_hash != before:
            yield entry.number, "it does not follow from the entry before it"
        if entry.hash != entry.right_hash:
            yield entry.number, "what it says was changed after it was written"
        expected, before = entry.number + 1, entry.hash
