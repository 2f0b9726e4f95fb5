"""An upload of OCHP 1.4 seen without a server: the rules of the wire, and all that is wrong with each record.

What needs the store is not looked at: what is known already, what is held, what overlaps, what others have.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from echs.base.errors import Problem, ProblemCollector, RecordProblems, Refused, Unreadable, refuse
from echs.base.fields import UploadReason
from echs.base.rule import Severity, findings
from echs.base.spool import TEXTS, Row, Spool
from echs.base.upload_validation import NOTHING_STORED, RecordValidator
from echs.cdrs.cdr import CdrReason
from echs.cdrs.cdr import label as cdr_label
from echs.cdrs.part_intake import Implausible
from echs.cdrs.rules import RuleContext, problems_of, warnings_of
from echs.cdrs.transitions import Event
from echs.direct import endpoint as endpoints
from echs.direct.address_book import MOST_AT_ONCE as MOST_ENDPOINTS
from echs.direct.endpoint import Endpoint
from echs.lists.list_format import ListFormat
from echs.lists.received_list import receive
from echs.partners.market_ids import market_ids_of
from echs.partners.partner import PartyRole
from echs.protocols.ochp14 import cdr_format, charge_point_format, direct, tariff_format, token_format
from echs.protocols.ochp14.cdr_format import Parties, read_cdrs
from echs.protocols.ochp14.cdr_operations import MOST_ANSWERS, read_item
from echs.protocols.ochp14.cdr_tree import CDR
from echs.protocols.ochp14.charge_point_format import ODDITIES, Judged
from echs.protocols.ochp14.charge_point_tree import CHARGE_POINT
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.live_operations import MOST_STATUSES, read_status, read_ttl
from echs.protocols.ochp14.operation_frame import SPELLING
from echs.protocols.ochp14.record_codec import received_tokens, token_shape
from echs.protocols.ochp14.results import place_of
from echs.protocols.ochp14.security import UNDERSTOOD
from echs.protocols.ochp14.sent_record import SentRecord
from echs.protocols.ochp14.tariff_format import TARIFF
from echs.protocols.ochp14.tariff_operations import MOST_TARIFFS
from echs.protocols.ochp14.token_operations import TOKENS_SENT
from echs.protocols.ochp14.tree_types import TREES
from echs.protocols.ochp14.wsgi import SECRET_NAMES
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_parser import split
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault, no_request
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.spyne_protocol import READ_AS_WINDOWS_1252, refuse_what_is_not_understood
from echs.protocols.upload_report import Checker, Remark, Report
from echs.tariffs.tariff import TariffReason

NAMESPACE = PUBLISHED.namespace
TTL = f"{NAMESPACE} ttl"
# The list counts its records itself.
NO_LIMIT = 10**12
UNCHECKED = "market ids were not checked against yours; to check them, use --market-id ID"


class Work(NamedTuple):
    """An upload being looked at: by whom, the reader behind its head, and where the remarks about it go."""

    checker: Checker
    reader: EnvelopeReader
    report: Report
    problems: ProblemCollector
    element: str

    def wrong(self, problem: Unreadable) -> None:
        """Note what is wrong with a record."""
        self.problems.add_of_record(problem)

    def odd(self, problem: Problem) -> None:
        """Note what is odd about a record."""
        self.note(Severity.WARN, problem)

    def note(self, severity: Severity, problem: Problem) -> None:
        """Put a remark into the report."""
        self.report.add(severity, problem, SPELLING, place_of(replace(problem, position=None), SPELLING, self.element))

    def trees(self, most: int | None = None, but: str = "") -> Iterator[tuple[int, Element]]:
        """The children of the request, counted, with their positions; those of one name are no records.

        :raises Refused: TOO_MANY_RECORDS
        """
        most = self.checker.limits.records_per_upload if most is None else most
        for position, each in enumerate(self.reader.trees()):
            if position >= most:
                detail = f"more than {most} records in one request"
                raise refuse(UploadReason.TOO_MANY_RECORDS, detail, effect=NOTHING_STORED)
            self.report.records += not but or each.name != but
            yield position, each

    def elements(self, most: int | None = None) -> Iterator[Element]:
        """The same without the positions."""
        return (each for _, each in self.trees(most))


Examine = Callable[[Work], None]


def check_body(checker: Checker, read: Callable[[int], bytes], *, gzipped: bool) -> Report:
    """The report on a request body."""
    report = Report()
    source = RequestBody(read, None, checker.limits.bulk_body_bytes, gzipped=gzipped)
    reader = EnvelopeReader(source, None, None, secret=SECRET_NAMES, trees=TREES)
    try:
        head = reader.read_head()
        namespace, local = split(head.operation)
        report.what = local
        refuse_what_is_not_understood(head, UNDERSTOOD)
        if namespace != NAMESPACE or local not in UPLOADS:
            report.refuse("NotAnUpload", no_request(namespace, local, NAMESPACE, tuple(UPLOADS)))
            return report.in_order()
        examine(checker, local, reader, report)
        if reader.misread:
            report.remarks.append(Remark(Severity.WARN, "NotUtf8", None, None, "", "", READ_AS_WINDOWS_1252))
    except SoapFault as fault:
        report.refuse(fault.subcode, fault.sentence)
    return report.in_order()


def examine(checker: Checker, operation: str, reader: EnvelopeReader, report: Report) -> None:
    """Judge the records as the operation would, and note everything that is wrong or odd."""
    element, examiner = UPLOADS[operation]
    work = Work(checker, reader, report, ProblemCollector(thorough=True), element)
    report.unchecked = "" if checker.market_ids or examiner is examine_answers else UNCHECKED
    try:
        examiner(work)
        if not report.records and not work.problems:
            work.wrong(Problem(UploadReason.UPLOAD_EMPTY, "the upload holds no record"))
    except Refused as refused:
        for problem in refused.problems:
            work.wrong(problem)
    finally:
        # Also where the file ends badly: what stands before is no less wrong.
        for problem in work.problems.kept:
            work.note(Severity.REJECT, problem)


def examine_cdrs(work: Work) -> None:
    """As AddCDRs."""
    checker, sender = work.checker, work.checker.market_sender
    operators = None if sender is None else {each: each for each in market_ids_of(sender, PartyRole.OPERATOR)}
    rules = RuleContext(sender or checker.sender, checker.now, checker.limits, cdr_format.FORMAT, sender is not None)
    met: dict[str, tuple[int, str, Event]] = {}
    refused: set[int] = set()
    for position, sent in enumerate(read_cdrs(work.elements(), NAMESPACE, Parties(operators, {}))):
        if isinstance(sent, Implausible):
            work.wrong(sent.problem)
            continue
        cdr = sent.cdr
        said = cdr.content_hash, sent.event
        earlier, *before = met.setdefault(cdr.cdr_id, (position, *said))
        if earlier != position and tuple(before) == said:
            # A repetition says nothing new.
            if earlier in refused:
                detail = f"repeats the record at position {earlier}, which is refused"
                work.wrong(Problem(CdrReason.CDR_TWICE, detail, position=position, label=cdr_label(cdr)))
            continue
        wrong = RecordProblems.among(problems_of(cdr, position, rules))
        if wrong is not None:
            work.wrong(wrong)
            refused.add(position)
        if earlier != position:
            detail = f"conflicts with the record at position {earlier}, which has the same CdrId"
            work.wrong(Problem(CdrReason.CDR_TWICE, detail, position=position, label=cdr_label(cdr)))
        for found in warnings_of(cdr, rules):
            rule = found.rule
            work.odd(Problem(rule.name, found.detail, position=position, field=rule.field, label=cdr_label(cdr)))


def examine_tokens(work: Work) -> None:
    """As the operations that set and update tokens."""
    owner, form = work.checker.market_sender, token_format.FORMAT

    def judged(record: Any, position: int) -> Row | Unreadable:
        work.report.records = max(work.report.records, position + 1)
        if isinstance(record, SentRecord):
            if record.problems:
                return RecordProblems(record.problems[0], iter(record.problems[1:]))
            record = form.make(record.row)
        wrong = RecordProblems.among(form.problems_of(record, position, owner))
        if wrong is not None:
            return wrong
        for found in findings(form.warnings, record, None):
            rule, label = found.rule, form.label_of(record)
            work.odd(Problem(rule.name, found.detail, position=position, field=rule.field, label=label))
        return tuple(map(str, record))

    records = received_tokens(work.reader, token_shape(PUBLISHED, TOKENS_SENT))
    examine_list(work, form, records, RecordValidator(judged, make=form.of_row))


def examine_charge_points(work: Work) -> None:
    """As the operations that set and update charge points."""
    form = charge_point_format.FORMAT
    judge = form.judge(work.checker.market_sender)

    def judged(element: Element, position: int) -> Judged | Unreadable:
        found = judge(element, position)
        if isinstance(found, Judged):
            for oddity in found.oddities():
                work.odd(Problem(oddity, ODDITIES[oddity], position=position, label=form.label(found.payload)))
        return found

    examine_list(work, form, work.elements(NO_LIMIT), RecordValidator(judged))


def examine_list(work: Work, form: ListFormat, records: Iterator[Any], validator: RecordValidator[Any, Any]) -> None:
    """As an upload of a list, whose records it judges, two with one key among them."""
    with Spool(TEXTS) as spool:
        receive(form, records, validator, work.checker.limits.records_per_upload, work.problems, spool)


def examine_tariffs(work: Work) -> None:
    """As UpdateTariffs."""
    most = min(MOST_TARIFFS, work.checker.limits.records_per_upload)
    for position, _, found in tariff_format.read_tariffs(work.elements(most), NAMESPACE, work.checker.market_sender):
        if isinstance(found, (Problem, RecordProblems)):
            work.wrong(found)
        elif not tariff_format.has_default(found):
            detail = "has no default, so that only those who are named are given it"
            label = ("tariffId", found.tariff_id)
            work.odd(Problem(TariffReason.NO_DEFAULT, detail, position=position, label=label))


def examine_statuses(work: Work) -> None:
    """As UpdateStatus."""
    sender, now = work.checker.market_sender, work.checker.now
    yours = None if sender is None else market_ids_of(sender, PartyRole.OPERATOR)
    for position, element in work.trees(MOST_STATUSES, but=TTL):
        if element.name == TTL:
            read_ttl(element, PUBLISHED)
            continue
        found = read_status(element, position, NAMESPACE, yours, (now, now))
        if isinstance(found, Problem):
            work.wrong(found)


def examine_answers(work: Work) -> None:
    """As ConfirmCDRs."""
    for position, element in work.trees(MOST_ANSWERS):
        found = read_item(element, position, NAMESPACE)
        if isinstance(found, Problem):
            work.wrong(found)


def examine_endpoints(work: Work) -> None:
    """As AddServiceEndpoints."""
    sender = work.checker.market_sender
    for position, element in work.trees(MOST_ENDPOINTS):
        found = direct.read_endpoint(element, position, PUBLISHED)
        if not isinstance(found, Endpoint):
            for problem in found:
                work.wrong(problem)
            continue
        yours = None if sender is None else market_ids_of(sender, found.role)
        for problem in endpoints.problems_of(found, yours, PUBLISHED.direct_namespaces, work.checker.now):
            work.wrong(replace(problem, position=position))


UPLOADS: dict[str, tuple[str, Examine]] = {
    "AddCDRsRequest": (CDR.name, examine_cdrs),
    "ConfirmCDRsRequest": ("approved", examine_answers),
    **{
        f"{verb}{what}ListRequest": (element, examiner)
        for verb in ("Set", "Update")
        for what, element, examiner in (
            ("RoamingAuthorisation", TOKENS_SENT, examine_tokens),
            ("ChargePoint", CHARGE_POINT.name, examine_charge_points),
        )
    },
    "UpdateTariffsRequest": (TARIFF.name, examine_tariffs),
    "UpdateStatusRequest": ("evse", examine_statuses),
    "AddServiceEndpointsRequest": ("endpoint", examine_endpoints),
}
