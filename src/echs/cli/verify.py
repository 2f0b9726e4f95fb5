"""``echs verify``: whether everything that must hold of the store does hold."""

import click
from rich.progress import Progress

from echs.cli import EXIT_FAILED
from echs.cli.output import console, json_option, print_json, print_table, say
from echs.cli.store import ready_house
from echs.upkeep.verification import CHECKS, Check, Finding, verify


@click.command("verify")
@json_option
def command(as_json: bool) -> None:
    """Check the whole store and report what is inconsistent; exit code 1 if anything is.

    Nothing is changed, and the server may go on serving. Every CDR is read several times: this takes a while.
    """
    house = ready_house()
    out = console()
    out.stderr = True
    findings: list[Finding] = []
    with Progress(console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task("verifying", total=len(CHECKS))

        def beginning(check: Check) -> None:
            progress.update(task, description=check.name, completed=CHECKS.index(check))

        findings.extend(verify(house, beginning))
    if as_json:
        print_json({"checks": [{"name": each.name, "holds": each.holds} for each in CHECKS], "findings": findings})
    else:
        wrong = [each.check for each in findings]
        print_table(
            "Checks",
            ("check", "what must hold", "findings"),
            ((each.name, each.holds, wrong.count(each.name) or "none") for each in CHECKS),
            right=("findings",),
            widest="what must hold",
        )
        if findings:
            rows = ((each.check, each.subject, each.detail) for each in findings)
            print_table("Findings", ("check", "subject", "problem"), rows, widest="problem")
    if findings:
        say(f"{len(findings)} findings: the store is damaged; keep a copy of it before you change anything")
        raise click.exceptions.Exit(EXIT_FAILED)
    say("all checks passed")
