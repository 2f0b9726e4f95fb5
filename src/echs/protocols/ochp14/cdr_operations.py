"""The operations of OCHP 1.4 about CDRs."""

from collections import Counter
from collections.abc import Iterator, Set
from datetime import timedelta
from functools import partial

from echs.audit.entry import Action
from echs.base.errors import Problem, Refused, refuse
from echs.base.fields import Field, FieldReason, UploadReason
from echs.base.plural import counted
from echs.base.response_stream import collected
from echs.base.upload_validation import NOTHING_STORED
from echs.cdrs import answers, between_partners, part_intake
from echs.cdrs.answers import GivenAnswer
from echs.cdrs.between_partners import Asked
from echs.cdrs.intake import Outcome
from echs.cdrs.rules import Key
from echs.cdrs.transitions import OPEN, Event, Stand
from echs.clearing.run import first_run_since
from echs.config.app_context import AppContext
from echs.lists.refused_records import RefusedRecords
from echs.lists.withheld import Withheld
from echs.partners.market_ids import party_ids_by_market_id
from echs.partners.partner import Partner, PartyRole
from echs.protocols.ochp14 import cdr_download, cdr_format
from echs.protocols.ochp14.cdr_format import Parties, cdr_shape, read_cdrs
from echs.protocols.ochp14.cdr_said import MADE_IDS
from echs.protocols.ochp14.cdr_tree import CDR, STATUSES
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.operation_frame import OchpRequest, members, operation, taken
from echs.protocols.ochp14.results import NAMED, OperationResult, counts_sentence, result
from echs.protocols.ochp14.value_formats import one_of
from echs.protocols.operation import UploadOutcome
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_parser import split
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.record_fast_path import FieldShape, GroupShape

IMPLAUSIBLE = "implausibleCdrsArray"
STATUS = GroupShape("cdrStatus", (FieldShape("CdrStatusType", Field("cdr_status", 20, rule=one_of(STATUSES))),))
# Which states of CDRs each side may ask for by name, and which it gets where it names none.
OF_PROVIDER = {each.value: each for each in (*OPEN, Stand.APPROVED, Stand.REJECTED)}
OF_OPERATOR = {each.value: each for each in (Stand.DECLINED, Stand.APPROVED, Stand.REJECTED)}
MOST_ANSWERS = 100_000
ANSWERS = {"approved": Event.APPROVED, "declined": Event.DECLINED}


@operation(PartyRole.OPERATOR, changes=Action.CDRS_ADDED, upload=True, element=CDR.name)
def add_cdrs(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Take the plausible CDRs of a request: new ones, revised ones, and those that the caller gives up."""
    request.refused = refused = RefusedRecords(implausible_text, lambda _: None)
    with context.database.read() as snapshot:
        operators = party_ids_by_market_id(snapshot, PartyRole.OPERATOR, caller.id).by_market_id
        parties = Parties(operators, *party_ids_by_market_id(snapshot, PartyRole.PROVIDER))
    records = read_cdrs(reader.tree_records(cdr_shape(contract.namespace)), contract.namespace, parties)
    done = part_intake.add_in_part(
        context, caller, records, request.request_id, context.lists, cdr_format.FORMAT, MADE_IDS, refused, operators
    )
    request.outcome = UploadOutcome(done.new + done.revised + done.withdrawn, done.unchanged, done.taken.warned)
    told = f"{done.new} new, {done.revised} revised, {done.withdrawn} given up, {done.unchanged} already known."
    held = done.taken.count(Outcome.HELD)
    waiting = f"{held} held until a partner has their provider id." if held else ""
    warned = counts_sentence({name: len(places) for name, places in done.taken.warnings.items()})
    return taken(request, refused, told, waiting, warned, what="CDR", element=CDR.name)


def implausible_text(cdr_id: str) -> str:
    """The id of a CDR that was refused, as an element of the answer; nothing where it could not be read."""
    return f"<{IMPLAUSIBLE}>{cdr_id}</{IMPLAUSIBLE}>" if cdr_id else ""


@operation(PartyRole.PROVIDER)
def get_cdrs(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The CDRs for the caller: those that wait for its answer, or those that stand as it asks for."""
    stands = asked_for(reader, contract, OF_PROVIDER, OPEN)
    return downloaded(context, caller, request, PartyRole.PROVIDER, stands)


@operation(PartyRole.OPERATOR)
def check_cdrs(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """The caller's own CDRs that were declined, or those that stand as it asks for."""
    stands = asked_for(reader, contract, OF_OPERATOR, (Stand.DECLINED,))
    return downloaded(context, caller, request, PartyRole.OPERATOR, stands)


def asked_for(
    reader: EnvelopeReader, contract: Contract, known: dict[str, Stand], usual: tuple[Stand, ...]
) -> tuple[Stand, ...]:
    """The states that are asked for.

    :raises Refused: VALUE_NOT_LISTED where this side may not ask for it
    """
    (text,) = members(reader, contract, (STATUS,))
    if text and text not in known:
        detail = f'"{text}" cannot be asked for here: {", ".join(known)} can'
        raise refuse(FieldReason.FIELD_UNKNOWN, detail, field="cdr_status", effect="Nothing was done.")
    return (known[text],) if text else usual


def downloaded(
    context: AppContext, caller: Partner, request: OchpRequest, role: PartyRole, stands: tuple[Stand, ...]
) -> OperationResult:
    """The CDRs of a partner in this role that stand so."""
    since = context.clock() - timedelta(days=context.limits.cdr_archive_days)
    asked = Asked(caller.id, role, since, first_run_since(context, since))
    withheld: Counter[Withheld] = Counter()
    number = 0
    revisions: list[int] = []

    def texts() -> Iterator[bytes]:
        nonlocal number
        for text in cdr_download.cdrs_texts(context, asked, stands, withheld, revisions.append):
            number += text.count(b"</" + CDR.name.encode() + b">")
            yield text

    # Whoever has been given a revision may answer about it.
    given = partial(between_partners.note_given, context, caller.id, revisions) if role is PartyRole.PROVIDER else None
    request.records = collected(texts()) if given is None else collected(texts(), given)
    told = [] if request.records.length is None else [f"{counted(number, 'CDR')}."]
    if withheld:
        reasons = ", ".join(f"{reason} {count}" for reason, count in withheld.most_common())
        told.append(f"{withheld.total()} cannot be said in OCHP 1.4: {reasons}.")
    return result(ResultCode.OK, told, request.request_id)


# ---------------------------------------------------------------------- answers


@operation(PartyRole.PROVIDER, changes=Action.CDRS_CONFIRMED, element="approved")
def confirm_cdrs(
    context: AppContext, caller: Partner, request: OchpRequest, reader: EnvelopeReader, contract: Contract
) -> OperationResult:
    """Approve or decline CDRs for the caller, item by item."""
    items: list[tuple[tuple[str, str], Event]] = []
    unreadable: list[Problem] = []
    for position, element in enumerate(reader.trees()):
        if position >= MOST_ANSWERS:
            detail = f"more than {MOST_ANSWERS} CDRs in one request"
            raise refuse(UploadReason.TOO_MANY_RECORDS, detail, effect=NOTHING_STORED)
        found = read_item(element, position, contract.namespace)
        if isinstance(found, Problem):
            unreadable.append(found)
        else:
            items.append(found)
    if unreadable and not items:
        raise Refused(unreadable, effect=NOTHING_STORED)
    if not items:
        raise refuse(UploadReason.UPLOAD_EMPTY, "the request names no CDR", effect=NOTHING_STORED)
    said = list(dict.fromkeys(items))
    with context.database.read() as snapshot:
        keys = cdr_download.keys_of_items(snapshot, caller.id, {item for item, _ in said})
    given = [given_answer(keys.get(item, set()), event) for item, event in said]
    done = answers.confirm(context, caller, given, request.request_id)
    told = f"{done.approved} approved, {done.declined} declined, {done.unchanged} as before."
    wrong = list(dict.fromkeys(f"{said[place][0][0]}: {why}" for place, why in sorted(done.refused.items())))
    wrong += [f"[{each.position}] {each.field}: {each.detail}" for each in unreadable]
    if not wrong:
        return result(ResultCode.OK, [told], request.request_id)
    more = " …" if len(wrong) > NAMED else ""
    sentence = f"{counted(len(wrong), 'CDR')} not answered: {'; '.join(wrong[:NAMED])}{more}."
    applied = done.approved + done.declined + done.unchanged
    code = ResultCode.PARTLY if applied else ResultCode.INVALID_ID
    return result(code, [told if applied else "", sentence], request.request_id)


def given_answer(keys: Set[Key], event: Event) -> GivenAnswer:
    """An answer about the CDR with the only one of these keys."""
    return GivenAnswer(next(iter(keys)) if len(keys) == 1 else None, event, several=len(keys) > 1)


def read_item(element: Element, position: int, namespace: str) -> tuple[tuple[str, str], Event] | Problem:
    """The ids of a CDR and its EVSE, and what is answered about it; or what is wrong with the item. It may be a whole
    CDR, as in older versions.
    """
    space, name = split(element.name)
    if not element.name or space != namespace or name not in ANSWERS:
        detail = f"is not an element of this request; {' and '.join(ANSWERS)} are"
        return Problem(FieldReason.FIELD_UNKNOWN, detail, position, name or None, field_as_sent=True)
    texts = {split(child.name)[1]: child.text.strip() for child in element.children if not child.children}
    cdr_id, evse_id = texts.get("cdrId") or texts.get("CdrId") or "", texts.get("evseId") or ""
    for field, text in (("cdrId", cdr_id), ("evseId", evse_id)):
        if not text:
            detail = "is missing or empty; a value is mandatory"
            return Problem(FieldReason.FIELD_MISSING, detail, position, f"{name}/{field}", field_as_sent=True)
    return (cdr_id, evse_id), ANSWERS[name]
