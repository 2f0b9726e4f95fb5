"""Statements: they add up, and drawn files say what the store says."""

from collections.abc import Iterator
from contextlib import suppress

from echs.base.errors import Refused, StoreReason, shown
from echs.clearing import run as runs
from echs.clearing.statement_builder import DRAWERS, build, drawn_again
from echs.config.app_context import AppContext
from echs.maintenance.checks.runs import all_runs, total_of
from echs.maintenance.checks.view import Found, View


def add_up(view: View) -> Iterator[Found]:
    """Drawn statements that are not what the store would draw, and statements that do not add up."""
    for run in all_runs(view):
        if run.purged_at is not None:
            continue
        for party in runs.parties_of(view.snapshot, run.number):
            subject = f"statement of run {run.number} for {shown(party.user_id)}"
            found = [(subject, detail) for detail in of_statement(view.context, party.partner_id, run.number)]
            # They are drawn from the present: the run may have been purged since the snapshot.
            if found and runs.run_of_number(view.context, run.number)[0].purged_at is None:
                yield from found


def of_statement(context: AppContext, partner_id: int, run_number: int) -> Iterator[str]:
    """What is not right about one statement.

    :raises Refused: STORE_UNAVAILABLE
    """
    try:
        statement, cache_key = build(context, partner_id, [run_number])
        for account in statement.accounts:
            for group in account.groups:
                count = volume = 0
                for line in group.lines():
                    count, volume = count + 1, volume + line.volume_e4_kwh
                if (count, volume) != (group.cdr_count, group.volume_e4_kwh):
                    said = total_of(group.cdr_count, group.volume_e4_kwh)
                    yield f"its lines have {total_of(count, volume)}, but its total is {said}"
        for form in DRAWERS:
            path = context.statement_cache.directory / f"{cache_key}.{form}"
            with suppress(OSError):  # a cache: it may be gone
                if path.read_bytes() != drawn_again(statement, form):
                    yield (
                        f"the file {path.name} differs from the store: keep a copy of both, since the file may be the "
                        "correct version"
                    )
    except (Refused, ValueError, KeyError) as error:
        if isinstance(error, Refused) and isinstance(error.first.reason, StoreReason):
            raise
        yield f"cannot be created ({type(error).__name__} {error})"
