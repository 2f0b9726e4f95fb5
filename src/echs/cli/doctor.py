"""``echs doctor``: everything that an operator would check."""

import click

from echs.base.errors import Refused
from echs.base.plural import counted
from echs.cli import EXIT_FAILED, cause_of
from echs.cli.app_context import NotReady
from echs.cli.output import Paragraphs, json_option, print_json, print_table, say
from echs.config.app_context import missing_store, open_app_context
from echs.config.settings import read_settings
from echs.maintenance.doctor import CheckResult, Status, examine


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Check settings, files, database and data, and suggest fixes; exit code 1 if anything fails.

    Changes nothing. To check the rows of the store, use echs verify.
    """
    settings = read_settings()
    missing = missing_store(settings)
    if missing is not None:
        raise NotReady(f"there is no store at {missing.absolute()}; set ECHS_DATA_DIR, or create one: echs db upgrade")
    symptoms: list[CheckResult] = []
    try:
        for each in examine(open_app_context(settings), settings):
            symptoms.append(each)
    except Refused as refused:
        found = f"{refused.first.detail}{cause_of(refused)}"
        remedy = "check that the database is running and reachable from here with ECHS_DATABASE_URL"
        symptoms.append(CheckResult("store", Status.FAIL, found, remedy))
    symptoms.sort(key=lambda each: list(Status).index(each.status), reverse=True)
    failed = [each for each in symptoms if each.status is Status.FAIL]
    warned = [each for each in symptoms if each.status is Status.WARN]
    if as_json:
        print_json(symptoms)
    else:
        rows = ((each.subject, each.status, found_and_remedy(each)) for each in symptoms)
        print_table("Health check", ("check", "status", "finding → remedy"), rows)
    say(f"{len(symptoms)} checks: {len(failed)} failed, {counted(len(warned), 'warning')} (listed first)")
    if failed:
        raise click.exceptions.Exit(EXIT_FAILED)


def found_and_remedy(symptom: CheckResult) -> Paragraphs:
    """What was found and, on a line below, what to do about it."""
    return Paragraphs((symptom.found, *([f"→ {symptom.remedy}"] if symptom.remedy else [])))
