"""One frame for every operation of every protocol: who calls, may it, what was refused, audit, counting, receipts.

A protocol brings a `Request`, which knows how its callers are identified, and a table from reasons to its own codes;
what stands between the two is here, once.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from echs.audit import trail
from echs.audit.entry import DONE, Action
from echs.audit.receipts import Receipt, ReceiptProblem
from echs.base import request_context
from echs.base.errors import LoadReason, Problem, Reason, Refused, StoreReason, refuse
from echs.base.metrics import Metric
from echs.config.app_context import AppContext
from echs.partners.partner import Partner

log = logging.getLogger(__name__)

STORE_ERRORS = Metric("store_errors_total", "counter", ("reason",), "Requests that failed because of a store error.")
# What a full disk says where a response is drawn.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

Answer = TypeVar("Answer")


@dataclass
class UploadOutcome:
    """What became of the records of an upload, for its receipt: how many were new, known before, and warned of."""

    new: int = 0
    known: int = 0
    warned: int = 0


class Request(Protocol):
    """A request as the frame needs it, whatever protocol it came by."""

    # What was wrong with it before its operation was called, apart from who sent it.
    refusal: Refused | None
    # Set by the operation of an upload.
    outcome: UploadOutcome

    def caller(self, context: AppContext) -> Partner:
        """Who sends it.

        :raises Refused: for whatever is missing or wrong about that
        """

    @property
    def records_read(self) -> int:
        """How many records of it were read so far."""

    @property
    def received_bytes(self) -> int:
        """How many bytes of its body were received so far."""

    @property
    def most_bytes(self) -> int:
        """How many bytes its body may have at most."""

    def allow_slow_body(self, seconds: float) -> None:
        """Let its body take so long."""

    def drop_response(self) -> None:
        """Let go of what was drawn of a response that is not sent."""


class ProtocolFault(Exception):
    """What a protocol answers outside of its operations, such as a SOAP fault. ``result`` is how the log calls it."""

    result: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a protocol: ``changes`` is what the audit trail calls it where it changes something; an
    ``upload`` waits for its turn and leaves a receipt. ``place`` says where a problem is, as the protocol spells it.
    """

    name: str
    changes: Action | None = None
    upload: bool = False
    place: Callable[[Problem], str] = lambda problem: problem.field or ""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Answer]):
    """How an operation went: its answer, or the refusal."""

    answer: Answer | None = None
    refusal: Refused | None = None


def perform_anonymous(operation: Operation, request: Request, work: Callable[[], Answer]) -> Outcome[Answer]:
    """Carry out an operation whose sender need not be known: a login."""
    present = request_context.current()
    present.operation = operation.name
    refusal = request.refusal
    if refusal is None:
        try:
            answer = work()
        except Exception as error:
            refusal = refusal_of(error)
        else:
            present.result = DONE
            return Outcome(answer)
    return refused(request, refusal)


def perform(
    context: AppContext, operation: Operation, request: Request, work: Callable[[Partner], Answer]
) -> Outcome[Answer]:
    """Carry out an operation for its sender, who is identified before anything else of the request is looked at.

    Whatever ``work`` raises becomes a refusal, but for what the protocol itself raises as `ProtocolFault`: that leaves
    a receipt and goes on.
    """
    present = request_context.current()
    present.operation = operation.name
    caller, began = None, time.monotonic()
    try:
        caller = request.caller(context)
        present.actor = caller.user_id
        began = time.monotonic()
        if request.refusal is not None:
            raise request.refusal
        with admitted(context, operation, caller, request):
            answer = work(caller)
    except ProtocolFault as fault:
        if caller is not None:
            keep_receipt(context, operation, request, caller, began, fault.result, None)
        raise
    except Exception as error:
        refusal = refusal_of(error)
    else:
        present.result = DONE
        keep_receipt(context, operation, request, caller, began, DONE, None)
        return Outcome(answer)
    reason = refusal.first.reason
    if caller is not None:
        keep_receipt(context, operation, request, caller, began, reason.value, refusal)
        if operation.changes is not None and not isinstance(reason, StoreReason | LoadReason):
            audit_refusal(context, operation.changes, reason)
    return refused(request, refusal)


@contextmanager
def admitted(context: AppContext, operation: Operation, caller: Partner, request: Request) -> Iterator[None]:
    """A block in which an upload is worked on, when it has its turn; its line may be a slow one.

    :raises Refused: UPLOAD_BUSY
    """
    if not operation.upload:
        yield
        return
    with context.admission.admitted(caller.id, request.most_bytes):
        request.allow_slow_body(context.limits.body_seconds)
        yield


def refusal_of(error: Exception) -> Refused:
    """What was raised, as a refusal; what is an error of this program or of the store is logged with its cause."""
    if isinstance(error, Refused):
        if error.__cause__ is not None:
            log.error(error.first.reason.value, exc_info=error.__cause__)
        return error
    log.error("a request failed", exc_info=error)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return refuse(StoreReason.STORE_FULL, "there is no space left")
    return refuse(StoreReason.INTERNAL_ERROR, "an error on our side")


def refused(request: Request, refusal: Refused) -> Outcome[Answer]:
    """The outcome of a refusal, counted."""
    request.drop_response()
    present, reason = request_context.current(), refusal.first.reason
    present.result = reason.value
    if isinstance(reason, StoreReason):
        present.count(STORE_ERRORS, reason.value)
    return Outcome(refusal=refusal)


def keep_receipt(
    context: AppContext,
    operation: Operation,
    request: Request,
    caller: Partner,
    began: float,
    result: str,
    refusal: Refused | None,
) -> None:
    """Keep a receipt of an upload of a partner; a store that cannot take one does not fail the request."""
    if not operation.upload:
        return
    present = request_context.current()
    receipt = Receipt(
        request_id=present.request_id,
        received_at=context.clock(),
        partner_id=caller.id,
        operation=operation.name,
        channel=present.channel,
        outcome=result,
        records=request.records_read,
        new=request.outcome.new,
        known=request.outcome.known,
        warned=request.outcome.warned,
        problem_count=0 if refusal is None else refusal.total,
        problems=[
            ReceiptProblem(each.position, operation.place(each), each.reason.value, each.detail)
            for each in (() if refusal is None else refusal.kept)
        ],
        received_bytes=request.received_bytes,
        milliseconds=round((time.monotonic() - began) * 1000),
    )
    try:
        context.receipts.keep(context, receipt)
    except Refused:
        log.warning("the receipt of an upload could not be kept")


def audit_refusal(context: AppContext, action: Action, reason: Reason) -> None:
    """Enter a refused change into the audit trail; a store that cannot take the entry does not fail the request."""
    try:
        trail.record_refusal(context, action, "", reason.value)
    except Refused:
        log.warning("a refusal could not be entered into the audit trail")
