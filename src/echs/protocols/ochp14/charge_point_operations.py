"""The operations of OCHP 1.4 about charge points."""

from echs.audit.entry import Action
from echs.config.app_context import AppContext
from echs.lists.list_cache import Drawing
from echs.lists.list_format import key_number
from echs.lists.refused_records import RefusedRecords
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.partners.partner import Partner, PartyRole
from echs.partners.standard_ids import evse_key
from echs.protocols.ochp14 import charge_point_download
from echs.protocols.ochp14.charge_point_format import FORMAT
from echs.protocols.ochp14.charge_point_tree import CHARGE_POINT
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.list_operations import ListOperations, last_update
from echs.protocols.ochp14.operation_frame import OchpRequest, asks_next, members, operation, refused_elements
from echs.protocols.ochp14.results import OperationResult, result
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_reader import EnvelopeReader

LISTED = ListOperations(CHARGE_POINTS, FORMAT, "charge point", CHARGE_POINT.name)
REFUSED = "refusedChargePointInfo"


def refused_charge_points(contract: Contract) -> RefusedRecords:
    """Where the refused charge points of a request go; known by their EVSE ids, where these can be read."""

    def number_of(element: Element) -> int | None:
        found = element.first(f"{contract.namespace} evseId")
        return key_number(evse_key(found.text.strip())) if found is not None and found.text.strip() else None

    return refused_elements(contract, REFUSED, number_of)


@operation(PartyRole.OPERATOR, changes=Action.LIST_REPLACED, upload=True, element=CHARGE_POINT.name)
def set_charge_point_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Make the valid charge points of a request the caller's whole list."""
    request.refused = refused_charge_points(contract)
    return LISTED.replace(context, caller, request, reader.trees())


@operation(PartyRole.OPERATOR, changes=Action.LIST_UPDATED, upload=True, element=CHARGE_POINT.name)
def update_charge_point_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Add the valid charge points of a request to the caller's list, or change those that are in it."""
    request.refused = refused_charge_points(contract)
    return LISTED.update(context, caller, request, reader.trees())


@operation(PartyRole.PROVIDER, navigation=True)
def get_charge_point_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """All charge points that the caller sees."""
    members(reader, contract, ())
    if LISTED.nobody_to_roam_with(context, caller):
        return LISTED.roaming(request)
    drawing = Drawing(charge_point_download.TEMPLATE, FORMAT, context.formats.charge_points)
    request.records = context.drawn.records(
        context.database, CHARGE_POINTS, caller.id, drawing, deflated=request.takes_gzip
    )
    return result(ResultCode.OK, ["The charge points of all partners.", asks_next(context)], request.request_id)


@operation(PartyRole.PROVIDER, navigation=True)
def get_charge_point_list_updates(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The charge points that changed for the caller since a time."""
    since = last_update(reader, contract)
    as_ours, draw = charge_point_download.changed_payloads, charge_point_download.charge_points_text
    return LISTED.updates(context, caller, request, since, as_ours, draw)
