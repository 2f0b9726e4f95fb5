"""The eight operations of OCHP 0.2: each translates, calls one verb of a room, and translates back.

They answer in values that no contract spells; `echs.protocols.ochp02.service` puts them into messages.

Whatever goes wrong once an operation is recognised is answered in its own response element with a result code; only
what is no request of ours becomes a fault. So the one public client, which repeats a call on a code and gives up on a
fault, recovers.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, NamedTuple

from spyne import Fault

from echs.audit import trail
from echs.audit.entry import Action
from echs.audit.receipts import Receipt
from echs.audit.receipts import ReceiptProblem as ToldProblem
from echs.base import metrics, request_context
from echs.base.errors import LoadReason, Reason, Refused, StoreReason, named, refuse
from echs.base.fields import FieldReason
from echs.base.plural import counted
from echs.base.response_stream import ResponseStream, collected
from echs.cdrs import intake
from echs.cdrs.cdr import CdrRecord
from echs.cdrs.intake import IntakeResult, Outcome
from echs.clearing.run import clear_as
from echs.config.app_context import AppContext
from echs.delivery.cleared_cdrs import deliver
from echs.lists.list_cache import Published, RecordTemplate
from echs.lists.versioned_list import ReplaceResult
from echs.locations import charge_point_list
from echs.locations.charge_point import ChargePoint
from echs.partners.login import LoginReason, log_in, partner_of_token
from echs.partners.partner import Partner
from echs.protocols.ochp02.codes import OK
from echs.protocols.ochp02.record_codec import escape_markup, numeric_pins_template, received, record_template
from echs.protocols.ochp02.results import description, number_of, place_of, success_description
from echs.protocols.ochp02.wire_schema import (
    CDR_INFO,
    CHARGEPOINT_INFO,
    IDENTITY_HEADERS,
    NAMESPACE,
    ROAMING_AUTHORISATION_INFO,
    WireRecord,
)
from echs.protocols.soap.envelope_reader import EnvelopeReader, split
from echs.protocols.soap.faults import qualified
from echs.protocols.soap.spyne_protocol import Exchange, Upload
from echs.tokens import token_list
from echs.tokens.token import Token

log = logging.getLogger(__name__)

# What a full disk says where an answer is drawn up.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

OK_RESULT = "ok"
UPLOADS = ("add_cdrs", "set_roaming_authorisation_list", "set_chargepoint_list")
IDENTITY_NAMES = sorted(IDENTITY_HEADERS)

# The operations that change something, as the audit trail calls it.
CHANGING = {
    "add_cdrs": Action.CDRS_ADDED,
    "clear_cdrs": Action.CLEARED,
    "set_roaming_authorisation_list": Action.LIST_REPLACED,
    "set_chargepoint_list": Action.LIST_REPLACED,
}

Answer = Any
Operation = Callable[..., Answer]


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


def answered(
    record: WireRecord | None = None, as_answer: Callable[[OperationResult], Answer] | None = None
) -> Callable[..., Operation]:
    """Make an operation of a function that may refuse.

    The operation gets the context, the exchange and the request's members. What the function raises, but for a fault,
    becomes a code and a description; ``as_answer`` makes the operation's answer of them where it has more.
    """

    def decorate(function: Operation) -> Operation:
        @wraps(function)
        def operation(context: AppContext, exchange: Exchange, *members: Any) -> Answer:
            name, present = function.__name__, request_context.current()
            present.operation = name
            try:
                answer = function(context, exchange, *members)
            except Fault as fault:
                keep_receipt(context, exchange, f"fault {getattr(fault, 'subcode', '')}".strip(), None, record)
                raise
            except Refused as refused:
                refusal = refused
                if refused.__cause__ is not None:
                    log.error(refused.first.reason.value, exc_info=refused.__cause__)
            except Exception as error:
                log.exception("a request failed")
                full = isinstance(error, OSError) and error.errno in NO_SPACE
                ours = StoreReason.STORE_FULL if full else StoreReason.INTERNAL_ERROR
                refusal = refuse(ours, "there is no space left" if full else "an error on our side")
            else:
                present.result = OK_RESULT
                keep_receipt(context, exchange, OK_RESULT, None, record)
                return answer
            if exchange.records is not None:
                exchange.records.close()
                exchange.records = None
            reason = refusal.first.reason
            present.result = reason.value
            keep_receipt(context, exchange, reason.value, refusal, record)
            if isinstance(reason, StoreReason):
                present.tally(metrics.STORE_ERRORS, reason.value)
            elif present.actor and name in CHANGING and not isinstance(reason, LoadReason):
                record_refusal(context, CHANGING[name], reason)
            told = OperationResult(number_of(refusal), description(refusal, exchange.request_id, record))
            return told if as_answer is None else as_answer(told)

        return operation

    return decorate


def keep_receipt(
    context: AppContext, exchange: Exchange, outcome: str, refusal: Refused | None, record: WireRecord | None
) -> None:
    """Keep a receipt of an upload of a partner; a store that takes none is no reason to fall."""
    upload, present = exchange.upload, request_context.current()
    if upload is None:
        return
    kept = () if refusal is None else refusal.kept
    receipt = Receipt(
        request_id=present.request_id,
        received_at=context.clock(),
        partner_id=upload.partner_id,
        operation=present.operation,
        channel=present.channel,
        outcome=outcome,
        records=exchange.reader.records_read,
        new=upload.new,
        known=upload.known,
        warned=upload.warned,
        problem_count=0 if refusal is None else refusal.total,
        problems=[
            ToldProblem(each.position, place_of(replace(each, position=None), record), each.reason.value, each.detail)
            for each in kept
        ],
        received_bytes=exchange.reader.source.received,
        milliseconds=round((time.monotonic() - upload.began) * 1000),
    )
    try:
        context.receipts.keep(context, receipt)
    except Refused:
        log.warning("the receipt of an upload could not be kept")


def record_refusal(context: AppContext, action: Action, reason: Reason) -> None:
    """Enter into the audit trail what a partner was not let do; a store that takes no entry is no reason to fall."""
    try:
        trail.record_refusal(context, action, "", reason.value)
    except Refused:
        log.warning("a refusal could not be entered into the audit trail")


def identified(function: Callable[[AppContext, Partner, Exchange], Answer] | Operation) -> Operation:
    """Make a function of a caller: who it is is found out before anything else of the request is looked at."""

    @wraps(function)
    def with_caller(context: AppContext, exchange: Exchange, *members: Any) -> Answer:
        if len(exchange.identities) > 1:
            raise refuse(LoginReason.LOGIN_TOKEN_REPEATED, "the request has identity headers of different values")
        if not any(exchange.identities):
            raise refuse(LoginReason.LOGIN_TOKEN_MISSING, no_identity(exchange))
        caller = partner_of_token(context, exchange.identities[0])
        request_context.current().actor = caller.user_id
        if request_context.current().operation in UPLOADS:
            exchange.upload = Upload(caller.id, time.monotonic())
        if exchange.refusal is not None:
            raise exchange.refusal
        return function(context, caller, exchange, *members)

    return with_caller


def no_identity(exchange: Exchange) -> str:
    """What is wrong where no identity header tells anything, in the words of who looks for one."""
    wanted = " or ".join(qualified(NAMESPACE, name) for name in IDENTITY_NAMES)
    if exchange.identities:
        return f"the identity header is empty; it must hold the authToken of Authenticate as its text, wanted {wanted}"
    if exchange.foreign_identities:
        found = ", ".join(qualified(*split(name)) for name in exchange.foreign_identities[:2])
        return f"the identity header is in another namespace, or in none: found {found}, wanted {wanted}"
    return f"the SOAP header holds no identity header, wanted {wanted}"


def ok(sentence: str, exchange: Exchange) -> OperationResult:
    """What is said of what went well, with what was forgiven."""
    return OperationResult(
        OK,
        success_description(f"{sentence}. {exchange.warning}" if exchange.warning else sentence, exchange.request_id),
    )


@answered(as_answer=LoginAnswer)
def authenticate(context: AppContext, exchange: Exchange, user_id: str, password: str) -> Answer:
    """OCHP 0.2, 3.1 and 3.2."""
    if exchange.refusal is not None:
        raise exchange.refusal
    for name, value in (("userId", user_id), ("password", password)):
        if not value:
            raise refuse(FieldReason.FIELD_MISSING, "is missing or empty; a value is mandatory", field=name)
    token = log_in(context, user_id, password, context.throttle)
    hours = context.limits.login_seconds / 3600
    return LoginAnswer(ok(f"logged in for {hours:g} h", exchange), token)


@answered(CDR_INFO)
@identified
def add_cdrs(context: AppContext, caller: Partner, exchange: Exchange, reader: EnvelopeReader) -> Answer:
    """OCHP 0.2, 3.3 and 3.4."""
    with admitted(context, caller, reader):
        records = received(reader, CDR_INFO, CdrRecord._make)
        added = intake.add(context, caller, records, exchange.request_id, context.lists)
    new = added.received - added.count(Outcome.KNOWN)
    record_outcome(exchange, new, added.count(Outcome.KNOWN), added.warned)
    for outcome in Outcome:
        request_context.current().tally(metrics.CDRS, outcome.value, amount=added.count(outcome))
    return ok(intake_summary(added), exchange)


@answered(as_answer=DeliveryAnswer)
@identified
def get_cdrs(context: AppContext, caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.5 and 3.6."""
    delivery = deliver(context, caller, record_template(CDR_INFO).template)
    exchange.records = collected(map(escape_markup, delivery.texts))
    if not delivery.runs:
        return DeliveryAnswer(ok("no clearing run concerns you yet", exchange))
    latest = ", ".join(map(str, delivery.runs[-5:]))
    sentence = f"run {latest}" if len(delivery.runs) == 1 else f"{len(delivery.runs)} runs, up to {latest}"
    return DeliveryAnswer(ok(sentence, exchange), context.statement_url(caller, delivery.runs, delivery.spans))


@answered()
@identified
def clear_cdrs(context: AppContext, caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.7 and 3.8."""
    run = clear_as(context, caller, exchange.request_id, context.issuer)
    if run is None:
        return ok("nothing was pending; no run was made", exchange)
    return ok(f"run {run.number}: {counted(run.cdr_count, 'CDR')} cleared", exchange)


@answered()
@identified
def get_roaming_authorisation_list(context: AppContext, caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.9 and 3.10."""
    drawing = (numeric_pins_template if caller.numeric_pins else record_template)(ROAMING_AUTHORISATION_INFO)
    exchange.records = drawn(context, exchange, token_list.PUBLISHED, drawing)
    return ok("the lists of all partners", exchange)


@answered(ROAMING_AUTHORISATION_INFO)
@identified
def set_roaming_authorisation_list(
    context: AppContext, caller: Partner, exchange: Exchange, reader: EnvelopeReader
) -> Answer:
    """OCHP 0.2, 3.11 and 3.12."""
    with admitted(context, caller, reader):
        records = received(reader, ROAMING_AUTHORISATION_INFO, Token._make)
        replaced = token_list.replace(context, caller, records)
    record_outcome(exchange, replaced.stored, replaced.repeated, sum(replaced.warnings.values()))
    request_context.current().tally(metrics.LIST_RECORDS, "roaming", amount=replaced.stored)
    return ok(replacement_summary(replaced), exchange)


@answered()
@identified
def get_chargepoint_list(context: AppContext, _caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.13 and 3.14."""
    exchange.records = drawn(context, exchange, charge_point_list.PUBLISHED, record_template(CHARGEPOINT_INFO))
    return ok("the lists of all partners", exchange)


@answered(CHARGEPOINT_INFO)
@identified
def set_chargepoint_list(context: AppContext, caller: Partner, exchange: Exchange, reader: EnvelopeReader) -> Answer:
    """OCHP 0.2, 3.15 and 3.16."""
    with admitted(context, caller, reader):
        records = received(reader, CHARGEPOINT_INFO, ChargePoint._make)
        replaced = charge_point_list.replace(context, caller, records)
    record_outcome(exchange, replaced.stored, replaced.repeated, sum(replaced.warnings.values()))
    request_context.current().tally(metrics.LIST_RECORDS, "chargepoint", amount=replaced.stored)
    return ok(replacement_summary(replaced), exchange)


def record_outcome(exchange: Exchange, new: int, known: int, warned: int) -> None:
    """Note what became of the records of an upload, for its receipt."""
    if exchange.upload is not None:
        exchange.upload.new, exchange.upload.known, exchange.upload.warned = new, known, warned


@contextmanager
def admitted(context: AppContext, caller: Partner, reader: EnvelopeReader) -> Iterator[None]:
    """A block in which the upload of a partner is worked on, when it has its turn; its line may be a slow one.

    :raises Refused: UPLOAD_BUSY
    """
    with context.admission.admitted(caller.id, reader.source.most_bytes):
        reader.source.patience_seconds = context.limits.body_seconds
        yield


def drawn(context: AppContext, exchange: Exchange, lists: Published, drawing: RecordTemplate) -> ResponseStream:
    """The lists of all partners as they go out."""
    return context.drawn.records(context.database, lists, drawing, deflated=exchange.takes_gzip)


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
