"""An upload seen without a server: the reading and the rules of the wire, and every problem of every record.

What needs the store is not looked at: what is known already, what is held, what overlaps, what the lists know.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from echs.base.errors import Problem, ProblemCollector, RecordProblems, Refused, Unreadable, shown
from echs.base.rule import Finding, Severity, findings
from echs.base.spool import TEXTS, Row, Spool
from echs.base.upload_validation import RecordValidator
from echs.cdrs.cdr import Cdr
from echs.cdrs.cdr import label as cdr_label
from echs.cdrs.rules import RuleContext, problems_of, warnings_of
from echs.cdrs.upload import CDRS
from echs.cdrs.upload import receive as examine_received
from echs.lists.received_list import receive as examine_list
from echs.partners.login import LoginReason
from echs.partners.partner import Partner
from echs.protocols.ochp02 import cdr_format, charge_point_format, token_format
from echs.protocols.ochp02.cdr_format import CdrRecord, cdr_of, read_cdrs
from echs.protocols.ochp02.contracts import CONTRACTS
from echs.protocols.ochp02.record_codec import records_of
from echs.protocols.ochp02.results import place_of
from echs.protocols.ochp02.wire_schema import (
    CDR_INFO,
    CHARGEPOINT_INFO,
    NAMESPACE,
    ROAMING_AUTHORISATION_INFO,
    SECRET_NAMES,
    UNDERSTOOD,
    WireRecord,
)
from echs.protocols.rows.row_format import RowFormat
from echs.protocols.soap.envelope_parser import Child, split
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault, no_request
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.spyne_protocol import READ_AS_WINDOWS_1252, refuse_what_is_not_understood
from echs.protocols.upload_report import Checker, Remark, Report

UPLOADS = {
    "AddCDRsRequest": CDR_INFO,
    "SetRoamingAuthorisationListRequest": ROAMING_AUTHORISATION_INFO,
    **{f"Set{contract.chargepoint}ListRequest": CHARGEPOINT_INFO for contract in CONTRACTS},
}
# Requests that only one of the contracts spells so.
ONLY_AT = {f"Set{contract.chargepoint}ListRequest": contract.path for contract in CONTRACTS}


# What is odd about records: the position of each, what tells a person which it is, and the rule that it breaks.
Odd = list[tuple[int, tuple[str, str] | None, Finding]]


def check_body(checker: Checker, read: Callable[[int], bytes], *, gzipped: bool) -> Report:
    """The report on a request body, in either version of SOAP."""
    report = Report()
    source = RequestBody(read, None, checker.limits.bulk_body_bytes, gzipped=gzipped)
    reader = EnvelopeReader(source, None, None, secret=SECRET_NAMES)
    try:
        head = reader.read_head()
        namespace, local = split(head.operation)
        report.what = f"{local} (for {ONLY_AT[local]})" if local in ONLY_AT else shown(local)[1:-1]
        ours = UNDERSTOOD
        refuse_what_is_not_understood(head, ours)
        if len({block.text for block in head.blocks if block.name in ours}) > 1:
            report.refuse(LoginReason.LOGIN_TOKEN_REPEATED, "the request has identity headers of different values")
        record = UPLOADS.get(local) if namespace == NAMESPACE else None
        if record is None:
            report.refuse("NotAnUpload", no_request(namespace, local, NAMESPACE, tuple(UPLOADS)))
            return report.in_order()
        examine(checker, record, reader.children(), report)
        if reader.misread:
            report.remarks.append(Remark(Severity.WARN, "NotUtf8", None, None, "", "", READ_AS_WINDOWS_1252))
    except SoapFault as fault:
        report.refuse(fault.subcode, fault.sentence)
    return report.in_order()


def examine(checker: Checker, record: WireRecord, children: Iterable[Child], report: Report) -> None:
    """Judge the records as the room would that takes them in, and note everything that is wrong or odd."""
    report.unchecked = unchecked(checker, record)
    problems = ProblemCollector(thorough=True)
    odd: Odd = []
    try:
        EXAMINERS[record.type_name](checker, counted(children, report), problems, odd)
    except Refused as refused:
        for problem in refused.problems:
            problems.add(problem)
    finally:
        # Also where the file ends badly: what stands before is no less wrong.
        for problem in problems.kept:
            add(report, Severity.REJECT, problem, record)
        for position, label, finding in odd:
            noted = Problem(finding.rule.name, finding.detail, position=position, field=finding.rule.field, label=label)
            add(report, Severity.WARN, noted, record)


def add(report: Report, severity: Severity, problem: Problem, record: WireRecord) -> None:
    """Note something about a record."""
    field_alone = Problem(problem.reason, "", field=problem.field, field_as_sent=problem.field_as_sent)
    report.add(severity, problem, record.spelling, place_of(field_alone, record))


def unchecked(checker: Checker, record: WireRecord) -> str:
    """What is not looked at, since the ids of the sender are not said."""
    for given, of, field, option in (
        (checker.operator_ids, CDR_INFO, "infraProviderId", "--operator ID"),
        (checker.hubs, ROAMING_AUTHORISATION_INFO, "roamingHubId", "--hub N"),
    ):
        if not given and record is of:
            return f"{field} was not checked against your ids; to check it, use {option}"
    return ""


def counted(children: Iterable[Child], report: Report) -> Iterator[Child]:
    """The same children, counted."""
    for child in children:
        report.records += 1
        yield child


def examine_cdrs(checker: Checker, children: Iterable[Child], problems: ProblemCollector, odd: Odd) -> None:
    """As AddCDRs."""
    knows_rights, zone = bool(checker.operator_ids), checker.sender.zone
    rule_context = RuleContext(checker.sender, checker.now, checker.limits, cdr_format.FORMAT, knows_rights)

    def beyond(record: CdrRecord, position: int) -> Iterator[Problem]:
        return problems_of(cdr_of(record, zone), position, rule_context)

    met: set[object] = set()

    def notice(position: int, cdr: Cdr) -> None:
        if cdr.payload not in met:  # a repetition says nothing new
            met.add(cdr.payload)
            odd.extend((position, cdr_label(cdr), found) for found in warnings_of(cdr, rule_context))

    with Spool(CDRS) as spool:
        records = read_cdrs(records_of(children, CDR_INFO, CdrRecord._make, beyond), zone)
        examine_received(rule_context, records, problems, spool, notice)


def examine_tokens(checker: Checker, children: Iterable[Child], problems: ProblemCollector, odd: Odd) -> None:
    """As SetRoamingAuthorisationList."""
    owner = checker.sender if checker.hubs else None

    examine_rows(checker, children, ROAMING_AUTHORISATION_INFO, token_format.FORMAT, owner, problems, odd)


def examine_chargepoints(checker: Checker, children: Iterable[Child], problems: ProblemCollector, odd: Odd) -> None:
    """As SetChargePointList."""
    examine_rows(checker, children, CHARGEPOINT_INFO, charge_point_format.FORMAT, None, problems, odd)


def examine_rows(
    checker: Checker,
    children: Iterable[Child],
    wire: WireRecord,
    form: RowFormat[Any],
    owner: Partner | None,
    problems: ProblemCollector,
    odd: Odd,
) -> None:
    """As an upload of a list, with what is odd about a record noted before what is wrong with it; a repetition is left
    out, its warnings with it.
    """
    met: set[object] = set()

    def wrong(record: Any, position: int) -> Iterator[Problem]:
        if record not in met:
            met.add(record)
            label = form.label_of(record)
            odd.extend((position, label, found) for found in findings(form.warnings, record, None))
        return form.problems_of(record, position, owner)

    def judged(record: Any, position: int) -> Row | Unreadable:
        return RecordProblems.among(wrong(record, position)) or tuple(map(str, record))

    validator: RecordValidator[Any, Row] = RecordValidator(judged, make=form.of_row)
    records = records_of(children, wire, form.make, wrong)
    with Spool(TEXTS) as spool:
        examine_list(form, records, validator, checker.limits.records_per_upload, problems, spool)


EXAMINERS = {
    CDR_INFO.type_name: examine_cdrs,
    ROAMING_AUTHORISATION_INFO.type_name: examine_tokens,
    CHARGEPOINT_INFO.type_name: examine_chargepoints,
}
