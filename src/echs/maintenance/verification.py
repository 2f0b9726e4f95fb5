"""Whether everything that must hold of a store does hold: each check goes through the rows and tells what it finds.

Nothing is changed and nothing mended: what a finding means for the money is for people to say. All checks but that of
the drawn statements see the same instant of the store, while it serves.
"""

from collections.abc import Callable, Iterator

from echs.audit.entry import FIRST_HASH
from echs.config.app_context import AppContext
from echs.config.record_formats import RecordFormats
from echs.maintenance.checks import cdrs, lists, partners, runs, statements, store
from echs.maintenance.checks.trail_facts import read_trail_facts
from echs.maintenance.checks.view import Check, Finding, View

# Of one kind of damage so many are told; a store that is wrong everywhere would else never end.
FINDINGS_OF_A_CHECK = 100

CHECKS = (
    Check("database", "The database files are intact, and the tables match this release.", store.whole),
    Check("audit trail", "The hash chain of the audit trail is unbroken.", store.trail),
    Check("references", "There are no dangling references.", store.references),
    Check("partners", "Partners and their ids are consistent.", partners.in_step),
    Check("rights", "Partners and their rights match the audit trail.", partners.rights),
    Check("connections", "Connections and the mode of the house match the audit trail.", partners.connections),
    Check("logins", "Logins belong to active partners and do not exceed the maximum lifetime.", partners.logins),
    Check("lists", "Every list has exactly its expected number of records.", lists.whole),
    Check("lists as sent", "Lists contain the records that their owners sent.", lists.as_sent),
    Check("lists as meant", "The typed columns of list records match their payloads.", lists.as_meant),
    Check(
        "states",
        "Every CDR is uncleared, cleared or superseded; none that was kept out of runs is cleared.",
        cdrs.states,
    ),
    Check("copies", "Copied values match their CDR.", cdrs.copies),
    Check("contents", "Every accepted CDR of each upload is there or was purged.", cdrs.contents),
    Check("warnings", "CDRs have their original warnings.", cdrs.warnings),
    Check("decisions", "Decisions on CDRs match the audit trail.", cdrs.decisions),
    Check("answers", "Answers of partners about CDRs match the audit trail.", cdrs.answers),
    Check("run order", "Run numbers have no gaps, no run is empty, and times ascend.", runs.order),
    Check("run totals", "Run totals match their CDRs.", runs.totals),
    Check("runs in the trail", "Every run matches the audit trail.", runs.in_trail),
    Check("fetched", "Fetch times of runs match the audit trail.", runs.served),
    Check("statements", "Statements add up, and cached files match the store.", statements.add_up),
    Check("purged", "Purged runs match the audit trail, and their CDRs are still recognised.", runs.purged),
    Check("deleted", "Purged CDRs are gone.", cdrs.deleted),
)


class Verification:
    """One passage through a store. ``newest`` is the number and the hash of the newest entry of the audit trail that it
    saw, when the findings are read.
    """

    def __init__(self, context: AppContext, formats: RecordFormats, since: tuple[int, str] | None = None) -> None:
        """``formats`` is what the protocols know of their records; ``since`` an entry that must be in the audit trail,
        by number and hash.
        """
        self.newest: tuple[int, str] = (0, FIRST_HASH)
        self._context, self._formats, self._since = context, formats, since

    def findings(self, beginning: Callable[[Check], object] = lambda _: None) -> Iterator[Finding]:
        """Every finding of every check; ``beginning`` is told of each check as it begins.

        :raises Refused: STORE_UNAVAILABLE
        """
        with self._context.database.read(patient=True) as snapshot:
            view = View(self._context, snapshot, read_trail_facts(snapshot, self._since), self._formats)
            self.newest = view.trail.newest
            for check in CHECKS:
                beginning(check)
                for number, (subject, detail) in enumerate(check.look(view)):
                    if number == FINDINGS_OF_A_CHECK:
                        yield Finding(check.name, "", f"and more: only the first {FINDINGS_OF_A_CHECK} are reported")
                        break
                    yield Finding(check.name, subject, detail)


def verify(
    context: AppContext,
    formats: RecordFormats,
    beginning: Callable[[Check], object] = lambda _: None,
    since: tuple[int, str] | None = None,
) -> Iterator[Finding]:
    """Every finding of a `Verification`.

    :raises Refused: STORE_UNAVAILABLE
    """
    return Verification(context, formats, since).findings(beginning)
