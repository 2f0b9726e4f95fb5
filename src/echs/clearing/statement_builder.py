"""Statements of clearing runs: built from committed rows, drawn on demand, kept on the shelf, opened by link."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from typing import BinaryIO, NamedTuple

from sqlalchemy import or_, select

from echs.base.context import Context
from echs.base.errors import Refused, refuse, shown
from echs.base.money import Money
from echs.cdrs.cleared import ClearedCdr, Costs, costs_of_run, of_pair
from echs.cdrs.pending import PairTotal
from echs.clearing import drawing_process, tables
from echs.clearing.open_items import open_items_of
from echs.clearing.run import ClearingReason, load_issuer, load_run, run_of_number
from echs.partners.partner import party_key
from echs.partners.queries import is_active
from echs.statements import csv_table, layout1_csv, layout1_pdf, link, pdf_document
from echs.statements.statement import LAYOUT, OLD_LAYOUT, Account, Group, Line, Run, Side, Statement
from echs.statements.statement_cache import StatementCache

# How each form is drawn, by layout.
LAYOUTS = {
    OLD_LAYOUT: {"pdf": layout1_pdf.draw, "csv": layout1_csv.draw},
    LAYOUT: {"pdf": pdf_document.draw, "csv": csv_table.draw, "excel.csv": csv_table.draw_for_spreadsheet},
}


def draw(form: str, statement: Statement, file: BinaryIO) -> None:
    """Write a statement to ``file`` as its layout has it; the form for spreadsheets is newer than the old layout."""
    LAYOUTS[LAYOUT if form == "excel.csv" else statement.layout][form](statement, file)


# What is drawn before anybody asks.
AHEAD = ("pdf", "csv")
DRAWERS = {form: partial(draw, form) for form in LAYOUTS[LAYOUT]}


class Opened(NamedTuple):
    """The file of a statement, and under which name it is saved."""

    file: BinaryIO
    name: str


def open_statement(
    context: Context, statement_cache: StatementCache, partner_id: int, run_numbers: Sequence[int], form: str
) -> BinaryIO:
    """The partner's statement about these runs as ``pdf``, ``csv`` or ``excel.csv``, cached or drawn now.

    :raises Refused: STATEMENT_UNKNOWN where the partner did not take part in one of the runs
    """
    statement, cache_key = build(context, partner_id, run_numbers)
    return statement_cache.open(f"{cache_key}.{form}", partial(DRAWERS[form], statement))


def open_served(
    context: Context, statement_cache: StatementCache, partner_id: int, run_numbers: Sequence[int], form: str
) -> Opened:
    """As `open_statement`, for a server that has others to serve: a large one is drawn in a process of its own.

    :raises Refused: STATEMENT_UNKNOWN
    :raises DrawingBusy: too many large ones are being drawn
    :raises DrawingFailed: it was not drawn, or not in time
    """
    statement, cache_key = build(context, partner_id, run_numbers)
    name = statement.file_name(form)
    if sum(account.cdr_count for account in statement.accounts) < drawing_process.LINES:
        return Opened(statement_cache.open(f"{cache_key}.{form}", partial(DRAWERS[form], statement)), name)
    draw_it = partial(drawing_process.draw_in_process, context, partner_id, run_numbers, form)
    return Opened(statement_cache.open_apart(f"{cache_key}.{form}", draw_it), name)


def drawn_again(statement: Statement, form: str) -> bytes:
    """A statement as it is drawn, whatever stands on the shelf: the same bytes every time."""
    with tempfile.SpooledTemporaryFile(max_size=8 << 20) as file:
        DRAWERS[form](statement, file)  # type: ignore[arg-type]
        file.seek(0)
        return file.read()


def open_link(context: Context, statement_cache: StatementCache, key: bytes, text: str, form: str) -> Opened | None:
    """The statement that a link opens; None where the link is not ours, has ended, or its partner is disabled.

    :raises DrawingBusy: too many large ones are being drawn
    :raises DrawingFailed: it was not drawn, or not in time
    """
    found = link.opened(key, text, context.clock(), context.limits.statement_link_seconds)
    if found is None:
        return None
    partner_id, spans = found
    party = tables.clearing_run_party
    with context.database.read() as snapshot:
        run = tables.clearing_run
        kept = select(run.c.number).where(run.c.purged_at.is_(None))
        mine = select(party.c.run_number).where(
            party.c.partner_id == partner_id, is_active(party.c.partner_id), party.c.run_number.in_(kept)
        )
        inside = or_(*(party.c.run_number.between(first, last) for first, last in spans))
        run_numbers = list(snapshot.execute(mine.where(inside)).scalars())
    return open_served(context, statement_cache, partner_id, run_numbers, form) if run_numbers else None


def draw_run(context: Context, statement_cache: StatementCache, run_number: int) -> Iterator[str]:
    """Draw every statement of a run onto the shelf; yields the user id of each partner as its statement is done.

    :raises Refused: RUN_UNKNOWN
    """
    _, _, parties = run_of_number(context, run_number)
    for party in parties:
        for form in AHEAD:
            open_statement(context, statement_cache, party.partner_id, [run_number], form).close()
        yield party.user_id


def partner_in_run(context: Context, run_number: int, user_id: str) -> int:
    """The id of the partner that took part in a run under this user id.

    :raises Refused: RUN_UNKNOWN, STATEMENT_UNKNOWN
    """
    _, _, parties = run_of_number(context, run_number)
    for party in parties:
        if party_key(party.user_id) == party_key(user_id):
            return party.partner_id
    raise unknown_statement(f"{shown(user_id)} took no part in run {run_number}; see: echs run show {run_number}")


def unknown_statement(detail: str) -> Refused:
    """The refusal for a statement that there is not."""
    return refuse(ClearingReason.STATEMENT_UNKNOWN, detail)


def build(context: Context, partner_id: int, run_numbers: Sequence[int]) -> tuple[Statement, str]:
    """The statement, and a mark that no other statement has, whatever store the shelf was filled from before."""
    runs, run_keys, pairs = [], [], []
    names: dict[tuple[int, int], str] = {}
    me = newest = None
    with context.database.read() as snapshot:
        for number in sorted(run_numbers):
            run, of_run, parties = load_run(snapshot, number)
            if run.purged_at is not None:
                detail = (
                    f"the CDRs of run {number} were deleted on {run.purged_at:%Y-%m-%d}; see: echs run show {number}"
                )
                raise unknown_statement(detail)
            names.update({(number, party.partner_id): party.name for party in parties})
            me = next((party for party in parties if party.partner_id == partner_id), None)
            if me is None:
                raise unknown_statement(f"this partner took no part in run {number}")
            newest = run
            runs.append(Run(number, run.cleared_at))
            run_keys.append(f"{number}:{run.request_id}")
            pairs += [(number, pair) for pair in of_run]
        if me is None or newest is None:
            raise unknown_statement("no run was named")
        issuer = load_issuer(snapshot, newest.issuer_hash)
        left = open_items_of(snapshot, run_numbers, partner_id)
    # The newest run says how all of them are drawn.
    layout = newest.layout or OLD_LAYOUT
    if layout not in LAYOUTS:
        raise unknown_statement(f"run {newest.number} was made by a newer release, which alone can draw its statements")
    mine = [(n, pair) for n, pair in pairs if partner_id in (pair.operator_partner_id, pair.provider_partner_id)]
    roaming, own = mine, []
    if layout != OLD_LAYOUT:
        roaming = [(n, pair) for n, pair in mine if pair.operator_partner_id != pair.provider_partner_id]
        own = [(n, pair) for n, pair in mine if pair.operator_partner_id == pair.provider_partner_id]
    of_side = {Side.PROVIDER: roaming, Side.OPERATOR: roaming}
    if layout != OLD_LAYOUT:
        of_side[Side.OWN] = own
    # A run is looked through for prices once, and only where a statement is drawn.
    costs = cache(partial(costs_of_run, context))
    statement = Statement(
        user_id=me.user_id,
        name=me.name,
        timezone=me.timezone,
        runs=tuple(runs),
        period_start=min(pair.first_started_at for _, pair in mine),
        period_end=max(pair.last_ended_at for _, pair in mine),
        accounts=tuple(account(context, side, partner_id, of, names, costs) for side, of in of_side.items()),
        layout=layout,
        issuer=issuer,
        address=tuple(me.address.splitlines()),
        vat_id=me.vat_id,
        left=tuple(left),
    )
    cache_key = hashlib.sha256(
        f"{layout}|{layout1_pdf.MADE_WITH}|{partner_id}|{'|'.join(run_keys)}".encode()
    ).hexdigest()[:32]
    return statement, f"run-{runs[-1].number}-{cache_key}"


def account(
    context: Context,
    side: Side,
    partner_id: int,
    pairs: Sequence[tuple[int, PairTotal]],
    names: dict[tuple[int, int], str],
    costs: Callable[[int], Costs],
) -> Account:
    """One side of the statement: its counterparties in the order of their ids, each with its runs in order."""

    def own_and_other(pair: PairTotal) -> tuple[int, str, str, int, str, str]:
        operator = (pair.operator_partner_id, pair.operator_key, pair.operator_id)
        provider = (pair.provider_partner_id, pair.provider_key, pair.provider_id)
        own, other = (provider, operator) if side is Side.PROVIDER else (operator, provider)
        return (*own, *other)

    def order(item: tuple[int, PairTotal]) -> tuple[str, str, int]:
        _, own_key, _, other_partner, other_key, _ = own_and_other(item[1])
        return other_key, own_key, other_partner

    groups = []
    mine = sorted((each for each in pairs if own_and_other(each[1])[0] == partner_id), key=order)
    for _, members in groupby(mine, key=order):
        of_counterparty = sorted(members, key=lambda item: item[0])
        number, newest = of_counterparty[-1]
        _, _, own_id, other_partner, _, other_id = own_and_other(newest)
        groups.append(
            Group(
                counterparty_id=other_id,
                counterparty_name=names[number, other_partner],
                own_id=own_id,
                cdr_count=sum(pair.cdr_count for _, pair in of_counterparty),
                volume_e4_kwh=sum(pair.volume_e4_kwh for _, pair in of_counterparty),
                lines=partial(lines, context, of_counterparty),
                costs=partial(costs_of, of_counterparty, costs),
            )
        )
    return Account(side, tuple(groups))


def costs_of(pairs: Sequence[tuple[int, PairTotal]], costs: Callable[[int], Costs]) -> Mapping[str, int]:
    """What the lines with one counterparty cost, by currency."""
    found: Counter[str] = Counter()
    for number, pair in pairs:
        found.update(costs(number).get((pair.operator_partner_id, pair.operator_key, pair.provider_key), {}))
    return found


def lines(context: Context, pairs: Sequence[tuple[int, PairTotal]]) -> Iterator[Line]:
    """The lines with one counterparty, run by run, in the order of their start."""
    for number, pair in pairs:
        for cdr in of_pair(context, number, pair.operator_partner_id, pair.operator_key, pair.provider_key):
            yield line(cdr)


def line(cdr: ClearedCdr) -> Line:
    """A cleared CDR as a line; the duration is the stated one, else that between start and end."""
    elapsed = int((cdr.ended_at - cdr.started_at).total_seconds())
    return Line(
        run_number=cdr.run_number,
        cdr_id=cdr.cdr_id,
        started_at=cdr.started_at,
        ended_at=cdr.ended_at,
        duration_s=elapsed if cdr.duration_s is None else cdr.duration_s,
        volume_e4_kwh=cdr.volume_e4_kwh,
        contract_id=cdr.contract_id,
        chargepoint_id=cdr.chargepoint_id,
        city=cdr.city,
        product=cdr.product,
        tariff=cdr.tariff_id,
        cost=None if cdr.cost_e6 is None or cdr.currency is None else Money(cdr.cost_e6, cdr.currency),
    )
