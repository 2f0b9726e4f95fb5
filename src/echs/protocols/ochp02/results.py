"""How an operation of OCHP 0.2 says no: the code of `echs.protocols.ochp02.codes`, and the line that goes with it."""

from echs.base.errors import COUNTED_PROBLEMS_LIMIT, Problem, Reason, Refused, shown
from echs.protocols.ochp02.codes import NUMBERS
from echs.protocols.ochp02.wire_schema import WireRecord

DESCRIPTION_LIMIT = 500
# The judging of a record ends at its first problem, so that a hostile upload costs no more than a good one.
HINT = " Of each record the first problem is told; `echs validate` tells all."


def number_of(refused: Refused) -> int:
    """The code of a refusal: that of its first problem."""
    return NUMBERS[refused.first.reason]


def description(refused: Refused, request_id: str, record: WireRecord | None = None) -> str:
    """One line, at most 500 characters: what and where, what happened to the data, what else is wrong, the request.

    Positions count from 0. The first problem is told in full, the next (up to ten in all) by reason and place, as far
    as there is room.
    """
    first = problem_sentence(refused.first, record)
    tail = f" request {request_id}"
    effect = f" {refused.effect}" if refused.effect else ""
    room = DESCRIPTION_LIMIT - len(effect) - len(tail)
    first = cut(first, room)
    more = others(refused, record, room - len(first))
    hint = HINT if record is not None and refused.first.position is not None else ""
    if len(first) + len(more) + len(hint) > room:
        hint = ""
    return first + effect + more + hint + tail


def success_description(text: str, request_id: str) -> str:
    """The line of what went well, likewise at most 500 characters."""
    tail = f" request {request_id}"
    return cut(f"{text}.", DESCRIPTION_LIMIT - len(tail)) + tail


def problem_sentence(problem: Problem, record: WireRecord | None) -> str:
    """A problem in full: ``NAME at place (label): what is wrong.``"""
    place = place_of(problem, record)
    where = f" at {place}" if place else ""
    label = ""
    if problem.label is not None and record is not None:
        field, value = problem.label
        label = f" ({record.spelling.get(field, field)} {shown(value)[1:-1]})"
    return f"{problem.reason}{where}{label}: {problem.detail}."


def place_of(problem: Problem, record: WireRecord | None, *, short: bool = False) -> str:
    """Where a problem is, in the spelling of the wire: ``cdrInfoArray[17].volume``."""
    field = problem.field
    if field is not None:
        if problem.field_as_sent:
            field = shown(field)[1:-1]
        elif record is not None:
            field = record.spelling.get(field, field)
    if problem.position is None or record is None:
        return field or ""
    place = f"[{problem.position}]" if short else f"{record.element}[{problem.position}]"
    return f"{place}.{field}" if field else place


def others(refused: Refused, record: WireRecord | None, room: int) -> str:
    """The problems after the first: how many, and by reason and place while there is room."""
    left = refused.total - 1
    if not left:
        return ""
    most = refused.total >= COUNTED_PROBLEMS_LIMIT  # where the counting ended
    text = f" +{left} {'or ' if most else ''}more {'problem' if left == 1 else 'problems'}"
    # Grouped by reason, so that ten places fit: those of the first reason need no name.
    groups: dict[Reason, list[str]] = {refused.first.reason: []}
    for problem in refused.problems[1:]:
        groups.setdefault(problem.reason, []).append(place_of(problem, record, short=True))
    named, count = "", 0
    for reason, places in groups.items():
        lead = "" if reason is refused.first.reason else f"{reason} "
        for place in places:
            more = f"{', ' if named else ': '}{lead}{place}"
            if len(text) + len(named) + len(more) + len(" …") + 1 > room:
                break
            named += more
            count += 1
            lead = ""
    full = f"{text}{named}{' …' if named and count < left else ''}."
    return full if len(full) <= room else ""


def cut(text: str, room: int) -> str:
    """The text, shortened where it must be."""
    return text if len(text) <= room else text[: room - 2] + "…."
