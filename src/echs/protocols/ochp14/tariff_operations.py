"""The operations of OCHP 1.4 about tariffs."""

from echs.audit.entry import Action
from echs.base.errors import named, refuse
from echs.base.fields import UploadReason
from echs.base.plural import counted
from echs.base.response_stream import collected
from echs.base.upload_validation import NOTHING_STORED
from echs.config.app_context import AppContext
from echs.lists.refused_records import refuse_mostly_wrong
from echs.partners.partner import Partner, PartyRole
from echs.protocols.ochp14 import tariff_format
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.operation_frame import (
    SINCE,
    OchpRequest,
    asks_next,
    members,
    operation,
    refused_elements,
    taken,
)
from echs.protocols.ochp14.results import OperationResult, result
from echs.protocols.ochp14.value_formats import date_time
from echs.protocols.operation import UploadOutcome
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.tariffs import tariff_book
from echs.tariffs.tariff import Tariff

TARIFFS_SENT = "TariffInfoArray"
MOST_TARIFFS = 10_000


@operation(PartyRole.OPERATOR, changes=Action.TARIFFS_UPDATED, upload=True, element=TARIFFS_SENT)
def update_tariffs(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Write whole tariffs of the caller, each in the place of the one with its id."""
    request.refused = refused = refused_elements(contract, "refusedTariffInfo")
    tariffs: dict[str, Tariff] = {}
    for position, element, found in tariff_format.read_tariffs(reader.trees(), contract.namespace, caller):
        if isinstance(found, Tariff):
            tariffs[found.key] = found
        else:
            refused.add(position, element, found, NOTHING_STORED)
        if position >= min(MOST_TARIFFS, context.limits.records_per_upload):
            detail = f"more than {MOST_TARIFFS} tariffs in one request"
            raise refuse(UploadReason.TOO_MANY_RECORDS, detail, effect=NOTHING_STORED)
    if not tariffs and not refused.count:
        raise refuse(UploadReason.UPLOAD_EMPTY, "the upload holds no tariff", effect=NOTHING_STORED)
    refuse_mostly_wrong(refused, len(tariffs))
    counts = tariff_book.update_tariffs(context, caller, list(tariffs.values()))
    request.outcome = UploadOutcome(counts.added + counts.changed, len(tariffs) - counts.added - counts.changed, 0)
    without = [each.tariff_id for each in tariffs.values() if not tariff_format.has_default(each)]
    note = f"Without a default, so that only those who are named are given them: {named(without)}." if without else ""
    return taken(
        request, refused, f"{counts.added} new, {counts.changed} changed.", note, what="tariff", element=TARIFFS_SENT
    )


@operation(PartyRole.PROVIDER)
def get_tariff_updates(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The tariffs of the operators that the caller sees, as they are for it: all, or those that changed for it."""
    (text,) = members(reader, contract, (SINCE,))
    told = asks_next(context)
    tariffs = tariff_book.tariffs_for(context, caller, date_time(text))
    if not tariffs and not tariff_book.sees_any_tariff(context, caller):
        return result(ResultCode.ROAMING, ["No operator that you see has published tariffs."], request.request_id)
    request.records = collected([tariff_format.tariffs_text(tariffs)])
    return result(ResultCode.OK, [f"{counted(len(tariffs), 'tariff')}.", told], request.request_id)
