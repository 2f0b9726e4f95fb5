"""The clearing run: one transaction takes every pending CDR into one numbered run."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from echs.audit import trail
from echs.audit.clock import TOLERANCE
from echs.audit.entry import Action
from echs.base.context import Context
from echs.base.errors import Reason, Refused, StoreReason, refuse
from echs.cdrs.answers import approve_silent
from echs.cdrs.pending import PairTotal, in_order, take, totals_of_run
from echs.clearing import tables
from echs.clearing.clock_check import refuse_wrong_clock
from echs.clearing.digest import digest_of_members, state_of
from echs.clearing.inconsistency import conflicting_members
from echs.clearing.open_items import store_open_items
from echs.partners.partner import Partner
from echs.partners.queries import LOCK as PARTNERS_LOCK
from echs.partners.queries import load
from echs.statements.issuer import NOBODY, Issuer, issuer_of
from echs.statements.statement import LAYOUT

LOCK = "clearing"
log = logging.getLogger(__name__)
PAIR_COLUMNS = tuple(field.name for field in fields(PairTotal))


class ClearingReason(Reason):
    """Why a clearing verb was refused."""

    NOT_ADMINISTRATOR = "NOT_ADMINISTRATOR"
    RUN_UNKNOWN = "RUN_UNKNOWN"
    STATEMENT_UNKNOWN = "STATEMENT_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Run:
    """One clearing run. The time is UTC; the number says the order. Volume in 0.0001 kWh."""

    number: int
    cleared_at: datetime
    cleared_by: str
    request_id: str
    cdr_count: int
    volume_e4_kwh: int
    purged_at: datetime | None = None
    layout: int | None = None
    issuer_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """A partner of a run, as it was named then, and when it first fetched the run (UTC), if it did."""

    run_number: int
    partner_id: int
    user_id: str
    name: str
    timezone: str
    first_served_at: datetime | None
    address: str = ""
    vat_id: str = ""


def clear_as(context: Context, caller: Partner, request_id: str, issuer: Issuer = NOBODY) -> Run | None:
    """As `clear`, on behalf of a partner, which must be an administrator.

    :raises Refused: NOT_ADMINISTRATOR
    """
    if not caller.is_administrator:
        detail = "only a partner of the group administrator may clear"
        raise refuse(ClearingReason.NOT_ADMINISTRATOR, detail, effect="Nothing was cleared.")
    return clear(context, caller.user_id, request_id, issuer)


def clear(context: Context, cleared_by: str, request_id: str, issuer: Issuer = NOBODY) -> Run | None:
    """Take every pending CDR into a new run, whose statements are issued by ``issuer``; None, and no run, where nothing
    is pending.

    Runs come one after the other; their numbers have no gaps.

    :raises Refused: CLOCK_WRONG; INTERNAL_ERROR where the store contradicts itself, with what is in the way
    """
    try:
        with context.database.write() as transaction:
            context.database.lock(transaction, LOCK)
            # Who owns an id and who is connected stands still while CDRs are taken and the rest is told.
            context.database.lock(transaction, PARTNERS_LOCK, shared=True)
            refuse_wrong_clock(transaction, context.clock())
            silent = approve_silent(context, transaction, context.limits.cdr_silence_days, request_id)
            made = make_run(transaction, context.clock(), cleared_by, request_id, issuer)
            facts = {
                "cdrs": made.cdr_count,
                "volume_e4_kwh": made.volume_e4_kwh,
                "members": digest_of_members(transaction, made.number),
                "state": state_of(transaction, made.number),
                **silent,
            }
            trail.record(context, transaction, Action.CLEARED, f"run {made.number}", facts, request_id=request_id)
            return made
    except _NothingPending:
        return None
    except IntegrityError as error:
        raise contradiction(context) from error


def contradiction(context: Context) -> Refused:
    """The refusal of a run that the constraints of the store did not let be made; the log has it too."""
    with context.database.read() as snapshot:
        found = conflicting_members(snapshot) or ["the store contradicts itself"]
    detail = f"{'; '.join(found)}; the administrator must look: echs verify"
    log.error("no run can be made: %s", detail)
    return refuse(StoreReason.INTERNAL_ERROR, detail, effect="Nothing was cleared.")


class _NothingPending(Exception):
    """Rolls back the run that would be empty."""


def make_run(transaction: Connection, now: datetime, cleared_by: str, request_id: str, issuer: Issuer = NOBODY) -> Run:
    """The run, its totals, its parties, its issuer and what it left, inside the transaction."""
    runs = tables.clearing_run
    newest = select(runs.c.number, runs.c.cleared_at).order_by(runs.c.number.desc()).limit(1)
    last, last_at = transaction.execute(newest).one_or_none() or (0, now)
    number = last + 1
    # Clocks of hosts differ a little; what a wrong one wrote bends nothing.
    cleared_at = max(now, last_at) if last_at <= now + TOLERANCE else now
    run = Run(number, cleared_at, cleared_by, request_id, 0, 0, layout=LAYOUT, issuer_hash=issuer.hash)
    keep_issuer(transaction, issuer)
    transaction.execute(insert(runs).values(asdict(run)))
    if not take(transaction, number):
        raise _NothingPending
    totals = totals_of_run(transaction, number)
    rows = [{"run_number": number, **asdict(total)} for total in totals]
    transaction.execute(insert(tables.clearing_run_pair), rows)
    note_parties(transaction, number, totals)
    store_open_items(transaction, number)
    made = replace(
        run,
        cdr_count=sum(total.cdr_count for total in totals),
        volume_e4_kwh=sum(total.volume_e4_kwh for total in totals),
    )
    transaction.execute(update(runs).where(runs.c.number == number).values(asdict(made)))
    return made


def keep_issuer(transaction: Connection, issuer: Issuer) -> None:
    """Keep who issues statements, once for all runs that have the same."""
    table = tables.statement_issuer
    if transaction.execute(select(table.c.hash).where(table.c.hash == issuer.hash)).first() is None:
        transaction.execute(insert(table).values(hash=issuer.hash, facts=issuer.facts, logo=issuer.logo))


def load_issuer(snapshot: Connection, issuer_hash: str | None) -> Issuer:
    """The issuer that a run kept; one without a name for runs that are older than issuers."""
    table = tables.statement_issuer
    row = snapshot.execute(select(table.c.facts, table.c.logo).where(table.c.hash == issuer_hash)).first()
    return NOBODY if row is None else issuer_of(row.facts, row.logo)


def note_parties(transaction: Connection, number: int, totals: Sequence[PairTotal]) -> None:
    """Keep the names and addresses of those who take part as they are now."""
    taking_part = {total.operator_partner_id for total in totals} | {total.provider_partner_id for total in totals}
    rows = [
        {
            "run_number": number,
            "partner_id": partner.id,
            "user_id": partner.user_id,
            "name": partner.name,
            "timezone": partner.timezone,
            "first_served_at": None,
            "address": partner.address,
            "vat_id": partner.vat_id,
        }
        for partner in load(transaction)
        if partner.id in taking_part
    ]
    transaction.execute(insert(tables.clearing_run_party), rows)


def all_runs(context: Context) -> list[Run]:
    """Every run, the newest first."""
    with context.database.read() as snapshot:
        rows = snapshot.execute(select(tables.clearing_run).order_by(tables.clearing_run.c.number.desc()))
        return [Run(*row) for row in rows]


def first_run_since(context: Context, since: datetime) -> int:
    """The number of the first run that was made at this time (UTC) or later; of the next one where there is none."""
    runs = tables.clearing_run.c
    with context.database.read() as snapshot:
        found = snapshot.execute(select(func.min(runs.number)).where(runs.cleared_at >= since)).scalar()
        return int(found or (snapshot.execute(select(func.max(runs.number))).scalar() or 0) + 1)


def run_of_number(context: Context, number: int) -> tuple[Run, list[PairTotal], list[Party]]:
    """A run, its totals by pair and its parties.

    :raises Refused: RUN_UNKNOWN
    """
    with context.database.read() as snapshot:
        return load_run(snapshot, number)


def load_run(snapshot: Connection, number: int) -> tuple[Run, list[PairTotal], list[Party]]:
    """As `run_of_number`, inside a transaction of the caller's."""
    row = snapshot.execute(select(tables.clearing_run).where(tables.clearing_run.c.number == number)).first()
    if row is None:
        raise unknown_run(number)
    return Run(*row), pairs_of(snapshot, number), parties_of(snapshot, number)


def unknown_run(number: int) -> Refused:
    """The refusal for a number that no run has."""
    return refuse(ClearingReason.RUN_UNKNOWN, f"there is no clearing run {number}; see: echs run list")


def pairs_of(snapshot: Connection, number: int) -> list[PairTotal]:
    """The totals of a run by pair, in the order of the ids."""
    table = tables.clearing_run_pair
    rows = snapshot.execute(select(*(table.c[name] for name in PAIR_COLUMNS)).where(table.c.run_number == number))
    return sorted((PairTotal(*row) for row in rows), key=in_order)


def parties_of(snapshot: Connection, number: int) -> list[Party]:
    """Who took part in a run."""
    table = tables.clearing_run_party
    rows = snapshot.execute(select(table).where(table.c.run_number == number).order_by(table.c.partner_id))
    return [Party(*row) for row in rows]
