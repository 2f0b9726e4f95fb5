"""The eight operations of OCHP 0.2: each translates, calls one verb of a room, and translates back.

Whatever goes wrong once an operation is recognised is answered in its own response element with a result code; only
what is no request of ours becomes a fault. So the one public client, which repeats a call on a code and gives up on a
fault, recovers.
"""

import errno
import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from spyne import Fault, Service, rpc

from echs.authorisations import roaming_list
from echs.authorisations.authorisation import Authorisation
from echs.base.errors import Refused, StoreReason, named, refuse
from echs.base.fields import FieldReason
from echs.base.replaced_list import Replaced
from echs.base.wording import counted
from echs.cdrs import intake
from echs.cdrs.cdr import CdrRecord
from echs.cdrs.intake import Added, Outcome
from echs.chargepoints import chargepoint_list
from echs.chargepoints.chargepoint import ChargePoint
from echs.clearing.delivery import deliver, mark_served
from echs.clearing.run import clear_as
from echs.house import House
from echs.partners.login import LoginReason, log_in, partner_of_token
from echs.partners.partner import Partner
from echs.protocols.ochp02.names import CDR_INFO, CHARGEPOINT_INFO, ROAMING_AUTHORISATION_INFO, WireRecord
from echs.protocols.ochp02.results import OK, description, number_of
from echs.protocols.ochp02.types import ACCEPTED, DENIED, AuthResultType, MandatoryResult, Result, Text, repeated
from echs.protocols.ochp02.wire import nouns, render
from echs.protocols.soap.envelope import Exchange
from echs.protocols.soap.stream import Child

log = logging.getLogger(__name__)

# What a full disk says where an answer is drawn up.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

Answer = Any
Operation = Callable[..., Answer]


def answered(on_refusal: Callable[[int, str], Answer], record: WireRecord | None = None) -> Callable[..., Operation]:
    """Make an operation of a function that may refuse.

    The function gets the house, the exchange and the request's members. Whatever it raises, but for a fault, becomes
    ``on_refusal(code, description)``.
    """

    def decorate(function: Operation) -> Operation:
        @wraps(function)
        def operation(ctx: Any, *members: Any) -> Answer:
            exchange: Exchange = ctx.udc
            name = function.__name__
            try:
                answer = function(ctx.app.config, exchange, *members)
            except Fault:
                raise
            except Refused as refused:
                refusal = refused
                if refused.__cause__ is not None:
                    log.error("request %s: %s", exchange.request_id, refused.first.reason, exc_info=refused.__cause__)
            except Exception as error:
                log.exception("request %s failed", exchange.request_id)
                full = isinstance(error, OSError) and error.errno in NO_SPACE
                reason = StoreReason.STORE_FULL if full else StoreReason.INTERNAL_ERROR
                refusal = refuse(reason, "there is no space left" if full else "an error on our side")
            else:
                log.info("request %s %s of %s: ok", exchange.request_id, name, exchange.caller)
                return answer
            log.info("request %s %s of %s: %s", exchange.request_id, name, exchange.caller, refusal.first.reason)
            return on_refusal(number_of(refusal), description(refusal, exchange.request_id, record))

        return operation

    return decorate


def identified(function: Callable[[House, Partner, Exchange], Answer] | Operation) -> Operation:
    """Make a function of a caller: who it is is found out before anything else of the request is looked at."""

    @wraps(function)
    def with_caller(house: House, exchange: Exchange, *members: Any) -> Answer:
        if len(exchange.identities) > 1:
            raise refuse(LoginReason.LOGIN_TOKEN_REPEATED, "the request has more than one identity header")
        caller = partner_of_token(house, exchange.identities[0] if exchange.identities else "")
        exchange.caller = caller.user_id
        if exchange.refusal is not None:
            raise exchange.refusal
        return function(house, caller, exchange, *members)

    return with_caller


def ok(sentence: str, exchange: Exchange) -> Result:
    """The result of what went well."""
    return result(OK, f"{sentence}. request {exchange.request_id}")


def result(code: int, text: str) -> Result:
    """A result as it goes out."""
    return Result(resultCode=code, resultDescription=text)


# What each kind of response says when the operation was refused, member by member.


def result_alone(code: int, text: str) -> Result:
    """AddCDRs, ClearCDRs and the uploads of lists."""
    return result(code, text)


def result_and_records(code: int, text: str) -> tuple[Result, list[Any]]:
    """The downloads of lists."""
    return result(code, text), []


def result_link_and_records(code: int, text: str) -> tuple[Result, str, list[Any]]:
    """GetCDRs."""
    return result(code, text), "", []


def denied(_code: int, text: str) -> tuple[str, str, str]:
    """Authenticate has two answers and no code; the reason begins the description."""
    return DENIED, text, ""


# The operations themselves, without Spyne.


@answered(denied)
def authenticate(house: House, exchange: Exchange, user_id: str, password: str) -> Answer:
    """OCHP 0.2, 3.1 and 3.2."""
    if exchange.refusal is not None:
        raise exchange.refusal
    for name, value in (("userId", user_id), ("password", password)):
        if not value:
            raise refuse(FieldReason.FIELD_MISSING, "is missing or empty; a value is mandatory", field=name)
    token = log_in(house, user_id, password)
    exchange.caller = user_id
    hours = house.limits.login_seconds / 3600
    return ACCEPTED, f"logged in for {hours:g} h. request {exchange.request_id}", token


@answered(result_alone, CDR_INFO)
@identified
def add_cdrs(house: House, caller: Partner, exchange: Exchange, children: Iterable[Child]) -> Answer:
    """OCHP 0.2, 3.3 and 3.4."""
    records = nouns(children, CDR_INFO, CdrRecord._make)
    return ok(told_of_intake(intake.add(house, caller, records, exchange.request_id)), exchange)


@answered(result_link_and_records)
@identified
def get_cdrs(house: House, caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.5 and 3.6."""
    delivery = deliver(house, caller)
    exchange.records = render(CDR_INFO, delivery.records)
    mark_served(house, caller, delivery.runs)
    if not delivery.runs:
        return ok("no clearing run concerns you yet", exchange), "", []
    runs = ", ".join(map(str, delivery.runs[-5:]))
    sentence = f"{'run' if len(delivery.runs) == 1 else f'{len(delivery.runs)} runs, the latest of them'} {runs}"
    return ok(sentence, exchange), house.statement_url(caller.id, delivery.spans), []


@answered(result_alone)
@identified
def clear_cdrs(house: House, caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.7 and 3.8."""
    run = clear_as(house, caller, exchange.request_id)
    if run is None:
        return ok("nothing was pending; no run was made", exchange)
    return ok(f"run {run.number}: {counted(run.cdr_count, 'CDR')} cleared", exchange)


@answered(result_and_records)
@identified
def get_roaming_authorisation_list(house: House, _caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.9 and 3.10."""
    exchange.records = render(ROAMING_AUTHORISATION_INFO, roaming_list.download(house))
    return ok("the lists of all partners", exchange), []


@answered(result_alone, ROAMING_AUTHORISATION_INFO)
@identified
def set_roaming_authorisation_list(
    house: House, caller: Partner, exchange: Exchange, children: Iterable[Child]
) -> Answer:
    """OCHP 0.2, 3.11 and 3.12."""
    records = nouns(children, ROAMING_AUTHORISATION_INFO, Authorisation._make)
    return ok(told_of_replacement(roaming_list.replace(house, caller, records)), exchange)


@answered(result_and_records)
@identified
def get_chargepoint_list(house: House, _caller: Partner, exchange: Exchange) -> Answer:
    """OCHP 0.2, 3.13 and 3.14."""
    exchange.records = render(CHARGEPOINT_INFO, chargepoint_list.download(house))
    return ok("the lists of all partners", exchange), []


@answered(result_alone, CHARGEPOINT_INFO)
@identified
def set_chargepoint_list(house: House, caller: Partner, exchange: Exchange, children: Iterable[Child]) -> Answer:
    """OCHP 0.2, 3.15 and 3.16."""
    records = nouns(children, CHARGEPOINT_INFO, ChargePoint._make)
    return ok(told_of_replacement(chargepoint_list.replace(house, caller, records)), exchange)


def told_of_intake(added: Added) -> str:
    """What became of an upload of CDRs, in a sentence."""
    new = added.received - added.count(Outcome.KNOWN)
    text = f"{added.received} received: {new} new, {added.count(Outcome.KNOWN)} already known"
    held = added.count(Outcome.HELD)
    if held:
        text += f"; {held} held until a partner has serviceProviderId {named(added.unowned_provider_ids, 3)}"
    return text


def told_of_replacement(replaced: Replaced) -> str:
    """What became of an upload of a list, in a sentence."""
    text = f"{replaced.stored + replaced.repeated} received: your list now has {replaced.stored}"
    return text + (f", {replaced.repeated} repetitions left out" if replaced.repeated else "")


class OCHP(Service):  # type: ignore[misc]
    """OCHP 0.2. Spyne takes the name of an operation from the name of its function."""

    @rpc(
        Text,
        Text,
        _args=("userId", "password"),
        _in_message_name="AuthenticateRequest",
        _returns=(AuthResultType, Text, Text),
        _out_variable_names=("resultCode", "resultDescription", "authToken"),
    )
    def Authenticate(ctx, user_id, password):  # type: ignore[no-untyped-def]
        """Log in with user id and password; the answer has the token for every other request."""
        return authenticate(ctx, user_id, password)

    @rpc(
        repeated(CDR_INFO, 1),
        _args=("cdrInfoArray",),
        _in_message_name="AddCDRsRequest",
        _returns=MandatoryResult,
        _out_variable_name="result",
    )
    def AddCDRs(ctx, children):  # type: ignore[no-untyped-def]
        """Upload charge detail records."""
        return add_cdrs(ctx, children)

    @rpc(
        _in_message_name="GetCDRsRequest",
        _returns=(MandatoryResult, Text, repeated(CDR_INFO, 0)),
        _out_variable_names=("result", "docLink", "cdrInfoArray"),
    )
    def GetCDRs(ctx):  # type: ignore[no-untyped-def]
        """Download the cleared charge detail records that concern the caller."""
        return get_cdrs(ctx)

    @rpc(_in_message_name="ClearCDRsRequest", _returns=MandatoryResult, _out_variable_name="result")
    def ClearCDRs(ctx):  # type: ignore[no-untyped-def]
        """Clear every pending charge detail record; for administrators."""
        return clear_cdrs(ctx)

    @rpc(
        _in_message_name="GetRoamingAuthorisationListRequest",
        _returns=(MandatoryResult, repeated(ROAMING_AUTHORISATION_INFO, 0)),
        _out_variable_names=("result", "roamingAuthorisationInfoArray"),
    )
    def GetRoamingAuthorisationList(ctx):  # type: ignore[no-untyped-def]
        """Download the roaming lists of all partners."""
        return get_roaming_authorisation_list(ctx)

    @rpc(
        repeated(ROAMING_AUTHORISATION_INFO, 1),
        _args=("roamingAuthorisationInfoArray",),
        _in_message_name="SetRoamingAuthorisationListRequest",
        _returns=MandatoryResult,
        _out_variable_name="result",
    )
    def SetRoamingAuthorisationList(ctx, children):  # type: ignore[no-untyped-def]
        """Replace the caller's own roaming list."""
        return set_roaming_authorisation_list(ctx, children)

    @rpc(
        _in_message_name="GetChargePointListRequest",
        _returns=(MandatoryResult, repeated(CHARGEPOINT_INFO, 0)),
        _out_variable_names=("result", "chargepointInfoArray"),
    )
    def GetChargePointList(ctx):  # type: ignore[no-untyped-def]
        """Download the charge point lists of all partners."""
        return get_chargepoint_list(ctx)

    @rpc(
        repeated(CHARGEPOINT_INFO, 1),
        _args=("chargepointInfoArray",),
        _in_message_name="SetChargePointListRequest",
        _returns=MandatoryResult,
        _out_variable_name="result",
    )
    def SetChargePointList(ctx, children):  # type: ignore[no-untyped-def]
        """Replace the caller's own charge point list."""
        return set_chargepoint_list(ctx, children)
