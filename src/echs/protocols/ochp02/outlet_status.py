"""Live statuses in a download of OCHP 0.2: what powerOutletStatus (4.9) says of EVSEs that another protocol brought.

What was sent by OCHP 0.2 goes out as it was sent.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import select

from echs.config.app_context import AppContext
from echs.live.live_status import AVAILABLE, UNKNOWN, Kind, LiveStatus
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.locations.tables import charge_point
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.ochp02.wire_schema import CHARGEPOINT_INFO

KEYS_AT_ONCE = 500
OCCUPIED = ("charging", "blocked", "reserved")
END = b"</" + CHARGEPOINT_INFO.element.encode() + b">"
# In one record: what stands in its EVSE id and in its status.
_RECORD = re.compile(rb"(<(?:[^<>/]*:)?evseId>([^<]*)</.*?<(?:[^<>/]*:)?powerOutletStatus>)([^<]*)(</)", re.DOTALL)


def word_of(status: LiveStatus) -> str:
    """A status as OCHP 0.2 says it."""
    if status.major == UNKNOWN:
        return UNKNOWN
    if status.major == AVAILABLE:
        return AVAILABLE
    return "occupied" if status.minor in OCCUPIED else "unavailable"


def outlet_words(context: AppContext, reader_id: int) -> dict[bytes, bytes]:
    """The words for the EVSEs that a reader sees, that have a live status and that OCHP 0.2 did not bring; by their ids
    as they stand in the list.
    """
    now = context.clock()
    rows = context.database.fetch_all(CHARGE_POINTS.states_for_reader, reader_id=reader_id)
    states = {state.owner_id: state for state in CHARGE_POINTS.keyed.states_of_rows(context.database, rows)}
    statuses = {each.key: each for each in context.live.valid_now(Kind.EVSE, states, now)}
    found: dict[bytes, bytes] = {}
    table, keys = charge_point.c, sorted(statuses)
    with context.database.read() as snapshot:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = table.evse_key.in_(keys[start : start + KEYS_AT_ONCE]), table.protocol != PROTOCOL
            query = select(table.partner_id, table.position, table.evse_key, table.protocol, table.payload).where(*some)
            for owner_id, position, key, protocol, payload in snapshot.execute(query):
                state = states.get(owner_id)
                if state is None or position < state.first_position or statuses[key].owner_id != owner_id:
                    continue
                (noun,) = context.formats.charge_points[protocol].nouns([payload], state.owner)
                found[noun.evse_id.encode()] = word_of(statuses[key]).encode()
    return found


def with_words(texts: Iterable[bytes], words: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """A drawn list with these words in the place of what it says."""

    def said(match: "re.Match[bytes]") -> bytes:
        return match[1] + words.get(match[2], match[3]) + match[4]

    kept = b""
    for text in texts:
        kept += text
        cut = kept.rfind(END) + len(END)
        if cut >= len(END):
            # Record by record: one without a status takes none of the next.
            yield END.join(_RECORD.sub(said, record) for record in kept[:cut].split(END))
            kept = kept[cut:]
    yield kept
