"""The operations of OCHP 1.4 about tokens."""

from dataclasses import replace
from functools import partial

from echs.audit.entry import Action
from echs.base.response_stream import collected
from echs.config.app_context import AppContext
from echs.lists.refused_records import RefusedRecords
from echs.partners.partner import Partner, PartyRole
from echs.protocols.ochp14 import record_codec, token_download, token_lookup
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.list_operations import ListOperations, last_update
from echs.protocols.ochp14.operation_frame import OchpRequest, asks_next, members, operation
from echs.protocols.ochp14.record_codec import received_tokens, token_shape
from echs.protocols.ochp14.results import OperationResult, result
from echs.protocols.ochp14.token_format import FORMAT
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.tokens.token_list import TOKENS

TOKENS_SENT = "roamingAuthorisationInfoArray"
TOKENS_CHANGED = "roamingAuthorisationInfo"
LISTED = ListOperations(TOKENS, FORMAT, "token", TOKENS_SENT)
EMT_ID = replace(record_codec.EMT_ID, name="emtId")


def refused_tokens(contract: Contract) -> RefusedRecords:
    """Where the refused tokens of a request go."""
    draw = partial(record_codec.refused_text, contract=contract)
    return RefusedRecords(draw, record_codec.number_of_refused)


@operation(PartyRole.PROVIDER, changes=Action.LIST_REPLACED, upload=True, element=TOKENS_SENT)
def set_roaming_authorisation_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Make the valid tokens of a request the caller's whole list."""
    request.refused = refused_tokens(contract)
    return LISTED.replace(context, caller, request, received_tokens(reader, token_shape(contract, TOKENS_SENT)))


@operation(PartyRole.PROVIDER, changes=Action.LIST_UPDATED, upload=True, element=TOKENS_SENT)
def update_roaming_authorisation_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Add the valid tokens of a request to the caller's list, or change those that are in it."""
    request.refused = refused_tokens(contract)
    return LISTED.update(context, caller, request, received_tokens(reader, token_shape(contract, TOKENS_SENT)))


@operation(PartyRole.OPERATOR)
def get_roaming_authorisation_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """All tokens that the caller sees and that are valid now."""
    members(reader, contract, ())
    if LISTED.nobody_to_roam_with(context, caller):
        return LISTED.roaming(request)
    request.records = token_download.valid_tokens(context, caller.id, TOKENS_SENT, deflated=request.takes_gzip)
    return result(ResultCode.OK, ["The tokens that are valid now.", asks_next(context)], request.request_id)


@operation(PartyRole.OPERATOR)
def get_roaming_authorisation_list_updates(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The tokens that changed for the caller since a time."""
    since = last_update(reader, contract)
    draw = partial(record_codec.tokens_text, element=TOKENS_CHANGED)
    return LISTED.updates(context, caller, request, since, token_download.changed_payloads, draw)


@operation(PartyRole.OPERATOR)
def get_single_roaming_authorisation(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """One token, if the caller sees it and it is valid now."""
    representation, instance, token_type, _ = members(reader, contract, (EMT_ID,))
    payload = token_lookup.found_token(context, caller.id, instance, token_type, representation)
    if payload is None:
        return result(ResultCode.INVALID_ID, ["No such token that is valid now is known."], request.request_id)
    request.records = collected([record_codec.tokens_text([payload], TOKENS_CHANGED)])
    return result(ResultCode.OK, ["The token is valid."], request.request_id)
