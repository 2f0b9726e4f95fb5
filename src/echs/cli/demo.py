"""``echs demo``: a real server on a free port with a fresh store, and a roaming day played on it over HTTP."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError
from urllib.request import urlopen

import click

from echs.cli.output import print_table, say, this_command
from echs.config.app_context import AppContext, open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from echs.partners.enrolment import Ownership, add_partner, set_market_id
from echs.partners.partner import PartyRole
from echs.partners.password import generate_password
from echs.protocols.ochp02.contracts import SPECIFIED
from echs.protocols.ochp14.contracts import PUBLISHED

MARK = ".made-by-echs-demo"
START_SECONDS = 30

# User id, company, ids, time zone, administrator.
CAST = (
    ("tnm", "The New Motion", Ownership(["TheNewMotion"], ["TheNewMotion"], [5]), "Europe/Amsterdam", False),
    ("anwb", "ANWB", Ownership([], ["ANWB"], []), "Europe/Amsterdam", False),
    ("ladenetz", "ladenetz.de, Köln", Ownership(["ladenetz.de"], ["ladenetz.de"], [3]), "Europe/Berlin", False),
    ("voltway", "Voltway, Utrecht", Ownership(["NL-VOL"], ["NL-VOL"], []), "Europe/Amsterdam", False),
    ("office", "Clearing office", Ownership(), "UTC", True),
)


# Who speaks OCHP 1.4; the others meet it by their market ids.
NEW = "voltway"
MARKET_IDS = (
    ("tnm", "TheNewMotion", "NLTNM", tuple(PartyRole)),
    ("anwb", "ANWB", "NLANW", (PartyRole.PROVIDER,)),
    ("ladenetz", "ladenetz.de", "DELND", tuple(PartyRole)),
)


@click.command("demo")
@click.option("--once", is_flag=True, help="Exit after the roaming day instead of serving until Ctrl-C.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Directory for the store and the statements. Emptied first if an earlier demo created it.",
)
def command(once: bool, directory: Path) -> None:
    """Run a roaming day: four companies, one of OCHP 1.4, a clearing office, a real server, an empty store.

    Explains each step, saves the statements, prints the logins, and then serves until Ctrl-C.
    """
    try:
        from echs.cli import roaming_day, roaming_day14
    except ImportError:
        raise click.ClickException(
            "the demo needs zeep as the partners' SOAP client; install it: pip install 'echs[demo]'"
        ) from None
    fresh(directory)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
    environment.update(ECHS_DATA_DIR=str(directory), ECHS_PUBLIC_URL=url)
    # The demo talks to its own server alone, whatever proxy leads outside.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    context = open_app_context(read_settings(environment))
    schema.upgrade(context.database)
    passwords = enrol(context)
    say(f"starting a real server on port {port}, with an empty store in {directory}/")
    with serving(port, environment, directory / "server.log") as process:
        wait_for(f"{url}{SPECIFIED.path}?wsdl", process)
        old = {user_id: password for user_id, password in passwords.items() if user_id != NEW}
        story, cast = roaming_day.play(f"{url}{SPECIFIED.path}?wsdl", old, directory)
        roaming_day14.play(story, f"{url}{PUBLISHED.service_path}?wsdl", passwords[NEW], cast, directory)
        click.echo(f"Statements: {directory}/statement-*.pdf and .csv")
        click.echo(f"Explore:    ECHS_DATA_DIR={directory} {this_command()} run show 1")
        click.echo(f"            ECHS_DATA_DIR={directory} {this_command()} cdr list --warnings")
        if once:
            click.echo("The server has stopped; without --once it keeps running, with logins to try.")
            return
        print_table(
            "Logins",
            ("user id", "password", "company", "administrator"),
            ((user_id, passwords[user_id], name, administrator) for user_id, name, _, _, administrator in CAST),
        )
        click.echo(f"WSDL:       {url}{SPECIFIED.path}?wsdl")
        click.echo(f"            {url}{PUBLISHED.service_path}?wsdl (OCHP 1.4, {NEW})")
        click.echo("Serving until Ctrl-C.")
        process.wait()


def fresh(directory: Path) -> None:
    """An empty directory with our mark; one that is not ours is left alone."""
    if directory.exists():
        if any(directory.iterdir()) and not (directory / MARK).exists():
            raise click.UsageError(f"{directory} is not empty and was not created by a demo; choose another with --dir")
        shutil.rmtree(directory)
    directory.mkdir(parents=True, mode=0o700)
    (directory / MARK).touch()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def enrol(context: AppContext) -> dict[str, str]:
    """Enrol the cast; the passwords by user id."""
    passwords = {}
    for user_id, name, owns, timezone, administrator in CAST:
        passwords[user_id] = generate_password()
        add_partner(context, user_id, name, passwords[user_id], owns, administrator=administrator, timezone=timezone)
    for user_id, party_id, market_id, roles in MARKET_IDS:
        for role in roles:
            set_market_id(context, user_id, role, party_id, market_id)
    return passwords


@contextmanager
def serving(port: int, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, ended with the block; Ctrl-C ends it too and is no error, as does a request to stop."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, stop)
    arguments = [sys.executable, "-m", "echs", "serve", "--bind", f"127.0.0.1:{port}"]
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches this process alone, which then ends the server.
        process = subprocess.Popen(arguments, env=environment, stdout=output, stderr=output, start_new_session=True)  # noqa: S603
        try:
            yield process
        except KeyboardInterrupt:
            say("stopping")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=35)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise click.ClickException("the server did not start; see server.log in the demo directory")
