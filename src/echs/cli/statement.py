"""``echs statement``: a partner's statement about a run."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import click

from echs.clearing import publish
from echs.cli.output import say
from echs.cli.store import ready_house


@click.group("statement")
def command() -> None:
    """Draw a partner's statement about a run."""


@command.command()
@click.argument("run_number", type=click.IntRange(1), metavar="RUN")
@click.argument("user_id")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where the PDF goes.")
@click.option("--csv", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where the CSV goes.")
def draw(run_number: int, user_id: str, pdf: Path | None, csv: Path | None) -> None:
    """Draw the statement of USER_ID about run RUN, as PDF, CSV or both.

    Without --pdf and --csv both are written to statement-run-RUN-USER_ID.pdf and .csv here.
    """
    house = ready_house()
    partner_id = publish.partner_in_run(house, run_number, user_id)
    files = {"pdf": pdf, "csv": csv}
    if pdf is None and csv is None:
        safe = "".join(character if character.isalnum() or character in "-_." else "_" for character in user_id)
        files = {form: Path(f"statement-run-{run_number}-{safe}.{form}") for form in files}
    for form, path in files.items():
        if path is None:
            continue
        with publish.open_statement(house, house.shelf, partner_id, [run_number], form) as drawn:
            aside = path.with_name(f".{path.name}.part")
            try:
                with aside.open("wb") as file:
                    shutil.copyfileobj(drawn, file)
                os.replace(aside, path)
            except OSError as error:
                with suppress(OSError):
                    aside.unlink(missing_ok=True)
                raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
        say(f"wrote {path}")
