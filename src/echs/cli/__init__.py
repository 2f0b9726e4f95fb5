"""The command ``echs``: one file a subject, loaded when it is called.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or configuration, 3 not found, 4 conflict, 5 the store is not
available.
"""

import getpass
import os
import socket
import sys
from importlib import import_module
from typing import Any

import click

from echs import __version__
from echs.base import request_context
from echs.base.errors import Reason, Refused
from echs.base.request_context import COMMAND, RequestContext
from echs.config.settings import BadConfiguration

EXIT_FAILED, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_CONFLICT, EXIT_UNAVAILABLE = 1, 2, 3, 4, 5

# By the name of the reason, so that no room need be loaded to say that nothing was found.
EXIT_CODES = {
    "PARTNER_VALUE": EXIT_USAGE,
    "PARTNER_UNKNOWN": EXIT_NOT_FOUND,
    "RUN_UNKNOWN": EXIT_NOT_FOUND,
    "STATEMENT_UNKNOWN": EXIT_NOT_FOUND,
    "CDR_UNKNOWN": EXIT_NOT_FOUND,
    "CDR_OF_SEVERAL": EXIT_USAGE,
    "UPLOAD_UNKNOWN": EXIT_NOT_FOUND,
    "CDR_STATE": EXIT_CONFLICT,
    "LIST_UNKNOWN": EXIT_NOT_FOUND,
    "LIST_NOT_SET_ASIDE": EXIT_NOT_FOUND,
    "NOTHING_TO_UNDO": EXIT_CONFLICT,
    "JOB_UNKNOWN": EXIT_NOT_FOUND,
    "JOB_STATE": EXIT_CONFLICT,
    "DECISION_VALUE": EXIT_USAGE,
    "CONNECTION_VALUE": EXIT_USAGE,
    "CREDENTIAL_EXISTS": EXIT_CONFLICT,
    "CREDENTIAL_OWN": EXIT_CONFLICT,
    "CREDENTIAL_UNKNOWN": EXIT_NOT_FOUND,
    "CONNECTION_EXISTS": EXIT_CONFLICT,
    "CONNECTION_UNKNOWN": EXIT_NOT_FOUND,
    "PARTY_ID_NOT_OWNED": EXIT_NOT_FOUND,
    "PARTNER_EXISTS": EXIT_CONFLICT,
    "PARTNER_RETIRED": EXIT_CONFLICT,
    "PARTY_ID_TAKEN": EXIT_CONFLICT,
    "STORE_NOT_EMPTY": EXIT_CONFLICT,
    "STORE_UNAVAILABLE": EXIT_UNAVAILABLE,
    "STORE_FULL": EXIT_UNAVAILABLE,
    "CLOCK_WRONG": EXIT_UNAVAILABLE,
    "PURGE_UNKNOWN": EXIT_CONFLICT,
}

COMMANDS = {
    "serve": ("echs.cli.serve", "Run the server."),
    "db": ("echs.cli.db", "Create or upgrade the tables of the store."),
    "direct": ("echs.cli.direct", "Look into the address book of OCHPdirect."),
    "partner": ("echs.cli.partner", "Enrol and administer partners."),
    "connection": ("echs.cli.connection", "Connect providers and operators; open or close the house."),
    "cdr": ("echs.cli.cdr", "Look up charge detail records; hold, release or reject them."),
    "upload": ("echs.cli.upload", "Show partners' uploads, accepted and rejected."),
    "clear": ("echs.cli.clear", "Clear all pending charge detail records."),
    "run": ("echs.cli.run", "Look up clearing runs."),
    "job": ("echs.cli.job", "Show and retry background jobs, such as creating statements."),
    "work": ("echs.cli.work", "Run a job worker; `echs serve` starts one automatically."),
    "report": ("echs.cli.report", "Report a month's clearing totals."),
    "statement": ("echs.cli.statement", "Create a partner's statement for a run."),
    "list": ("echs.cli.list_", "Show the size and age of partners' lists."),
    "audit": ("echs.cli.audit", "Show the audit trail."),
    "verify": ("echs.cli.verify", "Check that the store is consistent."),
    "backup": ("echs.cli.backup", "Create, list, verify and restore backups."),
    "doctor": ("echs.cli.doctor", "Health check: settings, files, database and data, with fixes."),
    "purge": ("echs.cli.purge", "Delete the CDRs of old runs."),
    "validate": ("echs.cli.validate", "Check uploads without a server."),
    "demo": ("echs.cli.demo", "Run a roaming day on a real server with an empty store."),
}


class LazyCommands(click.Group):
    """A group that knows its commands by name and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Settings are ECHS_* environment variables; docs/settings.md lists them.",
)
@click.version_option(__version__, prog_name="echs")
def echs() -> None:
    """eCHS, an open clearing house for electric-vehicle roaming."""


def main() -> None:
    """Run the command and leave with its exit code; what is refused is told in a sentence on standard error."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command line; the exit code."""
    request_context.begin(RequestContext(channel=COMMAND, actor=system_user(), origin=socket.gethostname()))
    try:
        result: Any = echs.main(arguments, prog_name="echs", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.exceptions.Abort:
        click.echo("echs: stopped", err=True)
        return 130
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"echs: {error.format_message()}", err=True)
        return error.exit_code
    except BadConfiguration as error:
        for line in error.errors:
            click.echo(f"echs: {line}", err=True)
        return EXIT_USAGE
    except PermissionError as error:
        click.echo(f"echs: {error.filename}: {error.strerror}; run the command as the owner of this file", err=True)
        return EXIT_UNAVAILABLE
    except Refused as refused:
        for problem in refused.problems:
            click.echo(f"echs: {problem.detail}{cause_of(refused)}", err=True)
        return exit_code(refused.first.reason)
    return result if isinstance(result, int) else 0


def system_user() -> str:
    """Who calls the command, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return f"uid {os.getuid()}"


def cause_of(refused: Refused) -> str:
    """What the store itself said, for the administrator, who can do something about it."""
    original = getattr(refused.__cause__, "orig", None)
    return f" ({str(original).strip().splitlines()[0]})" if original is not None and str(original).strip() else ""


def exit_code(reason: Reason) -> int:
    """The exit code for a refusal."""
    return EXIT_CODES.get(reason.value, EXIT_FAILED)
