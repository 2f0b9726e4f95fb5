"""What the operations of OCHP 1.4 about tokens and those about charge points have in common."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from echs.base.errors import Problem, Refused, refuse
from echs.base.fields import FieldReason
from echs.base.plural import counted
from echs.config.app_context import AppContext
from echs.lists.keyed_list import ListReason
from echs.lists.list_format import ListFormat
from echs.lists.published_list import PublishedList
from echs.lists.refused_records import RefusedRecords
from echs.lists.withheld_counts import withheld_sentences
from echs.partners.partner import Partner
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.list_changes import ChangedPayloads, changed_records, visible_lists
from echs.protocols.ochp14.operation_frame import LAST_UPDATE, OchpRequest, asks_next, members, taken
from echs.protocols.ochp14.results import OperationResult, counts_sentence, result
from echs.protocols.ochp14.value_formats import as_date_time, date_time
from echs.protocols.operation import UploadOutcome
from echs.protocols.soap.envelope_reader import EnvelopeReader

NOTHING_TAKEN = "Your list stays as it was."


@dataclass(frozen=True, slots=True)
class ListOperations:
    """One kind of list: as which its records come, what people call one, and its element in an upload."""

    published: PublishedList
    form: ListFormat
    what: str
    element: str

    def replace(
        self, context: AppContext, caller: Partner, request: OchpRequest, records: Iterable[Any]
    ) -> OperationResult:
        """Make the valid records of a request the caller's whole list."""
        refused = refused_of(request)
        done = self.published.replace(context, caller, records, self.form, refused)
        if done.set_aside is not None:
            detail = f"it would remove {counted(done.set_aside, self.what)} of your list; ask the clearing house"
            raise Refused([Problem(ListReason.LIST_SET_ASIDE, detail)], effect=f"It was put aside. {NOTHING_TAKEN}")
        request.outcome = UploadOutcome(done.stored, done.repeated, sum(done.warnings.values()))
        counts, warned = done.counts, counts_sentence(done.warnings)
        told = f"Your list has {counted(done.stored, self.what)}: {counts.added} new, {counts.changed} changed,"
        told = f"{told} {counts.removed} removed."
        formats = context.formats.of_list(self.published.keyed.name)
        withheld = [f"{each}." for each in withheld_sentences(context, self.published, caller, formats)]
        return taken(request, refused, told, warned, *withheld, what=self.what, element=self.element)

    def update(
        self, context: AppContext, caller: Partner, request: OchpRequest, records: Iterable[Any]
    ) -> OperationResult:
        """Add the valid records of a request to the caller's list, or change those that are in it."""
        refused = refused_of(request)
        counts = self.published.update(context, caller, records, self.form, refused)
        request.outcome = UploadOutcome(counts.added + counts.changed, 0, 0)
        instead = f", {counts.removed} of OCHP 0.2 replaced" if counts.removed else ""
        told = f"{counts.added} new, {counts.changed} changed{instead}."
        return taken(request, refused, told, what=self.what, element=self.element)

    def updates(
        self,
        context: AppContext,
        caller: Partner,
        request: OchpRequest,
        since: datetime,
        as_ours: ChangedPayloads,
        draw: Callable[[Sequence[str]], bytes],
    ) -> OperationResult:
        """The records that changed for the caller since a time (UTC)."""
        told = asks_next(context)
        alone = self.nobody_to_roam_with(context, caller)
        changes = changed_records(context, self.published, caller.id, since, as_ours, draw)
        request.records = changes.records
        if alone and changes.number == 0:
            # Whoever was cut off from everybody still hears, once, that what it has is over.
            return self.roaming(request)
        number = "" if changes.number is None else f"{counted(changes.number, 'change')} since {as_date_time(since)}."
        whole = "It is older than what is kept: this is everything, replace your copy." if changes.everything else ""
        return result(ResultCode.OK, [number, whole, told], request.request_id)

    def nobody_to_roam_with(self, context: AppContext, caller: Partner) -> bool:
        """Whether the caller sees no list of anybody."""
        return not visible_lists(context, self.published, caller.id)

    def roaming(self, request: OchpRequest) -> OperationResult:
        """The answer to who sees nothing of anybody."""
        told = f"No partner whose {self.what}s you see has published any."
        return result(ResultCode.ROAMING, [told], request.request_id)


def refused_of(request: OchpRequest) -> RefusedRecords:
    """Where the refused records of a request go."""
    if request.refused is None:
        raise AssertionError("an upload that may be taken in part has a place for what is refused")
    return request.refused


def last_update(reader: EnvelopeReader, contract: Contract) -> datetime:
    """The time (UTC) since which the caller asks for changes.

    :raises Refused: for whatever is wrong with the request
    """
    (text,) = members(reader, contract, (LAST_UPDATE,))
    since = date_time(text)
    if since is None:
        raise refuse(FieldReason.FIELD_MISSING, "a time like 2027-12-31T22:59:59Z is mandatory", field="last_update")
    return since
