"""What every operation of OCHP 1.4 has around it: it translates, calls one verb of a room, and translates back.

Whoever calls is known by name and password in the header of each request. Whatever goes wrong once an operation is
recognised is answered in its own response element, with a result code and a sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, wraps

from echs.audit.entry import Action
from echs.base.errors import Problem, Refused
from echs.base.plural import counted
from echs.base.response_stream import collected
from echs.config.app_context import AppContext
from echs.lists.refused_records import RefusedRecords
from echs.partners.partner import Partner, PartyRole
from echs.partners.roles import require_role
from echs.partners.spoken_protocols import note_protocol
from echs.protocols.ochp14 import cdr_format, record_codec, token_format
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import PROTOCOL, Contract
from echs.protocols.ochp14.results import (
    OperationResult,
    place_of,
    problem_sentences,
    reasons_of,
    refusal_result,
    result,
)
from echs.protocols.ochp14.security import SecurityRequest
from echs.protocols.ochp14.value_formats import as_date_time
from echs.protocols.operation import Operation, perform
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.record_fast_path import FieldShape, GroupShape

# What the names of fields are on the wire.
SPELLING = {**cdr_format.SPELLING, **token_format.SPELLING, "cdr_status": "cdrStatus/CdrStatusType"}
FAULTS = {ResultCode.NOT_AUTHORIZED: "FailedAuthentication", ResultCode.SERVER: "Unavailable"}


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
    role: PartyRole | None,
    *,
    changes: Action | None = None,
    upload: bool = False,
    element: str = "",
    as_fault: bool = False,
    navigation: bool = False,
) -> Callable[[Work], Callable[[AppContext, OchpRequest, EnvelopeReader, Contract], OperationResult]]:
    """Make an operation for partners of this role, or of either, in the frame of `echs.protocols.operation`; with
    ``navigation`` for navigation providers too. Where its answer has no result, a refusal is a fault.
    """

    def decorate(work: Work) -> Callable[[AppContext, OchpRequest, EnvelopeReader, Contract], OperationResult]:
        place = partial(place_in_upload, element=element)
        frame = Operation(f"ochp14_{work.__name__}", changes, upload, place)

        @wraps(work)
        def called(
            context: AppContext, request: OchpRequest, reader: EnvelopeReader, contract: Contract
        ) -> OperationResult:
            def in_role(caller: Partner) -> OperationResult:
                require_role(caller, role, navigation=navigation)
                note_protocol(context, caller.id, PROTOCOL)
                return work(context, caller, request, reader, contract)

            outcome = perform(context, frame, request, in_role)
            if outcome.answer is not None:
                return outcome.answer
            told = denied(outcome.refusal, request, element)
            if as_fault:
                raise SoapFault(FAULTS.get(told.code, "RequestRefused"), told.text)
            return told

        return called

    return decorate


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


def taken(request: OchpRequest, refused: RefusedRecords, *sentences: str, what: str, element: str) -> OperationResult:
    """The answer to an upload of which something was taken."""
    told = [*sentences, f"{request.warning}." if request.warning else ""]
    if not refused.count:
        return result(ResultCode.OK, told, request.request_id)
    wrong = problem_sentences(refused.problems.kept, refused.count, SPELLING, element)
    told += [f"{counted(refused.count, what)} refused:", *wrong]
    request.hand_back(refused)
    return result(ResultCode.PARTLY, told, request.request_id)


def refused_elements(
    contract: Contract, name: str, number_of: Callable[[Element], int | None] = lambda _: None
) -> RefusedRecords:
    """Where the refused records of a request go that are read as trees: they come back under this name."""
    return RefusedRecords(partial(record_codec.element_text, namespace=contract.namespace, name=name), number_of)


# ---------------------------------------------------------------------- members of small requests

SINCE = GroupShape("lastUpdate", (FieldShape("DateTime", token_format.SINCE),))
LAST_UPDATE = GroupShape("lastUpdate", (FieldShape("DateTime", token_format.LAST_UPDATE),))


def asks_next(context: AppContext) -> str:
    """From which time the caller shall ask for changes the next time."""
    now = as_date_time(context.clock())
    return f"State of {now}, ask for changes with that next time."


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
