"""``echs statement``: a partner's statement about a run."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import click

from echs.clearing import statement_builder
from echs.clearing.unfetched import note_delivered
from echs.cli.app_context import ready_context
from echs.cli.output import say
from echs.statements.statement import safe_name

# The form that each name of a form of CSV means.
CSV_FORMS = {"plain": "csv", "excel": "excel.csv"}


@click.group("statement")
def command() -> None:
    """Create a partner's statement for a run."""


@command.command()
@click.argument("run_number", type=click.IntRange(1), metavar="RUN")
@click.argument("user_id")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="File for the PDF.")
@click.option("--csv", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="File for the CSV.")
@click.option(
    "--csv-form",
    type=click.Choice(CSV_FORMS),
    default="plain",
    show_default=True,
    help="plain: comma and decimal point; excel: semicolon and decimal comma, for Dutch, German and French Excel.",
)
@click.option(
    "--delivered",
    is_flag=True,
    help="You deliver it yourself: record in the audit trail that the run counts as fetched.",
)
def draw(run_number: int, user_id: str, pdf: Path | None, csv: Path | None, csv_form: str, delivered: bool) -> None:
    """Create the statement of USER_ID for run RUN, as PDF, CSV or both.

    Without --pdf and --csv, both are written to statement-RUN-USER_ID.pdf and .csv in the current directory. The files
    are readable by their owner only.
    """
    context = ready_context()
    partner_id = statement_builder.partner_in_run(context, run_number, user_id)
    csv_suffix = CSV_FORMS[csv_form]
    files = {"pdf": pdf, csv_suffix: csv}
    if pdf is None and csv is None:
        statement, _ = statement_builder.build(context, partner_id, [run_number])
        files = {form: Path(safe_name(statement.file_name(form))) for form in files}
    for form, path in files.items():
        if path is None:
            continue
        with statement_builder.open_statement(
            context, context.statement_cache, partner_id, [run_number], form
        ) as drawn:
            aside = path.with_name(f".{path.name}.part")
            try:
                # It names contracts: as the store, it is for its owner.
                with suppress(FileNotFoundError):
                    aside.unlink()
                with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    shutil.copyfileobj(drawn, file)
                os.replace(aside, path)
            except OSError as error:
                with suppress(OSError):
                    aside.unlink(missing_ok=True)
                raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
        say(f"wrote {path}")
    if delivered:
        now = note_delivered(context, run_number, partner_id)
        say(f"run {run_number} {'now' if now else 'already'} counts as fetched by {user_id}")
