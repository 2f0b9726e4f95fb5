"""``echs backup``: copies of the store."""

from pathlib import Path

import click
from rich.progress import Progress

from echs.cli.output import console, json_option, print_facts, print_json, say
from echs.cli.store import ready_house
from echs.house import SECRET_KEY_FILE
from echs.settings import read_settings
from echs.upkeep import backup
from echs.upkeep.backup import Manifest


@click.group("backup")
def command() -> None:
    """Make, check and bring back copies of the store. PostgreSQL's are made by pg_dump, which must be here."""


@command.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@json_option
def create(directory: Path, as_json: bool) -> None:
    """Make a backup in a new directory under DIRECTORY, while the server serves. It holds secrets: keep it safe."""
    house = ready_house()
    out = console()
    out.stderr = True
    with Progress(console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task("copying", total=None)
        made = backup.create(house, directory, lambda done, total: progress.update(task, completed=done, total=total))
    show(made, backup.read_manifest(made), as_json)
    say(f"made: {made}; it holds secrets: encrypt it, and keep a copy elsewhere")


@command.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def verify(directory: Path, as_json: bool) -> None:
    """Look whether the backup DIRECTORY is whole and holds what it should; needs no store."""
    show(directory, backup.check(directory), as_json)
    say("the backup is whole")


@command.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def restore(directory: Path, as_json: bool) -> None:
    """Bring the backup DIRECTORY back into the store of the settings, which must be empty.

    Every login ends; partners log in anew by themselves. What was accepted after the backup was made is not there:
    partners may send it again.
    """
    show(directory, backup.restore(read_settings(), directory), as_json)
    say("brought back; see whether all is well: echs verify")


def show(directory: Path, manifest: Manifest, as_json: bool) -> None:
    """What a backup holds."""
    if as_json:
        print_json({"directory": str(directory), "manifest": manifest})
        return
    facts = {"made": manifest.made_at, "by": f"eCHS {manifest.program}", "store": manifest.kind}
    counts = {name.replace("_", " "): count for name, count in manifest.counts.items()}
    key = "in it" if SECRET_KEY_FILE in manifest.hashes else "not in it: keep what ECHS_SECRET_KEY names, elsewhere too"
    print_facts(str(directory), {**facts, "tables": manifest.schema, "secret key": key, **counts}.items())
