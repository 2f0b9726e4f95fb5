"""``echs verify``: whether everything that must hold of the store does hold."""

import re

import click
from rich.progress import Progress

from echs.cli import EXIT_FAILED
from echs.cli.app_context import ready_context
from echs.cli.output import console, json_option, print_json, print_table, say
from echs.maintenance.checks.view import Check
from echs.maintenance.verification import CHECKS, Verification
from echs.protocols.record_formats import RECORD_FORMATS

ENTRY = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


class EntryName(click.ParamType[tuple[int, str]]):
    """An entry of the audit trail: its number, a colon, its hash."""

    name = "entry"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        """Number and hash."""
        match = ENTRY.fullmatch(str(value))
        if match is None:
            self.fail(
                f"{value}: must be NUMBER:HASH with 64 hex digits, as in the log and in `echs verify`", param, ctx
            )
        return int(match[1]), match[2]


@click.command("verify")
@click.option(
    "--since",
    type=EntryName(),
    metavar="NUMBER:HASH",
    help="Entry that must be in the audit trail, as printed by an earlier verify or in the log.",
)
@json_option
def command(since: tuple[int, str] | None, as_json: bool) -> None:
    """Check the whole store and report inconsistencies; exit code 1 if there are any.

    Changes nothing and can run while the server is running. Every CDR is read several times, which takes a while. At
    the end it prints the newest entry of the audit trail: keep it elsewhere and pass it to the next check as --since,
    to detect a trail that was truncated or rewritten as a whole.
    """
    verification = Verification(ready_context(), RECORD_FORMATS, since)
    out = console()
    out.stderr = True
    with Progress(console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task("verifying", total=len(CHECKS))

        def beginning(check: Check) -> None:
            progress.update(task, description=check.name, completed=CHECKS.index(check))

        findings = list(verification.findings(beginning))
    number, digest = verification.newest
    newest = f"{number}:{digest}"
    if as_json:
        checks = [{"name": each.name, "holds": each.holds} for each in CHECKS]
        print_json({"checks": checks, "findings": findings, "newest_entry": newest})
    else:
        wrong = [each.check for each in findings]
        print_table(
            "Checks",
            ("check", "condition", "findings"),
            ((each.name, each.holds, wrong.count(each.name) or "none") for each in CHECKS),
            right=("findings",),
            widest="condition",
        )
        if findings:
            rows = ((each.check, each.subject, each.detail) for each in findings)
            print_table("Findings", ("check", "subject", "problem"), rows, widest="problem")
        say(f"newest entry of the audit trail: {newest}")
    if findings:
        say(f"{len(findings)} findings: the store is damaged; keep a copy of it before you change anything")
        raise click.exceptions.Exit(EXIT_FAILED)
    say("all checks passed")
