"""Whether everything that must hold of a store does hold: each check goes through the rows and tells what it finds.

Nothing is changed and nothing mended: what a finding means for the money is for people to say. All checks but that of
the drawn statements see the same instant of the store, while it serves.
"""

from collections.abc import Callable, Iterator

from echs.audit.entry import FIRST_HASH
from echs.config.app_context import AppContext
from echs.maintenance.checks import cdrs, lists, partners, runs, statements, store
from echs.maintenance.checks.trail_facts import read_trail_facts
from echs.maintenance.checks.view import Check, Finding, View

# Of one kind of damage so many are told; a store that is wrong everywhere would else never end.
FINDINGS_OF_A_CHECK = 100

CHECKS = (
    Check("database", "The files of the database are whole, and its tables are those of this release.", store.whole),
    Check("audit trail", "The chain of the audit trail is whole.", store.trail),
    Check("references", "No row points to one that is not there.", store.references),
    Check("partners", "Partners and their ids are in step.", partners.in_step),
    Check("rights", "Partners are and own what the audit trail says.", partners.rights),
    Check("logins", "Logins are of active partners, and last no longer than a login may.", partners.logins),
    Check("lists", "Every list has the records that it should have, and no others are there.", lists.whole),
    Check("lists as sent", "Lists have the records that their owners sent.", lists.as_sent),
    Check("lists as meant", "What records of lists are found by is what they say.", lists.as_meant),
    Check("states", "Every CDR is either uncleared or cleared, and none cleared that was put aside.", cdrs.states),
    Check("copies", "What is kept beside a CDR is what the CDR says.", cdrs.copies),
    Check("contents", "Of each upload all that was accepted is there, or was purged.", cdrs.contents),
    Check("warnings", "CDRs have the warnings that they were given.", cdrs.warnings),
    Check("decisions", "Decisions about CDRs are those of the audit trail.", cdrs.decisions),
    Check("run order", "Runs have no gaps, are not empty, and follow each other in time.", runs.order),
    Check("run totals", "The totals of runs are those of their CDRs.", runs.totals),
    Check("runs in the trail", "Every run is as the audit trail says that it was made.", runs.in_trail),
    Check("fetched", "Runs count as fetched when somebody fetched them.", runs.served),
    Check("statements", "Statements add up, and drawn files say what the store says.", statements.add_up),
    Check("purged", "Runs count as purged when somebody purged them, and their CDRs would be known.", runs.purged),
    Check("deleted", "What was deleted is gone.", cdrs.deleted),
)


class Verification:
    """One passage through a store. ``newest`` is the number and the hash of the newest entry of the audit trail that it
    saw, when the findings are read.
    """

    def __init__(self, context: AppContext, since: tuple[int, str] | None = None) -> None:
        """``since`` is an entry that must be in the audit trail, by number and hash."""
        self.newest: tuple[int, str] = (0, FIRST_HASH)
        self._context, self._since = context, since

    def findings(self, beginning: Callable[[Check], object] = lambda _: None) -> Iterator[Finding]:
        """Every finding of every check; ``beginning`` is told of each check as it begins.

        :raises Refused: STORE_UNAVAILABLE
        """
        with self._context.database.read(patient=True) as snapshot:
            view = View(self._context, snapshot, read_trail_facts(snapshot, self._since))
            self.newest = view.trail.newest
            for check in CHECKS:
                beginning(check)
                for number, (subject, detail) in enumerate(check.look(view)):
                    if number == FINDINGS_OF_A_CHECK:
                        yield Finding(check.name, "", f"and more: only the first {FINDINGS_OF_A_CHECK} are told")
                        break
                    yield Finding(check.name, subject, detail)


def verify(
    context: AppContext, beginning: Callable[[Check], object] = lambda _: None, since: tuple[int, str] | None = None
) -> Iterator[Finding]:
    """Every finding of a `Verification`.

    :raises Refused: STORE_UNAVAILABLE
    """
    return Verification(context, since).findings(beginning)
