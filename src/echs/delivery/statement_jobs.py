"""Drawing the statements of a run when it is committed, so that the first partner who opens one does not wait.

The jobs follow from the runs themselves, up to a watermark: ClearCDRs knows nothing of them and is as fast as without,
and no run is missed whoever made it.
"""

from sqlalchemy import func, select, update

from echs.base.errors import Refused
from echs.clearing import tables as clearing_tables
from echs.clearing.run import ClearingReason
from echs.clearing.statement_builder import AHEAD, open_served
from echs.config.app_context import AppContext
from echs.delivery import queue, tables
from echs.delivery.job import Job

KIND = "statement"
LOCK = "jobs"


def plan(context: AppContext) -> int:
    """Enqueue a job for each party of each run that was made since the last time; how many there were."""
    run, watermark = clearing_tables.clearing_run.c, tables.job_watermark
    reached = select(watermark.c.position).where(watermark.c.kind == KIND)
    with context.database.read() as snapshot:
        newest = snapshot.execute(select(func.max(run.number))).scalar() or 0
        if newest <= (snapshot.execute(reached).scalar() or 0):
            return 0
    with context.database.write() as transaction:
        context.database.lock(transaction, LOCK)
        position = transaction.execute(reached).scalar() or 0
        party = clearing_tables.clearing_run_party.c
        new = (
            select(party.run_number, party.partner_id)
            .join(clearing_tables.clearing_run, run.number == party.run_number)
            .where(run.number > position, run.purged_at.is_(None))
            .order_by(party.run_number, party.partner_id)
        )
        found = [
            (f"run {number} partner {partner_id}", {"run": number, "partner": partner_id})
            for number, partner_id in transaction.execute(new)
        ]
        newest = transaction.execute(select(func.max(run.number))).scalar() or 0
        transaction.execute(update(watermark).where(watermark.c.kind == KIND).values(position=newest))
        return queue.enqueue(transaction, KIND, found, context.clock())


def perform(context: AppContext, job: Job) -> None:
    """Draw the statement of a partner about a run, in the forms that are drawn ahead, into the statement cache.

    :raises DrawingBusy: too many large ones are being drawn
    :raises DrawingFailed: it was not drawn, or not in time
    """
    for form in AHEAD:
        try:
            open_served(context, context.statement_cache, job.facts["partner"], [job.facts["run"]], form).file.close()
        except Refused as refused:
            if refused.first.reason is not ClearingReason.STATEMENT_UNKNOWN:
                raise
            return  # the run was purged meanwhile: nothing is left to draw
