"""The operations of OCHPdirect at the hub."""

from echs.audit.entry import Action
from echs.base.errors import Problem, Refused, named, refuse
from echs.base.fields import UploadReason
from echs.base.plural import counted
from echs.base.response_stream import collected
from echs.base.upload_validation import NOTHING_STORED
from echs.config.app_context import AppContext
from echs.direct import address_book
from echs.direct.endpoint import Endpoint, EndpointReason
from echs.partners.partner import Partner, PartyRole
from echs.partners.roles import require_role
from echs.protocols.ochp14 import direct
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.operation_frame import OchpRequest, members, operation
from echs.protocols.ochp14.results import OperationResult, result
from echs.protocols.soap.envelope_reader import EnvelopeReader


@operation(None, changes=Action.ENDPOINTS_ADDED, element="endpoint")
def add_service_endpoints(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Put endpoints of the caller into the address book."""
    endpoints: list[Endpoint] = []
    problems: list[Problem] = []
    for position, each in enumerate(reader.trees()):
        found = direct.read_endpoint(each, position, contract)
        if isinstance(found, Endpoint):
            require_role(caller, found.role)
            endpoints.append(found)
        else:
            problems += found
        if position >= address_book.MOST_AT_ONCE:
            detail = f"more than {address_book.MOST_AT_ONCE} endpoints in one request"
            raise refuse(EndpointReason.TOO_MANY_ENDPOINTS, detail, effect=NOTHING_STORED)
    if not endpoints and not problems:
        raise refuse(UploadReason.UPLOAD_EMPTY, "the request holds no endpoint", effect=NOTHING_STORED)
    if problems:
        raise Refused(problems, effect=NOTHING_STORED)
    added = address_book.add(context, context.box_key, caller, endpoints, contract.direct_namespaces)
    told = [f"{counted(added.count, 'endpoint')}."]
    if added.late:
        told.append(f"{added.late} came after 11:55 UTC of the day before: partners may have fetched that day already.")
    if added.needless:
        told.append(f"Outside of every whitelist, so that they leave nothing out: {named(added.needless)}.")
    return result(ResultCode.OK, told, request.request_id)


@operation(None)
def get_service_endpoints(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The endpoints of the other role of all partners that the caller sees."""
    members(reader, contract, ())
    found = address_book.endpoints_for(context, context.box_key, caller)
    if not any(found.values()) and not address_book.sees_anybody(context, caller):
        return result(ResultCode.ROAMING, ["You are connected with nobody of the other role."], request.request_id)
    handed = [each for role in (PartyRole.PROVIDER, PartyRole.OPERATOR) for each in found.get(role, ())]
    request.records = collected([direct.endpoints_text(handed)])
    return result(ResultCode.OK, [f"{counted(len(handed), 'endpoint')}."], request.request_id)
