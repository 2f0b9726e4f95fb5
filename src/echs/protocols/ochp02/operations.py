"""The eight operations of OCHP 0.2: each translates, calls one verb of a room, and translates back.

They answer in values that no contract spells; `echs.protocols.ochp02.service` puts them into messages.

Whatever goes wrong once an operation is recognised is answered in its own response element with a result code; only
what is no request of ours becomes a fault. So the one public client, which repeats a call on a code and gives up on a
fault, recovers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, NamedTuple

from echs.audit.entry import Action
from echs.base.errors import Problem, Refused, named, refuse
from echs.base.fields import FieldReason
from echs.base.gzip_concat import deflating
from echs.base.plural import counted
from echs.base.prefetch_buffer import PrefetchBuffer
from echs.base.response_stream import ResponseStream, collected
from echs.cdrs import intake
from echs.cdrs.between_partners import declined_of
from echs.cdrs.intake import IntakeResult, Outcome
from echs.clearing.run import clear_as
from echs.config.app_context import AppContext
from echs.delivery.cleared_cdrs import deliver, mark_served
from echs.lists.keyed_list import ListReason, ReplaceResult
from echs.lists.list_cache import Drawing
from echs.lists.published_list import PublishedList
from echs.lists.withheld_counts import withheld_sentences
from echs.locations.charge_point_list import CHARGE_POINTS
from echs.partners.login import LoginReason, log_in, partner_of_token
from echs.partners.partner import Partner, UidOrder
from echs.partners.queries import uid_order_of
from echs.partners.roles import refuse_navigation
from echs.partners.spoken_protocols import note_protocol
from echs.protocols.ochp02 import cdr_format, charge_point_format, token_format
from echs.protocols.ochp02.cdr_format import CdrRecord, read_cdrs
from echs.protocols.ochp02.charge_point_format import ChargePointRecord
from echs.protocols.ochp02.codes import OK
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.ochp02.outlet_status import outlet_words, with_words
from echs.protocols.ochp02.record_codec import numeric_pins_template, received, record_template
from echs.protocols.ochp02.results import description, number_of, place_of, success_description
from echs.protocols.ochp02.token_format import TokenRecord
from echs.protocols.ochp02.uid_order import uids_turned
from echs.protocols.ochp02.wire_schema import (
    CDR_INFO,
    CHARGEPOINT_INFO,
    IDENTITY_HEADERS,
    NAMESPACE,
    ROAMING_AUTHORISATION_INFO,
    WireRecord,
)
from echs.protocols.operation import Operation, UploadOutcome, perform, perform_anonymous
from echs.protocols.rows.payload import payload_of
from echs.protocols.soap.envelope_parser import split
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import qualified
from echs.protocols.soap.spyne_protocol import Exchange
from echs.tokens.token_list import TOKENS

# Of so many CDRs that were declined the answer to an upload tells the ids.
DECLINED_NAMED = 5
IDENTITY_NAMES = sorted(IDENTITY_HEADERS)

AUTHENTICATE = Operation("authenticate")

Answer = Any


class OperationResult(NamedTuple):
    """How an operation went: a code of `echs.protocols.ochp02.codes`, 0 for ok, and the sentence for people."""

    code: int
    text: str


class LoginAnswer(NamedTuple):
    """What Authenticate answers; no token where it was denied."""

    told: OperationResult
    token: str = ""


class DeliveryAnswer(NamedTuple):
    """What GetCDRs answers, but for the records; no link where there is nothing."""

    told: OperationResult
    doc_link: str = ""


@dataclass
class TokenRequest(Exchange):
    """A request whose sender is known by the token of Authenticate, in an identity header (OCHP 0.2, 3.1)."""

    @property
    def identities(self) -> list[str]:
        """The texts of the identity headers, in order, each once."""
        return list(dict.fromkeys(header.text.strip() for header in self.headers))

    @property
    def foreign_identities(self) -> list[str]:
        """The names of headers that are called as identity headers are, in another namespace or in none."""
        return [name for name in self.other_headers if split(name)[1] in IDENTITY_HEADERS]

    def caller(self, context: AppContext) -> Partner:
        """The partner that logged in with the token.

        :raises Refused: LOGIN_TOKEN_REPEATED, LOGIN_TOKEN_MISSING, LOGIN_TOKEN_UNKNOWN, LOGIN_TOKEN_EXPIRED,
            LOGIN_CERTIFICATE
        """
        identities = self.identities
        if len(identities) > 1:
            raise refuse(LoginReason.LOGIN_TOKEN_REPEATED, "the request has identity headers of different values")
        if not any(identities):
            raise refuse(LoginReason.LOGIN_TOKEN_MISSING, no_identity(self))
        return partner_of_token(context, identities[0])


def operation(
    record: WireRecord | None = None,
    *,
    changes: Action | None = None,
    upload: bool = False,
    as_answer: Callable[[OperationResult], Answer] | None = None,
    navigation: bool = False,
) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Make an operation of a function of the context, the caller, the request and its members, in the frame of
    `echs.protocols.operation`. Who is a navigation provider alone calls those of ``navigation``.

    A refusal becomes a code and a description; ``as_answer`` makes the operation's answer of them where it has more.
    """

    def decorate(function: Callable[..., Answer]) -> Callable[..., Answer]:
        frame = Operation(function.__name__, changes, upload, partial(place_in_upload, record=record))

        @wraps(function)
        def called(context: AppContext, request: TokenRequest, *members: Any) -> Answer:
            def work(caller: Partner) -> Answer:
                if not navigation:
                    refuse_navigation(caller)
                note_protocol(context, caller.id, PROTOCOL)
                return function(context, caller, request, *members)

            outcome = perform(context, frame, request, work)
            return outcome.answer if outcome.refusal is None else denied(outcome.refusal, request, record, as_answer)

        return called

    return decorate


def place_in_upload(problem: Problem, record: WireRecord | None) -> str:
    """The field of a problem in the spelling of the wire; a receipt has its position beside it."""
    return place_of(replace(problem, position=None), record)


def denied(
    refusal: Refused,
    request: TokenRequest,
    record: WireRecord | None = None,
    as_answer: Callable[[OperationResult], Answer] | None = None,
) -> Answer:
    """The answer of an operation that was refused."""
    result = OperationResult(number_of(refusal), description(refusal, request.request_id, record))
    return result if as_answer is None else as_answer(result)


def no_identity(request: TokenRequest) -> str:
    """What is wrong where no identity header tells anything, in the words of who looks for one."""
    wanted = " or ".join(qualified(NAMESPACE, name) for name in IDENTITY_NAMES)
    if request.identities:
        return f"the identity header is empty; it must hold the authToken of Authenticate as its text, wanted {wanted}"
    if request.foreign_identities:
        found = ", ".join(qualified(*split(name)) for name in request.foreign_identities[:2])
        return f"the identity header is in another namespace, or in none: found {found}, wanted {wanted}"
    return f"the SOAP header holds no identity header, wanted {wanted}"


def ok(sentence: str, request: TokenRequest) -> OperationResult:
    """What is said of what went well, with what was forgiven."""
    return OperationResult(
        OK,
        success_description(f"{sentence}. {request.warning}" if request.warning else sentence, request.request_id),
    )


def authenticate(context: AppContext, request: TokenRequest, user_id: str, password: str) -> Answer:
    """OCHP 0.2, 3.1 and 3.2."""

    def work() -> LoginAnswer:
        for name, value in (("userId", user_id), ("password", password)):
            if not value:
                raise refuse(FieldReason.FIELD_MISSING, "is missing or empty; a value is mandatory", field=name)
        token = log_in(context, user_id, password, context.throttle)
        hours = context.limits.login_seconds / 3600
        return LoginAnswer(ok(f"logged in for {hours:g} h", request), token)

    outcome = perform_anonymous(AUTHENTICATE, request, work)
    return outcome.answer if outcome.refusal is None else denied(outcome.refusal, request, as_answer=LoginAnswer)


@operation(CDR_INFO, changes=Action.CDRS_ADDED, upload=True)
def add_cdrs(context: AppContext, caller: Partner, request: TokenRequest, reader: EnvelopeReader) -> Answer:
    """OCHP 0.2, 3.3 and 3.4."""
    records = read_cdrs(received(reader, CDR_INFO, CdrRecord._make), caller.zone)
    added = intake.add(context, caller, records, request.request_id, context.lists, cdr_format.FORMAT)
    known = added.count(Outcome.KNOWN)
    request.outcome = UploadOutcome(added.received - known, known, added.warned)
    declined = declined_of(context, caller.id, DECLINED_NAMED + 1)
    told = intake_summary(added)
    if declined:
        more = "more than " if len(declined) > DECLINED_NAMED else ""
        told += f"; {more}{counted(min(len(declined), DECLINED_NAMED), 'CDR')} declined by the provider: "
        told += f"{named(declined[:DECLINED_NAMED], DECLINED_NAMED)}; send them with other content, or ask the office"
    return ok(told, request)


@operation(as_answer=DeliveryAnswer)
def get_cdrs(context: AppContext, caller: Partner, request: TokenRequest) -> Answer:
    """OCHP 0.2, 3.5 and 3.6."""
    delivery = deliver(context, caller, PROTOCOL, partial(said_cdr, context))
    request.records = collected(
        map(record_template(CDR_INFO).render, delivery.payloads), partial(mark_served, context, caller, delivery.runs)
    )
    if not delivery.runs:
        return DeliveryAnswer(ok("no clearing run concerns you yet", request))
    latest = ", ".join(map(str, delivery.runs[-5:]))
    sentence = f"run {latest}" if len(delivery.runs) == 1 else f"{len(delivery.runs)} runs, up to {latest}"
    return DeliveryAnswer(ok(sentence, request), context.statement_url(caller, delivery.runs, delivery.spans))


def said_cdr(context: AppContext, row: Any) -> str:
    """The payload of a CDR of another protocol, as OCHP 0.2 says it."""
    return payload_of(cdr_format.record_of(context.formats.cdrs[row.protocol].noun(row._asdict())))


@operation(changes=Action.CLEARED, navigation=True)
def clear_cdrs(context: AppContext, caller: Partner, request: TokenRequest) -> Answer:
    """OCHP 0.2, 3.7 and 3.8."""
    run = clear_as(context, caller, request.request_id, context.issuer)
    if run is None:
        return ok("nothing was pending; no run was made", request)
    return ok(f"run {run.number}: {counted(run.cdr_count, 'CDR')} cleared", request)


@operation()
def get_roaming_authorisation_list(context: AppContext, caller: Partner, request: TokenRequest) -> Answer:
    """OCHP 0.2, 3.9 and 3.10."""
    template = (numeric_pins_template if caller.numeric_pins else record_template)(ROAMING_AUTHORISATION_INFO)
    drawing = Drawing(template, token_format.FORMAT, context.formats.tokens)
    request.records = drawn(context, request, caller, TOKENS, drawing)
    return ok("the lists of all partners", request)


@operation(ROAMING_AUTHORISATION_INFO, changes=Action.LIST_REPLACED, upload=True)
def set_roaming_authorisation_list(
    context: AppContext, caller: Partner, request: TokenRequest, reader: EnvelopeReader
) -> Answer:
    """OCHP 0.2, 3.11 and 3.12."""
    records: Iterable[Any] = received(reader, ROAMING_AUTHORISATION_INFO, TokenRecord._make)
    lowest_first = uid_order_of(context, caller.id) is UidOrder.LITTLE
    if lowest_first:
        records = uids_turned(records)
    replaced = TOKENS.replace(context, caller, records, token_format.FORMAT)
    turned = ["the bytes of card numbers were turned: yours are known to begin with the lowest"] if lowest_first else []
    return list_outcome(context, caller, request, TOKENS, replaced, turned)


@operation(navigation=True)
def get_chargepoint_list(context: AppContext, caller: Partner, request: TokenRequest) -> Answer:
    """OCHP 0.2, 3.13 and 3.14."""
    drawing = Drawing(record_template(CHARGEPOINT_INFO), charge_point_format.FORMAT, context.formats.charge_points)
    request.records = with_live_status(context, request, caller, drawing)
    return ok("the lists of all partners", request)


def with_live_status(context: AppContext, request: TokenRequest, caller: Partner, drawing: Drawing) -> ResponseStream:
    """The charge points, those of other protocols with their live status: it is newer than the list that is drawn."""
    try:
        words = outlet_words(context, caller.id)
    except Refused:  # a list without live statuses is better than none
        words = {}
    if not words:
        return drawn(context, request, caller, CHARGE_POINTS, drawing)
    plain = context.drawn.records(context.database, CHARGE_POINTS, caller.id, drawing, deflated=False)
    texts = with_words(plain, words)
    deflated = request.takes_gzip
    return ResponseStream(PrefetchBuffer(deflating(texts) if deflated else texts), deflated=deflated)


@operation(CHARGEPOINT_INFO, changes=Action.LIST_REPLACED, upload=True)
def set_chargepoint_list(context: AppContext, caller: Partner, request: TokenRequest, reader: EnvelopeReader) -> Answer:
    """OCHP 0.2, 3.15 and 3.16."""
    replaced = CHARGE_POINTS.replace(
        context, caller, received(reader, CHARGEPOINT_INFO, ChargePointRecord._make), charge_point_format.FORMAT
    )
    return list_outcome(context, caller, request, CHARGE_POINTS, replaced)


def list_outcome(
    context: AppContext,
    caller: Partner,
    request: TokenRequest,
    lists: PublishedList,
    replaced: ReplaceResult,
    more: Sequence[str] = (),
) -> OperationResult:
    """What became of an upload of a list, with more to say of it.

    :raises Refused: LIST_SET_ASIDE
    """
    if replaced.set_aside is not None:
        detail = f"it would remove {counted(replaced.set_aside, 'record')} of your list; ask the clearing house"
        raise Refused([Problem(ListReason.LIST_SET_ASIDE, detail)], effect="It was put aside; your list stays.")
    request.outcome = UploadOutcome(replaced.stored, replaced.repeated, sum(replaced.warnings.values()))
    withheld = withheld_sentences(context, lists, caller, context.formats.of_list(lists.keyed.name))
    return ok("; ".join([replacement_summary(replaced), *more, *withheld]), request)


def drawn(
    context: AppContext, request: TokenRequest, caller: Partner, lists: PublishedList, drawing: Drawing
) -> ResponseStream:
    """The lists of all partners that the caller sees, as they go out."""
    return context.drawn.records(context.database, lists, caller.id, drawing, deflated=request.takes_gzip)


def intake_summary(added: IntakeResult) -> str:
    """What became of an upload of CDRs, in a sentence."""
    new = added.received - added.count(Outcome.KNOWN)
    text = f"{added.received} received: {new} new, {added.count(Outcome.KNOWN)} already known"
    held = added.count(Outcome.HELD)
    if held:
        text += f"; {held} held until a partner has serviceProviderId {named(added.unowned_provider_ids, 3)}"
    if added.warned:
        counts = {name: len(positions) for name, positions in added.warnings.items()}
        text += f"; {added.warned} with warnings: {warnings_summary(counts, added.warnings)}"
    return text


def replacement_summary(replaced: ReplaceResult) -> str:
    """What became of an upload of a list, in a sentence."""
    text = f"{replaced.stored + replaced.repeated} received: your list now has {replaced.stored}"
    if replaced.repeated:
        text += f", {counted(replaced.repeated, 'repetition')} left out"
    return text + (f"; warnings: {warnings_summary(replaced.warnings)}" if replaced.warnings else "")


def warnings_summary(counts: Mapping[str, int], positions: Mapping[str, Sequence[int]] | None = None) -> str:
    """How many records each warning is about, the most frequent first, and where the first three of them stand."""
    told = []
    for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        places = [f"[{position}]" for position in positions[name][:3]] if positions else []
        more = " …" if places and count > len(places) else ""
        told.append(f"{name} {count}" + (f" at {' '.join(places)}{more}" if places else ""))
    return ", ".join(told)
