"""What must hold between the values of a CDR of OCHP 1.4 (CDRInfo, CdrPeriodType)."""

from collections.abc import Iterator
from decimal import Decimal

from echs.base.errors import Problem, Reason
from echs.protocols.ochp14.cdr_tree import LARGEST, PERIOD
from echs.protocols.ochp14.cdr_values import CdrValues

# Sums of money agree within a hundredth, or a thousandth of them.
CENT, THOUSANDTH = Decimal("0.01"), Decimal("0.001")


class CdrValueReason(Reason):
    """What cannot hold between the values of a CDR of OCHP 1.4."""

    CDR_ID_FOREIGN = "CDR_ID_FOREIGN"
    CDR_PERIOD = "CDR_PERIOD"
    CDR_COST = "CDR_COST"
    CDR_EVENT = "CDR_EVENT"
    CDR_PROVIDER_AMBIGUOUS = "CDR_PROVIDER_AMBIGUOUS"


def agree(one: Decimal, other: Decimal) -> bool:
    """Whether two sums of money are the same but for rounding."""
    return one == other or abs(one - other) <= max(CENT, THOUSANDTH * max(one, other))


def value_problems(cdr: CdrValues, position: int) -> Iterator[Problem]:
    """What does not hold between the values of a CDR, whose texts are all right."""

    def problem(reason: Reason, detail: str, place: str) -> Problem:
        return Problem(reason, detail, position, place, field_as_sent=True)

    for number, period in enumerate(cdr.periods):
        if not cdr.start <= period.start <= period.end <= cdr.end:
            yield problem(CdrValueReason.CDR_PERIOD, "is not inside of the session", f"{PERIOD.name}[{number}]")
        if period.stated_cost is None:
            continue
        if not agree(period.stated_cost, period.computed):
            detail = f"{period.texts.cost} is not value times price, {period.computed.normalize():f}"
            yield problem(CdrValueReason.CDR_COST, detail, f"{PERIOD.name}[{number}]/periodCost")
    if cdr.total > LARGEST:
        yield problem(CdrValueReason.CDR_COST, f"comes to more than {LARGEST:,}", PERIOD.name)
    stated = cdr.texts.total
    if stated and not agree(Decimal(stated), cdr.total):
        detail = f"{stated} is not the sum of the periods, {cdr.total.normalize():f}"
        yield problem(CdrValueReason.CDR_COST, detail, "totalCost")
