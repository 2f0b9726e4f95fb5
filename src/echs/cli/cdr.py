"""``echs cdr``: charge detail records."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice

import click

from echs.base.energy import kwh
from echs.base.fields import FieldText
from echs.cdrs import queries
from echs.cdrs.lookup import WholeCdr, look_up
from echs.cdrs.status import Status
from echs.cli import decision
from echs.cli.app_context import ready_context
from echs.cli.output import DAY, json_option, print_csv, print_facts, print_json, print_json_array, print_table, say
from echs.partners.queries import partner_of_user
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.ochp02.wire_schema import CDR_INFO
from echs.protocols.record_formats import RECORD_FORMATS
from echs.statements.layout1_csv import text as csv_text

TABLE_ROWS = 50


@click.group("cdr")
def command() -> None:
    """Look up charge detail records; hold, release or reject them before clearing."""


def spelt(found: WholeCdr) -> dict[str, str]:
    """The texts of a CDR as they were sent, by their names on the wire, but for the card number."""
    return {each.name: each.text for each in texts_of(found) if not each.secret}


def texts_of(found: WholeCdr) -> Sequence[FieldText]:
    """The same, with those that nobody is shown."""
    texts = RECORD_FORMATS.cdrs[found.protocol].texts(found.payload)
    if found.protocol != PROTOCOL:
        return texts
    return [each._replace(name=CDR_INFO.spelling[each.name]) for each in texts]


def secrets_of(found: WholeCdr) -> list[str]:
    """The names of what a CDR says and nobody is shown."""
    return [each.name for each in texts_of(found) if each.secret and each.text]


def as_facts(cdr: queries.ListedCdr) -> dict[str, object]:
    """A line of the listing for programs; the fields of its warnings by their names on the wire, energy in kWh too."""
    warnings = [{**asdict(each), "field": CDR_INFO.spelling.get(each.field, each.field)} for each in cdr.warnings]
    return {**asdict(cdr), "kwh": kwh(cdr.volume_e4_kwh), "warnings": warnings}


CSV_COLUMNS = (
    "cdrId",
    "infraProviderId",
    "serviceProviderId",
    "start",
    "end",
    "kWh",
    "received",
    "status",
    "run",
    "evcoId",
    "chargePointId",
    "evseId",
    "city",
    "warnings",
)


def csv_row(cdr: queries.ListedCdr) -> list[str]:
    """The same for a spreadsheet: times in UTC, no text that is a formula."""
    return [
        csv_text(cdr.cdr_id),
        csv_text(cdr.operator_id),
        csv_text(cdr.provider_id),
        f"{cdr.started_at:%Y-%m-%dT%H:%M:%SZ}",
        f"{cdr.ended_at:%Y-%m-%dT%H:%M:%SZ}",
        kwh(cdr.volume_e4_kwh),
        f"{cdr.received_at:%Y-%m-%dT%H:%M:%SZ}",
        cdr.status.value,
        "" if cdr.run_number is None else str(cdr.run_number),
        csv_text(cdr.contract_id),
        csv_text(cdr.chargepoint_id),
        csv_text(cdr.evse_id),
        csv_text(cdr.city),
        " ".join(warned.name for warned in cdr.warnings),
    ]


@command.command("list")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only CDRs in this state.")
@click.option("--run", "run_number", type=click.IntRange(1), metavar="N", help="Only CDRs in this clearing run.")
@click.option("--partner", "user_id", metavar="USER_ID", help="Only CDRs sent or received by this partner.")
@click.option("--operator", "operator_id", metavar="ID", help="Only CDRs with this infraProviderId.")
@click.option("--provider", "provider_id", metavar="ID", help="Only CDRs with this serviceProviderId.")
@click.option("--since", type=DAY, metavar="DAY", help="Only sessions that began on this day (UTC) or later.")
@click.option("--until", type=DAY, metavar="DAY", help="Only sessions that began before this day (UTC).")
@click.option("--warnings", "only_warned", is_flag=True, help="Only CDRs with warnings; shows the warnings.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Maximum number of rows.  [default: 50 in a table; all in CSV and JSON]",
)
@click.option("--after", type=click.IntRange(1), metavar="ROW", help="Continue after this row; each page names it.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table: all matching rows.")
@json_option
def list_(
    status: str | None,
    run_number: int | None,
    user_id: str | None,
    operator_id: str | None,
    provider_id: str | None,
    since: datetime | None,
    until: datetime | None,
    only_warned: bool,
    limit: int | None,
    after: int | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """List CDRs, newest first. Times are UTC.

    --json and --csv write all matching CDRs, unless --limit is given. Card numbers are never shown.
    """
    context = ready_context()
    wanted = queries.Filter(
        status=Status(status) if status else None,
        run_number=run_number,
        partner_id=None if user_id is None else partner_of_user(context, user_id).id,
        operator_id=operator_id,
        provider_id=provider_id,
        since=since,
        until=until,
        only_warned=only_warned,
    )
    if as_json or as_csv:
        rows = islice(queries.every_cdr(context, wanted, after), limit)
        if as_json:
            print_json_array(as_facts(each) for each in rows)
        else:
            print_csv(CSV_COLUMNS, map(csv_row, rows))
        return
    limit = limit or TABLE_ROWS
    with context.database.read() as snapshot:
        found = queries.page(snapshot, wanted, after, limit + 1)
    more, found = len(found) > limit, found[:limit]
    last = ("warnings",) if only_warned else ("run", "warnings")
    print_table(
        "Charge detail records",
        ("cdrId", "operator", "provider", "start", "kWh", "received", "status", *last),
        (
            (
                each.cdr_id,
                each.operator_id,
                each.provider_id,
                each.started_at,
                kwh(each.volume_e4_kwh),
                each.received_at,
                each.status,
                *(
                    (", ".join(warned.name for warned in each.warnings),)
                    if only_warned
                    else (each.run_number, len(each.warnings) or None)
                ),
            )
            for each in found
        ),
        right=("kWh", "run"),
    )
    if more:
        say(f"only the first {limit} are shown; for the next page use --after {found[-1].row}")


@command.command()
@click.argument("cdr_id", metavar="CDR_ID")
@click.option("--operator", "operator_id", metavar="ID", help="Operator id, if several operators use this CDR id.")
@json_option
def show(cdr_id: str, operator_id: str | None, as_json: bool) -> None:
    """Show everything about one CDR, except the card number. Times are UTC."""
    found = look_up(ready_context(), cdr_id, operator_id)
    if as_json:
        facts = asdict(found)
        del facts["payload"]
        record = {"has_token_id": bool(secrets_of(found)), "record": spelt(found)}
        print_json({**facts, **record, "listed": as_facts(found.listed)})
        return
    each = found.listed
    print_facts(
        f"CDR {each.cdr_id} of {each.operator_id}",
        (
            ("status", each.status),
            ("run", each.run_number),
            ("received", each.received_at),
            ("from partner", found.sender),
            ("request", found.request_id),
            ("start", each.started_at),
            ("end", each.ended_at),
            ("kWh", kwh(each.volume_e4_kwh)),
            ("stated duration, s", found.duration_s),
            *((("revision", found.revision),) if found.revision > 1 else ()),
        ),
    )
    print_facts(
        "As received",
        (
            *((name, text or None) for name, text in spelt(found).items()),
            *((name, "(not shown)") for name in secrets_of(found)),
        ),
    )
    print_table(
        "Warnings",
        ("warning", "field", "detail"),
        ((warned.name, CDR_INFO.spelling.get(warned.field), warned.detail) for warned in each.warnings),
    )
    print_table(
        "Decisions",
        ("no.", "time", "decision", "by", "reason", "request"),
        ((d.number, d.decided_at, d.kind, d.decided_by, d.reason, d.request_id) for d in found.decisions),
        right=("no.",),
        widest="reason",
    )
    print_table(
        "Answers",
        ("no.", "time", "answer", "by", "request"),
        ((a.number, a.answered_at, a.kind, a.answered_by or "(silence)", a.request_id) for a in found.answers),
        right=("no.",),
    )


for each in (decision.hold, decision.release, decision.reject):
    command.add_command(each)
