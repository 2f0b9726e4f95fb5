"""What an operation of OCHP 1.4 says of how it went: a code and a sentence, which is never empty."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from echs.base.errors import Problem, Reason, Refused, printable, shown
from echs.protocols.ochp14.codes import OPENINGS, ResultCode, code_of

DESCRIPTION_LIMIT = 1000
NAMED = 10
PLACE_LIMIT = 200


class OperationResult(NamedTuple):
    """How an operation went, and the sentence for people."""

    code: ResultCode
    text: str


def result(code: ResultCode, sentences: Iterable[str], request_id: str) -> OperationResult:
    """A result whose description begins as its code does, and ends with the request; at most 1,000 characters."""
    text = " ".join(filter(None, (OPENINGS.get(code, ""), *sentences)))
    tail = f" request {request_id}"
    room = DESCRIPTION_LIMIT - len(tail)
    return OperationResult(code, (text if len(text) <= room else f"{text[: room - 2]}….") + tail)


def refusal_result(
    refusal: Refused, request_id: str, spelling: Mapping[str, str], element: str, code: ResultCode | None = None
) -> OperationResult:
    """The result of a refusal: what is wrong and where, what happened to the data, what else is wrong."""
    code = code_of(refusal.first.reason) if code is None else code
    return result(
        code, [*problem_sentences(refusal.problems, refusal.total, spelling, element), refusal.effect], request_id
    )


def problem_sentences(
    problems: Iterable[Problem], total: int, spelling: Mapping[str, str], element: str
) -> Iterable[str]:
    """The first problem in full, the others by reason and place."""
    first, *others = problems
    place = place_of(first, spelling, element)
    label = f" ({spelling.get(first.label[0], first.label[0])} {shown(first.label[1])[1:-1]})" if first.label else ""
    yield f"{first.reason}{f' at {place}' if place else ''}{label}: {first.detail}."
    if total > 1:
        named = ", ".join(f"{each.reason} at {place_of(each, spelling, element)}" for each in others[: NAMED - 1])
        yield f"{total - 1} more: {named}{' …' if total - 1 > len(others[: NAMED - 1]) else ''}."


def place_of(problem: Problem, spelling: Mapping[str, str], element: str) -> str:
    """Where a problem is, as the wire spells it."""
    field = problem.field
    if field is not None:
        # A way of several names, of which the last may be the sender's own.
        field = printable(field)[:PLACE_LIMIT] if problem.field_as_sent else spelling.get(field, field)
    if problem.position is None:
        return field or ""
    place = f"{element}[{problem.position}]"
    return f"{place}/{field}" if field else place


def counts_sentence(counts: Mapping[str, int]) -> str:
    """How many records each warning is about."""
    told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])))
    return f"Warnings: {told}." if told else ""


def reasons_of(reasons: Counter[Reason]) -> ResultCode:
    """The code of an upload of which nothing was taken: `invalid-id` where all that was wrong are ids of others."""
    codes = {code_of(reason) for reason in reasons}
    return codes.pop() if len(codes) == 1 else ResultCode.FORMAT
