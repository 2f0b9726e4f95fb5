"""An endpoint of OCHPdirect: where a partner can be called on one day, with which secret, for which EVSEs or contracts.

Times are of UTC. The secret of a day is handed on from five past noon of the day before until half past midnight after
it, so that everybody has it in time and nobody keeps it longer than needed (OCHPdirect 0.2, distribution of tokens).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from echs.base.errors import Problem, Reason, shown
from echs.partners.partner import PartyRole

HANDED_ON_FROM = time(12, 5)
UPLOADED_UNTIL = time(11, 55)
FORGOTTEN_AT = time(0, 30)
DAYS_AHEAD = 31
TOKEN_LEAST = 16
TEXT_LIMIT = 255
PATTERNS_LIMIT = 200
ANY = "%"
DAY = timedelta(days=1)

PATTERNS = {
    PartyRole.OPERATOR: re.compile("[A-Z]{2}[A-Z0-9]{3}E(?:[A-Z0-9][A-Z0-9*]{0,30}|[A-Z0-9*]{0,30})%?"),
    PartyRole.PROVIDER: re.compile("[A-Z]{2}[A-Z0-9]{3}C[A-Z0-9]{0,8}%?"),
}
EXAMPLES = {PartyRole.OPERATOR: "NLTNME%", PartyRole.PROVIDER: "NLTNMC%"}
_URL = re.compile(r"https://\S+")


class EndpointReason(Reason):
    """What can be wrong with an endpoint."""

    ENDPOINT_VALUE = "ENDPOINT_VALUE"
    PATTERN_NOT_YOURS = "PATTERN_NOT_YOURS"
    ACCESS_TOKEN_TAKEN = "ACCESS_TOKEN_TAKEN"
    TOO_MANY_ENDPOINTS = "TOO_MANY_ENDPOINTS"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a partner in this role is called on this day. ``namespace`` says which version of OCHP it speaks.

    A pattern is the beginning of EVSE ids (of an operator) or contract ids (of a provider), without separators, with
    ``%`` behind, or one whole id; those of the blacklist are left out.
    """

    role: PartyRole
    url: str
    namespace: str
    access_token: str
    day: date
    whitelist: tuple[str, ...]
    blacklist: tuple[str, ...] = ()


def problems_of(
    endpoint: Endpoint, market_ids: frozenset[str] | None, namespaces: Sequence[str], now: datetime
) -> Iterator[Problem]:
    """What is wrong with an endpoint of a partner with these market ids in its role, or with None of
    anybody. The secret is never repeated.
    """
    for what, text in (
        ("url", endpoint.url),
        ("namespaceUrl", endpoint.namespace),
        ("accessToken", endpoint.access_token),
    ):
        if not text or len(text) > TEXT_LIMIT:
            yield value(what, f"has {len(text)} characters; 1 to {TEXT_LIMIT} are allowed")
    if not _URL.fullmatch(endpoint.url):
        yield value("url", f"{shown(endpoint.url)} is no address like https://ochp.example/direct")
    if endpoint.namespace not in namespaces:
        yield value("namespaceUrl", f"{shown(endpoint.namespace)} is none of {', '.join(namespaces)}")
    if len(endpoint.access_token) < TOKEN_LEAST or not endpoint.access_token.isprintable():
        yield value("accessToken", f"must have {TOKEN_LEAST} printable characters at least")
    today = now.astimezone(UTC).date()
    if not today - DAY <= endpoint.day <= today + DAYS_AHEAD * DAY:
        yield value("validDate", f"{endpoint.day} is not between yesterday and {DAYS_AHEAD} days ahead")
    if not endpoint.whitelist:
        yield value("whitelist", f"is missing; send at least one pattern like {EXAMPLES[endpoint.role]}")
    if len(endpoint.whitelist) + len(endpoint.blacklist) > PATTERNS_LIMIT:
        yield value("whitelist", f"more than {PATTERNS_LIMIT} patterns in one endpoint")
    for name, patterns in (("whitelist", endpoint.whitelist), ("blacklist", endpoint.blacklist)):
        for pattern in patterns:
            if not PATTERNS[endpoint.role].fullmatch(pattern):
                yield value(name, f"{shown(pattern)} is no pattern like {EXAMPLES[endpoint.role]}")
            elif market_ids is not None and pattern[:5] not in market_ids:
                yours = ", ".join(sorted(market_ids)) or "none; ask the clearing house to enter it"
                detail = f"{shown(pattern)} does not begin with your market id; yours: {yours}"
                yield Problem(EndpointReason.PATTERN_NOT_YOURS, detail, field=name)


def value(field: str, detail: str) -> Problem:
    """A value that cannot be."""
    return Problem(EndpointReason.ENDPOINT_VALUE, detail, field=field)


def needless(endpoint: Endpoint) -> tuple[str, ...]:
    """The patterns of the blacklist that no pattern of the whitelist covers: they leave out what is not in."""
    open_ended = {pattern.removesuffix(ANY) for pattern in endpoint.whitelist if pattern.endswith(ANY)}
    return tuple(
        pattern
        for pattern in endpoint.blacklist
        for text in (pattern.removesuffix(ANY),)
        if text not in endpoint.whitelist and not any(text[:end] in open_ended for end in range(len(text) + 1))
    )


def covers(pattern: str, text: str) -> bool:
    """Whether a pattern is of an id without separators, or of all that begin with it."""
    return text.startswith(pattern.removesuffix(ANY)) if pattern.endswith(ANY) else text == pattern


def serves(endpoint: Endpoint, plain_id: str) -> int | None:
    """How long the pattern is by which an endpoint serves an id without separators; None where it does not."""
    if any(covers(pattern, plain_id) for pattern in endpoint.blacklist):
        return None
    lengths = [len(pattern.removesuffix(ANY)) for pattern in endpoint.whitelist if covers(pattern, plain_id)]
    return max(lengths, default=None)


def best(endpoints: Iterable[tuple[int, Endpoint]], plain_id: str) -> tuple[int, Endpoint] | None:
    """Of the endpoints of some partners the one that serves an id: by the longest pattern, then the newest version."""
    found = [
        (length, each[1].namespace, each) for each in endpoints if (length := serves(each[1], plain_id)) is not None
    ]
    return max(found, key=lambda each: each[:2])[2] if found else None


def days_handed_on(now: datetime) -> list[date]:
    """Of which days endpoints are handed on at this time."""
    utc = now.astimezone(UTC)
    today, at = utc.date(), utc.time()
    days = [today - DAY] if at < FORGOTTEN_AT else []
    return [*days, today, *([today + DAY] if at >= HANDED_ON_FROM else [])]


def is_late(day: date, now: datetime) -> bool:
    """Whether others may have fetched the endpoints of a day already."""
    return now.astimezone(UTC) > datetime.combine(day - DAY, UPLOADED_UNTIL, UTC)
