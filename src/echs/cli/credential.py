"""``echs partner credential``: what a partner logs in with, beside its user id."""

from typing import Any

import click

from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_json, print_table, say
from echs.partners import credentials
from echs.partners.password import generate_password

name_argument = click.argument("name")


@click.group("credential")
def command() -> None:
    """Let a partner log in with several names, one for each of its back ends: all of them are the same partner."""


def password_of(password_file: Any) -> tuple[str, bool]:
    """The password, and whether it was made here and must be shown."""
    if password_file is None:
        return generate_password(), True
    try:
        return str(password_file.readline()).rstrip("\r\n"), False
    except UnicodeDecodeError:
        raise click.UsageError("the password file is not UTF-8 text") from None


def show_password(password: str) -> None:
    """Print a password that was made here, which nobody can be told again."""
    click.echo(f"Password (shown this once): {password}")


def password_option(function: Any) -> Any:
    """Where a password comes from."""
    return click.option(
        "--password-file",
        type=click.File("r"),
        metavar="FILE|-",
        help="Read the password from the first line of a file or of standard input. Default: generated, shown once.",
    )(function)


@command.command("add")
@click.argument("user_id")
@name_argument
@password_option
def add(user_id: str, name: str, password_file: Any) -> None:
    """Let the partner USER_ID log in as NAME too, with a password of its own."""
    password, made = password_of(password_file)
    credentials.add(ready_context(), user_id, name, password)
    say(f"{user_id} can log in as {name} now")
    if made:
        show_password(password)


@command.command("list")
@click.argument("user_id")
@json_option
def list_(user_id: str, as_json: bool) -> None:
    """List what a partner logs in with. Times are UTC."""
    found = credentials.all_of(ready_context(), user_id)
    if as_json:
        print_json(found)
        return
    rows = ((each.name, each.kind.value, each.created_at, "user id" if each.own else None) for each in found)
    print_table(f"Credentials of {user_id}", ("name", "kind", "created", "note"), rows)


@command.command()
@click.argument("user_id")
@name_argument
@password_option
def passwd(user_id: str, name: str, password_file: Any) -> None:
    """Set a new password for NAME. Only the logins end that were made with it."""
    password, made = password_of(password_file)
    credentials.set_password(ready_context(), user_id, name, password)
    say(f"the password of {name} is set; the logins made with it have ended")
    if made:
        show_password(password)


@command.command()
@click.argument("user_id")
@name_argument
def remove(user_id: str, name: str) -> None:
    """Remove NAME. The logins made with it end; all others go on."""
    credentials.remove(ready_context(), user_id, name)
    say(f"{user_id} can no longer log in as {name}")
