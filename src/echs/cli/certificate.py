"""``echs partner cert``: the client certificates that partners are known by."""

from typing import TextIO

import click

from echs.base.errors import printable
from echs.base.proxy_headers import CERTIFICATE_LIMIT
from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_json, print_table, say
from echs.config.settings import read_settings
from echs.partners import certificates


@click.group("cert")
def command() -> None:
    """Pin client certificates: a partner with a pinned certificate must present one in every request.

    The proxy must request client certificates and forward them, and ECHS_TRUSTED_PROXIES must name the proxy.
    """


@command.command("add")
@click.argument("user_id")
@click.argument("file", type=click.File("r", encoding="ascii", errors="replace"))
def add(user_id: str, file: TextIO) -> None:
    """Pin the certificate in FILE (PEM). Pin the next one before the current one expires; both are valid until then."""
    context = ready_context()
    certificate = certificates.add(context, user_id, file.read(CERTIFICATE_LIMIT))
    name, ends = printable(certificate.name), f"{certificate.ends_at:%Y-%m-%d}"
    say(f"pinned for {user_id}: {name}, SHA-256 {certificate.fingerprint}, valid until {ends}")
    if not read_settings().proxies:
        say("ECHS_TRUSTED_PROXIES names no proxy: until it does, eCHS sees no certificate and locks this partner out")


@command.command("list")
@click.argument("user_id")
@json_option
def list_(user_id: str, as_json: bool) -> None:
    """List a partner's certificates, ordered by expiry."""
    found = certificates.all_of(ready_context(), user_id)
    if as_json:
        print_json(found)
        return
    rows = ((each.fingerprint, each.name, each.added_at, each.ends_at) for each in found)
    print_table(f"Certificates of {user_id}", ("SHA-256", "name", "added", "expires"), rows)


@command.command("remove")
@click.argument("user_id")
@click.argument("fingerprint", metavar="SHA256")
def remove(user_id: str, fingerprint: str) -> None:
    """Unpin a certificate, named by at least eight digits of its SHA-256.

    Without a pinned certificate, the password alone is enough again.
    """
    context = ready_context()
    removed = certificates.remove(context, user_id, fingerprint)
    say(f"unpinned for {user_id}: {removed.fingerprint}")
    if not certificates.all_of(context, user_id):
        say("it has no pinned certificate left: its password alone is enough")
