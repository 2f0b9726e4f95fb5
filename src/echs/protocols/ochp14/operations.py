"""The operations of OCHP 1.4: each translates, calls one verb of a room, and translates back.

Whoever calls is known by name and password in the header of each request. Whatever goes wrong once an operation is
recognised is answered in its own response element, with a result code and a sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, wraps

from echs.audit.entry import Action
from echs.base.errors import Problem, Refused, named, refuse
from echs.base.fields import FieldReason, UploadReason
from echs.base.plural import counted
from echs.base.response_stream import collected
from echs.base.upload_validation import NOTHING_STORED
from echs.config.app_context import AppContext
from echs.direct import address_book
from echs.direct.endpoint import Endpoint, EndpointReason
from echs.lists.keyed_list import ListReason
from echs.lists.refused_records import RefusedRecords, refuse_mostly_wrong
from echs.lists.withheld_counts import withheld_sentences
from echs.partners.partner import Partner, PartyRole
from echs.partners.spoken_protocols import note_protocol
from echs.protocols.ochp14 import direct, record_codec, tariff_format, token_download, token_format, token_lookup
from echs.protocols.ochp14.codes import ResultCode, RoleReason
from echs.protocols.ochp14.contracts import PROTOCOL, Contract
from echs.protocols.ochp14.record_codec import received_tokens, token_shape
from echs.protocols.ochp14.results import (
    OperationResult,
    counts_sentence,
    place_of,
    problem_sentences,
    reasons_of,
    refusal_result,
    result,
)
from echs.protocols.ochp14.security import SecurityRequest
from echs.protocols.ochp14.value_formats import as_date_time, date_time
from echs.protocols.operation import Operation, UploadOutcome, perform
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.record_fast_path import FieldShape, GroupShape
from echs.tariffs import tariff_book
from echs.tariffs.tariff import Tariff, TariffReason
from echs.tokens.token_list import TOKENS

TOKENS_SENT = "roamingAuthorisationInfoArray"
TARIFFS_SENT = "TariffInfoArray"
ELEMENTS = {"token": TOKENS_SENT, "tariff": TARIFFS_SENT}
MOST_TARIFFS = 10_000
# What the names of fields are on the wire.
SPELLING = token_format.SPELLING
NOTHING_TAKEN = "Your list stays as it was."
ROLES = {
    PartyRole.OPERATOR: "this operation is for operators, and you have no operator id",
    PartyRole.PROVIDER: "this operation is for providers, and you have no provider id",
    None: "this operation is for operators and providers, and you have no id of either",
}


@dataclass
class OchpRequest(SecurityRequest):
    """A request of OCHP 1.4, with the records of it that are handed back."""

    refused: RefusedRecords | None = None

    def hand_back(self, refused: RefusedRecords) -> None:
        """Put the refused records into the answer."""
        self.records = collected(text.encode() for text in refused.texts())
        refused.close()


Work = Callable[[AppContext, Partner, OchpRequest, EnvelopeReader, Contract], OperationResult]


def operation(
    role: PartyRole | None, *, changes: Action | None = None, upload: bool = False, element: str = ""
) -> Callable[[Work], Callable[[AppContext, OchpRequest, EnvelopeReader, Contract], OperationResult]]:
    """Make an operation for partners of this role, or of either, in the frame of `echs.protocols.operation`."""

    def decorate(work: Work) -> Callable[[AppContext, OchpRequest, EnvelopeReader, Contract], OperationResult]:
        place = partial(place_in_upload, element=element)
        frame = Operation(f"ochp14_{work.__name__}", changes, upload, place)

        @wraps(work)
        def called(
            context: AppContext, request: OchpRequest, reader: EnvelopeReader, contract: Contract
        ) -> OperationResult:
            def in_role(caller: Partner) -> OperationResult:
                require_role(caller, role)
                note_protocol(context, caller.id, PROTOCOL)
                return work(context, caller, request, reader, contract)

            outcome = perform(context, frame, request, in_role)
            if outcome.answer is not None:
                return outcome.answer
            return denied(outcome.refusal, request, element)

        return called

    return decorate


def require_role(caller: Partner, role: PartyRole | None) -> None:
    """See whether the caller has ids of this role, or of either.

    :raises Refused: ROLE_MISSING
    """
    if role is not PartyRole.PROVIDER and caller.operator_ids:
        return
    if role is not PartyRole.OPERATOR and caller.provider_ids:
        return
    raise refuse(RoleReason.ROLE_MISSING, ROLES[role])


def place_in_upload(problem: Problem, element: str) -> str:
    """The field of a problem in the spelling of the wire; a receipt has its position beside it."""
    return place_of(replace(problem, position=None), SPELLING, element)


def denied(refusal: Refused | None, request: OchpRequest, element: str) -> OperationResult:
    """The answer of an operation that was refused, with the records that were, where they were looked at one by one."""
    if refusal is None:
        raise AssertionError("an operation has an answer or a refusal")
    refused, code = request.refused, None
    if refused is not None and refused.count:
        if refusal.first.reason in refused.reasons:
            code = reasons_of(refused.reasons)
        request.hand_back(refused)
    return refusal_result(refusal, request.request_id, SPELLING, element, code)


# ---------------------------------------------------------------------- tokens


def refused_tokens(request: OchpRequest, contract: Contract) -> RefusedRecords:
    """Where the refused tokens of a request go."""
    draw = partial(record_codec.refused_text, contract=contract)
    request.refused = RefusedRecords(draw, record_codec.number_of_refused)
    return request.refused


@operation(PartyRole.PROVIDER, changes=Action.LIST_REPLACED, upload=True, element=TOKENS_SENT)
def set_roaming_authorisation_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Make the valid tokens of a request the caller's whole list."""
    refused = refused_tokens(request, contract)
    records = received_tokens(reader, token_shape(contract, TOKENS_SENT))
    done = TOKENS.replace(context, caller, records, token_format.FORMAT, refused)
    if done.set_aside is not None:
        detail = f"it would remove {counted(done.set_aside, 'token')} of your list; ask the clearing house"
        raise Refused([Problem(ListReason.LIST_SET_ASIDE, detail)], effect=f"It was put aside. {NOTHING_TAKEN}")
    request.outcome = UploadOutcome(done.stored, done.repeated, sum(done.warnings.values()))
    told = f"Your list has {counted(done.stored, 'token')}: {done.counts.added} new, {done.counts.changed} changed,"
    told = f"{told} {done.counts.removed} removed."
    return taken(request, refused, told, counts_sentence(done.warnings), *withheld(context, caller))


@operation(PartyRole.PROVIDER, changes=Action.LIST_UPDATED, upload=True, element=TOKENS_SENT)
def update_roaming_authorisation_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Add the valid tokens of a request to the caller's list, or change those that are in it."""
    refused = refused_tokens(request, contract)
    records = received_tokens(reader, token_shape(contract, TOKENS_SENT))
    counts = TOKENS.update(context, caller, records, token_format.FORMAT, refused)
    request.outcome = UploadOutcome(counts.added + counts.changed, 0, 0)
    instead = f", {counts.removed} of OCHP 0.2 replaced" if counts.removed else ""
    return taken(request, refused, f"{counts.added} new, {counts.changed} changed{instead}.")


def withheld(context: AppContext, caller: Partner) -> list[str]:
    """What of the caller's list others are not given, as sentences."""
    return [f"{each}." for each in withheld_sentences(context, TOKENS, caller, context.formats.tokens)]


def taken(request: OchpRequest, refused: RefusedRecords, *sentences: str, what: str = "token") -> OperationResult:
    """The answer to an upload of which something was taken."""
    told = [*sentences, f"{request.warning}." if request.warning else ""]
    if not refused.count:
        return result(ResultCode.OK, told, request.request_id)
    wrong = problem_sentences(refused.problems.kept, refused.count, SPELLING, ELEMENTS[what])
    told += [f"{counted(refused.count, what)} refused:", *wrong]
    request.hand_back(refused)
    return result(ResultCode.PARTLY, told, request.request_id)


@operation(PartyRole.OPERATOR)
def get_roaming_authorisation_list(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """All tokens that the caller sees and that are valid now."""
    members(reader, contract, ())
    if not token_download.visible_lists(context, caller.id):
        return nobody_to_roam_with(request)
    request.records = token_download.valid_tokens(context, caller.id, TOKENS_SENT, deflated=request.takes_gzip)
    return result(ResultCode.OK, ["The tokens that are valid now.", asks_next(context)], request.request_id)


@operation(PartyRole.OPERATOR)
def get_roaming_authorisation_list_updates(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The tokens that changed for the caller since a time."""
    (since_text,) = members(reader, contract, (LAST_UPDATE,))
    since = date_time(since_text)
    if since is None:
        raise refuse(FieldReason.FIELD_MISSING, "a time like 2027-12-31T22:59:59Z is mandatory", field="last_update")
    told = asks_next(context)
    alone = not token_download.visible_lists(context, caller.id)
    changes = token_download.changed_tokens(context, caller.id, since, "roamingAuthorisationInfo")
    request.records = changes.records
    if alone and changes.number == 0:
        # Whoever was cut off from everybody still hears, once, that what it has is over.
        return nobody_to_roam_with(request)
    number = "" if changes.number is None else f"{counted(changes.number, 'change')} since {as_date_time(since)}."
    whole = "It is older than any change: this is everything, replace your copy." if changes.everything else ""
    return result(ResultCode.OK, [number, whole, told], request.request_id)


@operation(PartyRole.OPERATOR)
def get_single_roaming_authorisation(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """One token, if the caller sees it and it is valid now."""
    representation, instance, token_type, _ = members(reader, contract, (EMT_ID,))
    payload = token_lookup.found_token(context, caller.id, instance, token_type, representation)
    if payload is None:
        return result(ResultCode.INVALID_ID, ["No such token that is valid now is known."], request.request_id)
    request.records = collected([record_codec.tokens_text([payload], "roamingAuthorisationInfo")])
    return result(ResultCode.OK, ["The token is valid."], request.request_id)


def nobody_to_roam_with(request: OchpRequest) -> OperationResult:
    """The answer to who sees nothing of anybody."""
    told = "No partner whose tokens you see has published any."
    return result(ResultCode.ROAMING, [told], request.request_id)


def asks_next(context: AppContext) -> str:
    """From which time the caller shall ask for changes the next time."""
    now = as_date_time(context.clock())
    return f"State of {now}, ask for changes with that next time."


# ---------------------------------------------------------------------- tariffs


@operation(PartyRole.OPERATOR, changes=Action.TARIFFS_UPDATED, upload=True, element=TARIFFS_SENT)
def update_tariffs(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Write whole tariffs of the caller, each in the place of the one with its id."""
    draw = partial(record_codec.element_text, namespace=contract.namespace, name="refusedTariffInfo")
    request.refused = refused = RefusedRecords(draw, lambda _: None)
    tariffs: dict[str, Tariff] = {}
    for position, element in enumerate(reader.trees()):
        found = tariff_format.read_tariff(element, position, contract.namespace, caller)
        if isinstance(found, Tariff) and found.key in tariffs:
            detail = "stands more than once in this request"
            found = [Problem(TariffReason.TARIFF_TWICE, detail, position, "tariffId", field_as_sent=True)]
        if isinstance(found, Tariff):
            tariffs[found.key] = found
        else:
            refused.add(position, element, found[0], NOTHING_STORED)
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
    return taken(request, refused, f"{counts.added} new, {counts.changed} changed.", note, what="tariff")


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


# ---------------------------------------------------------------------- OCHPdirect


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


# ---------------------------------------------------------------------- members of small requests

SINCE = GroupShape("lastUpdate", (FieldShape("DateTime", token_format.SINCE),))
LAST_UPDATE = GroupShape("lastUpdate", (FieldShape("DateTime", token_format.LAST_UPDATE),))
EMT_ID = replace(record_codec.EMT_ID, name="emtId")


def members(reader: EnvelopeReader, contract: Contract, shapes: tuple[FieldShape | GroupShape, ...]) -> tuple[str, ...]:
    """The texts of a request without records, in the order of its shape; an absent one is empty.

    :raises Refused: for whatever is wrong with them
    """
    root = Element("")
    for child in reader.trees(few=True):
        if child.name:
            root.children.append(child)
        else:
            root.text = child.text
    return record_codec.texts_of(root, contract.namespace, shapes)
