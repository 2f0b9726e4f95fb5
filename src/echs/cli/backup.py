"""``echs backup``: copies of the store."""

from datetime import timedelta
from pathlib import Path

import click
from rich.progress import Progress

from echs.cli.app_context import ready_context
from echs.cli.output import console, json_option, print_facts, print_json, print_table, say
from echs.config.app_context import SECRET_KEY_FILE
from echs.config.settings import read_settings
from echs.maintenance import backup
from echs.maintenance.backup import Manifest


@click.group("backup")
def command() -> None:
    """Create, list, verify and restore backups of the store.

    PostgreSQL backups need pg_dump of the server's version or newer.
    """


@command.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--keep-days",
    type=click.IntRange(1, 36_500),
    metavar="N",
    help="Afterwards, remove backups in DIRECTORY older than N days, but never the newest.",
)
@json_option
def create(directory: Path, keep_days: int | None, as_json: bool) -> None:
    """Create a backup in a new directory under DIRECTORY, while the server runs. It contains secrets: keep it safe."""
    context = ready_context()
    out = console()
    out.stderr = True
    with Progress(console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task("copying", total=None)
        made = backup.create(context, directory, lambda done, total: progress.update(task, completed=done, total=total))
    show(made, backup.read_manifest(made), as_json)
    if keep_days is not None:
        for old in backup.remove_old(directory, context.clock() - timedelta(days=keep_days)):
            say(f"removed: {old}")
    say(f"created: {made}; it contains secrets: encrypt it, and keep a copy elsewhere")


@command.command("list")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def list_(directory: Path, as_json: bool) -> None:
    """List the backups in DIRECTORY, oldest first. No store is needed."""
    found = {each: backup.read_manifest(each) for each in backup.made_in(directory)}
    sizes = {each: sum(file.stat().st_size for file in each.iterdir()) for each in found}
    if as_json:
        print_json([{"directory": str(each), "bytes": sizes[each], "manifest": found[each]} for each in found])
        return
    print_table(
        "Backups",
        ("backup", "store", "program", "tables", "CDRs", "bytes"),
        (
            (each.name, made.kind, made.program, made.schema, made.counts.get("cdrs"), sizes[each])
            for each, made in found.items()
        ),
        right=("CDRs", "bytes"),
    )


@command.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def verify(directory: Path, as_json: bool) -> None:
    """Check that the backup DIRECTORY is complete and undamaged. No store is needed."""
    show(directory, backup.check(directory), as_json)
    say("the backup is complete")


@command.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def restore(directory: Path, as_json: bool) -> None:
    """Restore the backup DIRECTORY into the configured store, which must be empty.

    All logins end; back ends log in again automatically. Data accepted after the backup is missing; partners can resend
    it.
    """
    show(directory, backup.restore(read_settings(), directory), as_json)
    say("restored; now check the store: echs verify")


def show(directory: Path, manifest: Manifest, as_json: bool) -> None:
    """What a backup holds."""
    if as_json:
        print_json({"directory": str(directory), "manifest": manifest})
        return
    facts = {"created": manifest.made_at, "by": f"eCHS {manifest.program}", "store": manifest.kind}
    counts = {name.replace("_", " "): count for name, count in manifest.counts.items()}
    included = SECRET_KEY_FILE in manifest.hashes
    key = "included" if included else "not included: keep a copy of the key that ECHS_SECRET_KEY sets"
    print_facts(str(directory), {**facts, "tables": manifest.schema, "secret key": key, **counts}.items())
